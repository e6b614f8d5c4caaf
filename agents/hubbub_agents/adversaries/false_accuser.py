"""
Turns the powers by which a collective protects itself against its honest members.

Threat: who is accused often enough is shunned, muted or expelled, whatever it has done.
Knowledge: the names of those present; with a *scapegoat*, the one its allies accuse too.
Budget: its own seat: one flag, one report and one vote a review, against *many* seats.
Effect: alone it raises false alarms; as many as others heed, or a majority, expel.
Source: bad-mouthing, Dellarocas 2000, Immunizing Online Reputation Reporting Systems.
"""

from typing import Annotated

import msgspec

from hubbub.mind import Ask, Part
from hubbub.regulation import Deeds, Regulate, deed
from hubbub_agents.believer import Believer, BelieverOptions

#: What it says of whoever it accuses.
SLANDER = "gives too little"


class AccuserOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """
    *scapegoat*: the seat that it accuses, while it is there; else it draws them by lot.
    *many*: how many it accuses at once.
    """

    scapegoat: str = ""
    many: Annotated[int, msgspec.Meta(ge=1)] = 1


class FalseAccuser(Believer):
    """Uses every power that there is against seats that it has nothing against."""

    options = AccuserOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, AccuserOptions)
        self._aim = options

    async def act(self, ask: Ask) -> object:
        if not isinstance(ask.question, Regulate):
            return await super().act(ask)
        others, aim = ask.question.others, self._aim
        accused = [aim.scapegoat] if aim.scapegoat in others else []
        if not aim.scapegoat:
            accused = ask.rng.sample(others, min(aim.many, len(others)))
        return Deeds(
            tuple(
                deed(power, seat, SLANDER)
                for seat in accused
                for power in ask.question.powers
            )
        )
