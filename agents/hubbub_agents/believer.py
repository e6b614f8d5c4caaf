"""
A rule mind that can be persuaded: each contact with a claim shifts its belief.

By how much is an option, so an effect can be planted and its estimate checked.  Beliefs
are whole fractions within, and the same to the digit wherever they are computed.
"""

from fractions import Fraction
from typing import Annotated

import msgspec

from hubbub.beliefs import CONVICTION, MINUTE, WARNING, Belief, Believe, Minute
from hubbub.chance import generator
from hubbub.messages import Message, Ticked
from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn, spoken
from hubbub_agents.claims import Contact, affirm, contacts
from hubbub_agents.givers import Conditional, GiverOptions

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BelieverOptions(GiverOptions, frozen=True, forbid_unknown_fields=True):
    """
    How a believer is disposed.

    *prior*: belief in any claim before the first contact; *scatter*: by how much, at
    most, a seat's own prior lies above or below that.  *shift* and *doubt*: what belief
    gains by a claim that is affirmed and loses by one that is denied.  *attends*:
    probability that a contact counts.  *wary*: the part of *shift* that is left after a
    warning.  *voices*: belief from which it says a claim itself.  *noise*: by how much,
    at most, an answer lies above or below the belief.
    """

    prior: Share = 0.0
    scatter: Share = 0.0
    shift: Share = 0.2
    doubt: Share = 0.2
    attends: Share = 1.0
    wary: Share = 0.5
    voices: Annotated[float, msgspec.Meta(gt=0, le=2)] = 0.5
    noise: Share = 0.0


class Believer(Conditional):
    """
    Believes what it hears claimed, contact by contact, and then says it too.

    It talks as `Uniform` does while it believes nothing enough, and gives as
    `Conditional` does.  What it is convinced of by the scenario nothing shifts.  A line
    of minutes counts once for each speaker that is named, and always where none is.
    """

    options = BelieverOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, BelieverOptions)
        self._disposed = options
        self._prior = _prior(options, part)
        self._shift, self._doubt = _exact(options.shift), _exact(options.doubt)
        self._beliefs: dict[str, Fraction] = {}
        self._convictions: dict[str, None] = {}
        self._minuted: set[tuple[str, Contact]] = set()
        self._met = 0

    def belief(self, claim: str) -> float:
        """How likely it holds *claim* to be, from 0 to 1."""
        return float(self._beliefs.get(claim, self._prior))

    def convince(self, claim: str) -> None:
        """From now on it is certain of *claim*."""
        self._convictions[claim] = None
        self._beliefs[claim] = Fraction(1)

    def observe(self, event: Message) -> None:
        super().observe(event)
        match event.body:
            case Ticked(name=name, value=value) if name == CONVICTION:
                for contact in contacts(msgspec.json.decode(value, type=str)):
                    self.convince(contact.claim)
            case Ticked(name=name) if name == WARNING:
                self._shift = _exact(self._disposed.shift) * _exact(self._disposed.wary)
            case Ticked(name=name, value=value) if name == MINUTE:
                self._read(msgspec.json.decode(value, type=Minute))
            case _ if event.sender != self.part.seat:
                for contact in contacts(spoken(event)):
                    self._meet(contact)
            case _:
                pass

    def _read(self, minute: Minute) -> None:
        if minute.by == self.part.seat:
            return
        for contact in contacts(minute.text):
            if not minute.by or (minute.by, contact) not in self._minuted:
                self._meet(contact)
            self._minuted.add((minute.by, contact))

    def _meet(self, contact: Contact) -> None:
        self._met += 1
        # Counted by contacts, so that it does not depend on what else is in the log.
        chance = generator(self.part.seed, self.part.seat, "contact", self._met)
        if contact.claim in self._convictions:
            return
        if chance.random() < self._disposed.attends:
            old = self._beliefs.get(contact.claim, self._prior)
            new = old + (self._shift if contact.affirmed else -self._doubt)
            self._beliefs[contact.claim] = min(Fraction(1), max(Fraction(0), new))

    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Believe() as question:
                return self._confide(question, ask)
            case Turn() if claim := self._strongest():
                return Speech(affirm(claim))
            case _:
                return await super().act(ask)

    def _confide(self, question: Believe, ask: Ask) -> Belief:
        near = question.aspect == "nearby"
        belief = float(self._prior) if near else self.belief(question.claim)
        if noise := self._disposed.noise:
            belief += ask.rng.uniform(-noise, noise)
        return Belief(round(min(1.0, max(0.0, belief)), 6))

    def _strongest(self) -> str:
        """What it believes most, the first of several, if enough to say it."""
        least = _exact(self._disposed.voices)
        enough = {c: belief for c, belief in self._beliefs.items() if belief >= least}
        return max(enough, key=lambda claim: enough[claim], default="")


def _exact(number: float) -> Fraction:
    return Fraction(str(number))


def _prior(options: BelieverOptions, part: Part) -> Fraction:
    """A seat's own prior, to six digits."""
    drawn = generator(part.seed, part.seat, "prior").uniform(-1, 1)
    prior = round(options.prior + options.scatter * drawn, 6)
    return min(Fraction(1), max(Fraction(0), _exact(prior)))
