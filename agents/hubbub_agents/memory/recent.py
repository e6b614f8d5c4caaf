"""Memories that show what was heard as it was heard: all of it, or a window."""

from hubbub.mind import Ask, Part
from hubbub.models.base import View
from hubbub.policies import Window
from hubbub_agents.memory.base import Line, Memory, Recalled, newest


class FullMemory(Memory):
    """Shows everything, the newest where not all of it fits the context."""

    def __init__(self, part: Part) -> None:
        super().__init__(part, bound=part.context)

    def recall(self, ask: Ask, limit: int) -> Recalled:
        shown = newest(self.inside(), limit)
        view = View(
            messages=tuple(line.seq for line in shown), dropped=self.total - len(shown)
        )
        return Recalled(tuple(line.text for line in shown), view)

    def inside(self) -> list[Line]:
        """The lines that may be shown, in order."""
        return [*self.lines]


class WindowMemory(FullMemory):
    """Shows the last rounds, messages or tokens."""

    def __init__(self, part: Part, policy: Window) -> None:
        super().__init__(part)
        self._policy = policy

    def inside(self) -> list[Line]:
        policy, lines = self._policy, [*self.lines]
        if policy.rounds is not None:
            since = self.round - policy.rounds
            lines = [line for line in lines if line.round > since]
        if policy.messages is not None:
            lines = lines[-policy.messages :]
        if policy.tokens is not None:
            lines = newest(lines, policy.tokens)
        return lines
