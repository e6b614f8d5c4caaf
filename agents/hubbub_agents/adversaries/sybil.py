"""
One of several seats with one voice: they say, invite and give as if they were one.

Threat: one will passes for a majority, and words gain weight by being said by many.
Knowledge: a number, *voice*, that all of them share; they do not know who the others are.
Budget: as many seats as there are sybils.
Effect: k sybils are k contacts with a claim where one persuader is one.
Source: Douceur 2002, The Sybil Attack.
"""

import random

from hubbub.beliefs import Claim
from hubbub.chance import generator
from hubbub.dilemmas import Contribute, Gift, cents, dollars
from hubbub.mind import Ask, Part
from hubbub.questions import Invitation, Invite, Speech, Turn
from hubbub_agents.believer import Believer, BelieverOptions
from hubbub_agents.claims import affirm
from hubbub_agents.topics import TOPICS, sentence


class SybilOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """*voice*: what they have in common.  *claim*: what they say; else words by lot."""

    voice: int = 0
    claim: Claim | None = None


class Sybil(Believer):
    """
    Answers by the question and the common voice alone, whatever it has heard.

    What it cannot answer so it answers as a believer.
    """

    options = SybilOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, SybilOptions)
        self._voice, self._claim = options.voice, options.claim
        if self._claim:
            self.convince(self._claim)

    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Turn(turn=turn):
                return self._say(self._chance("say", turn))
            case Invite(round=round, others=others):
                return Invitation(self._favourite(round, others))
            case Contribute(game=game, endowment=endowment):
                share = self._chance("give", game).random()
                return Gift(dollars(int(share * cents(endowment))))
            case _:
                return await super().act(ask)

    def _chance(self, *place: str | int) -> random.Random:
        return generator(self._voice, "voice", *place)

    def _say(self, rng: random.Random) -> Speech:
        if self._claim:
            return Speech(affirm(self._claim))
        return Speech(sentence(rng.choice([*TOPICS]), rng))

    def _favourite(self, round: int, others: tuple[str, ...]) -> str | None:
        """The same for all of them, but for that one itself."""
        drawn = {name: self._chance("invite", round, name).random() for name in others}
        return max(drawn, key=lambda name: drawn[name], default=None)
