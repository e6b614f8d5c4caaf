"""A memory that sums up, with the seat's own model, what is longer ago."""

from collections.abc import Sequence

from hubbub.errors import ModelError
from hubbub.messages import Remembered
from hubbub.mind import Ask, Part
from hubbub.models.base import View
from hubbub.policies import Summary
from hubbub_agents.desk import Desk
from hubbub_agents.lines import line_of_memory
from hubbub_agents.memory.base import (
    Line,
    Made,
    Memory,
    Recalled,
    newest,
    oldest,
    shrinking,
)
from hubbub_agents.tokens import tokens

#: Calls before an answer; what is left over then is summed up before the next one.
CALLS = 2
#: Contexts' worth of lines that are held until they are summed up.
HELD = 4
#: Characters of a summary for each of its tokens.
CHARACTERS = 6


class SummaryMemory(Memory):
    """Shows its last summary, and the lines that came after what that covers."""

    def __init__(self, part: Part, policy: Summary) -> None:
        super().__init__(part, bound=HELD * part.context)
        # More than half of what a prompt can hold would push out what it follows.
        half = max(1, (part.context - part.sampling.max_tokens) // 2)
        self._policy = policy
        self._limit = min(policy.limit, half)
        self._keep = min(policy.keep, half // 2)
        self._summary: Remembered | None = None
        # Lines that a summary covers.
        self._covered = 0

    def settle(self, made: Made) -> None:
        self._summary = made.memory
        while self.lines and self.lines[0].seq <= made.memory.upto:
            self.forget()
            self._covered += 1

    def _state(self, ask: str) -> tuple[Remembered | None, list[Line]]:
        """The summary that *ask* knows, and the lines that it does not cover."""
        summary = self._summary
        for made in self.fresh(ask):
            summary = made.memory
        upto = summary.upto if summary else 0
        return summary, [line for line in self.lines if line.seq > upto]

    async def keep(self, desk: Desk) -> None:
        for _ in range(CALLS):
            summary, rest = self._state(desk.ask.id)
            if sum(line.tokens for line in rest) <= self._limit:
                return
            old = rest[: len(rest) - len(newest(rest, self._keep))]
            before = (line_of_memory(summary),) if summary else ()
            room = desk.room("summary", self._policy.size) - sum(map(tokens, before))
            old = oldest(old, room)
            await self._sum_up(desk, summary, before, old)

    async def _sum_up(
        self,
        desk: Desk,
        summary: Remembered | None,
        before: tuple[str, ...],
        old: Sequence[Line],
    ) -> None:
        covers: Sequence[Line] = old
        made_from = (summary.memory,) if summary else ()

        async def attempt(limit: int) -> str:
            nonlocal covers
            covers = oldest(old, limit)
            view = View(messages=tuple(line.seq for line in covers), memories=made_from)
            lines = (*before, *(line.text for line in covers))
            return await desk.write(
                "summary", lines, view, reply=self._policy.size, calls=CALLS
            )

        text = (await shrinking(sum(line.tokens for line in old), attempt)).strip()
        if not text:
            raise ModelError("bad_reply", "the summary has no words")
        memory = Remembered(
            memory="",
            form="summary",
            text=text[: CHARACTERS * self._policy.size],
            upto=covers[-1].seq,
            about=(*made_from, *(str(line.seq) for line in covers)),
        )
        await self.make(desk.ask, memory)

    def recall(self, ask: Ask, limit: int) -> Recalled:
        summary, rest = self._state(ask.id)
        lines: tuple[str, ...] = ()
        if summary and tokens(line_of_memory(summary)) + 1 <= limit:
            lines = (line_of_memory(summary),)
            limit -= tokens(lines[0]) + 1
        shown = newest(rest, limit)
        covered = self._covered + len(self.lines) - len(rest) if lines else 0
        view = View(
            messages=tuple(line.seq for line in shown),
            memories=(summary.memory,) if summary and lines else (),
            dropped=self.total - covered - len(shown),
        )
        return Recalled((*lines, *(line.text for line in shown)), view)
