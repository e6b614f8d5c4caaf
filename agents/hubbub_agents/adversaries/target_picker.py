"""
A persuader that invites whom the others follow.

Threat: one adversary with few contacts moves many by moving the right one.
Knowledge: who has spoken within its hearing, and whose words others took up.
Budget: its own seat, invitations and turns, like a persuader that invites anybody.
Effect: its contacts go to one seat; compare with a persuader, which invites by lot.
Source: Li et al. 2023, Attacking Cooperative MARL by Adversarial Minority Influence.
"""

from collections import Counter
from typing import Annotated

import msgspec

from hubbub.messages import Message
from hubbub.mind import Ask, Part
from hubbub.questions import Invitation, Invite, spoken
from hubbub_agents.adversaries.persuader import Persuader, PersuaderOptions
from hubbub_agents.grams import grams, likeness


class PickerOptions(PersuaderOptions, frozen=True, forbid_unknown_fields=True):
    """*echo*: the likeness from which words count as somebody else's taken up."""

    echo: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5


class TargetPicker(Persuader):
    """
    Invites who has most influence, by what it has heard itself.

    Whoever speaks like somebody before adds that likeness to the influence of the one
    whose last words are most like it.  While nobody has any, it invites by lot.
    """

    options = PickerOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, PickerOptions)
        self._echo = options.echo
        self._last: dict[str, int] = {}
        #: How much others have taken up of each seat's words.
        self.influence: Counter[str] = Counter()

    def observe(self, event: Message) -> None:
        super().observe(event)
        speaker, text = event.sender, spoken(event)
        if not text or speaker == self.part.seat or speaker not in self.part.seats:
            return
        said = grams(text)
        alike = {s: likeness(said, w) for s, w in self._last.items() if s != speaker}
        source = max(alike, key=lambda seat: alike[seat], default="")
        if source and alike[source] >= self._echo:
            # In thousandths: sums of whole numbers do not depend on their order.
            self.influence[source] += round(1000 * alike[source])
        self._last[speaker] = said

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Invite):
            others = [name for name in ask.question.others if self.influence[name]]
            if others:
                return Invitation(max(others, key=lambda name: self.influence[name]))
        return await super().act(ask)
