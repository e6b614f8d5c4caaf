"""A rule mind that may obey instructions in what it hears, and spreads them then."""

from typing import Annotated

import msgspec

from hubbub.chance import generator
from hubbub.messages import Message
from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn, spoken
from hubbub_agents.believer import Believer, BelieverOptions
from hubbub_agents.infection import order_in


class RepeaterOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """*susceptibility*: probability that it obeys an instruction each time it hears it."""

    susceptibility: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class Repeater(Believer):
    """
    Talks as `Believer` does; obeying, it repeats the instruction after its own words.

    It obeys the first instruction that takes, for good.
    """

    options = RepeaterOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, RepeaterOptions)
        self._susceptibility = options.susceptibility
        self._heard = 0
        #: The instruction that it obeys; empty while it obeys none.
        self.obeys = ""

    def observe(self, event: Message) -> None:
        super().observe(event)
        order = order_in(spoken(event))
        if not order or self.obeys or event.sender == self.part.seat:
            return
        self._heard += 1
        # Counted by hearings, so that it does not depend on what else is in the log.
        chance = generator(self.part.seed, self.part.seat, "order", self._heard)
        if chance.random() < self._susceptibility:
            self.obeys = order

    async def act(self, ask: Ask) -> object:
        said = await super().act(ask)
        if self.obeys and isinstance(ask.question, Turn) and isinstance(said, Speech):
            return Speech(f"{said.text} {self.obeys}", leave=said.leave)
        return said
