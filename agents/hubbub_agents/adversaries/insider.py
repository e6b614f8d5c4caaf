"""
An ordinary and trusted member until a given event, an adversary from then on.

Threat: harm by somebody who has earned trust, which is worse than a stranger's.
Knowledge: all that a member of that standing has heard.
Budget: its own seat; it turns once, at a *round* or at a ``seq``.
Effect: nothing before it turns; then that of the mind it turns into, among friends.
Source: Lai et al. 2024 (arXiv 2402.12590), section 5, betrayal by a trusted member.
"""

from typing import Annotated, Any

import msgspec

from hubbub.errors import BadPopulation
from hubbub.messages import Message, RoundBegan
from hubbub.mind import Ask, Mind, Part
from hubbub.registry import load_mind

Place = Annotated[int, msgspec.Meta(ge=1)]


class InsiderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    *round* or *seq*: it turns with the first event it hears that is so far; one of them
    is given.  *before* and *after*: the minds it has, with their options.
    """

    round: Place | None = None
    seq: Place | None = None
    before: str = "believer"
    before_options: dict[str, Any] = {}
    after: str = "free-rider"
    after_options: dict[str, Any] = {}


class Insider(Mind):
    """Two minds that both observe; which one acts is a fold of what has been observed."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(InsiderOptions)
        if (options.round is None) == (options.seq is None):
            raise BadPopulation(
                f"seat {part.seat} is an insider: it turns at a round or at a seq, and "
                "its options say which"
            )
        self._when = options
        self._before = _mind(part, options.before, options.before_options)
        self._after = _mind(part, options.after, options.after_options)
        #: Whether it has turned.
        self.turned = False

    def observe(self, event: Message) -> None:
        self.turned = self.turned or self._is_time(event)
        self._before.observe(event)
        self._after.observe(event)

    def _is_time(self, event: Message) -> bool:
        if self._when.seq is not None:
            return event.seq >= self._when.seq
        assert self._when.round is not None
        body = event.body
        return isinstance(body, RoundBegan) and body.round >= self._when.round

    async def act(self, ask: Ask) -> object:
        return await (self._after if self.turned else self._before).act(ask)


def _mind(part: Part, name: str, options: dict[str, Any]) -> Mind:
    return load_mind(name)(msgspec.structs.replace(part, options=options))
