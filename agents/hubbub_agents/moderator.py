"""A rule mind for an overseer: it rules by how many different seats have reported."""

from collections import defaultdict
from typing import Annotated

import msgspec

from hubbub.messages import Asked, Message
from hubbub.mind import Ask, Mind, Part
from hubbub.rulings import Rule, Rulings, Sanction


class ModeratorOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    *threshold*: so many different seats must have reported one, at any time, for the
    *sanction*; with fewer there is the *first* one.
    """

    threshold: Annotated[int, msgspec.Meta(ge=1)] = 2
    sanction: Sanction = "expel"
    first: Sanction = "warn"


class _Tag(msgspec.Struct):
    type: str = ""


class Moderator(Mind):
    """Believes reports by their number; what else it is asked it passes."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._options = part.read(ModeratorOptions)
        #: Who has reported each seat so far.
        self.reporters: defaultdict[str, set[str]] = defaultdict(set)

    def observe(self, event: Message) -> None:
        match event.body:
            case Asked(question=question):
                if msgspec.json.decode(question, type=_Tag).type == "rule":
                    for report in msgspec.json.decode(question, type=Rule).reports:
                        self.reporters[report.seat].add(report.by)
            case _:
                pass

    async def act(self, ask: Ask) -> object:
        if not isinstance(ask.question, Rule):
            return None
        return Rulings({seat: self._decide(seat) for seat in ask.question.accused})

    def _decide(self, seat: str) -> Sanction:
        enough = len(self.reporters[seat]) >= self._options.threshold
        return self._options.sanction if enough else self._options.first
