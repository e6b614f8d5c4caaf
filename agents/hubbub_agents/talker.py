"""
Rule minds with words: each speaks from its own topics, which hearing others shifts.

They choose partners either evenly (`Uniform`) or by how often they have talked
(`Reinforcement`), the two ends between which a party's circles can lie.
"""

import random
from collections import Counter
from typing import Annotated, ClassVar

import msgspec

from hubbub.messages import Left, Message, PhaseOpened, Said
from hubbub.mind import Ask, Mind, Part
from hubbub.questions import (
    Accept,
    Acceptance,
    Invitation,
    Invite,
    Speech,
    Turn,
)
from hubbub.regulation import Regulate
from hubbub_agents.topics import TOPICS, sentence
from hubbub_agents.watching import Watch, WatchOptions

Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class TalkerOptions(WatchOptions, frozen=True, forbid_unknown_fields=True):
    """
    How a talker is disposed.

    *sway*: weight that a heard topic gains, against an own total of 1.  *invites* and
    *accepts*: probabilities.  *leaves*: probability of ending a conversation at a turn
    after its first.  *habit*: weight that one conversation adds to a partner's 1, which is
    raised to the power of *focus*: with 1 preferences are steady, above 1 they narrow.
    """

    sway: Weight = 0.1
    invites: Chance = 1.0
    accepts: Chance = 0.8
    leaves: Chance = 0.2
    habit: Weight = 1.0
    focus: Annotated[float, msgspec.Meta(ge=0, le=10)] = 2.0


class Uniform(Mind):
    """Invites everybody with the same probability."""

    #: What its options are read as; a subclass may have more.
    options: ClassVar[type[TalkerOptions]] = TalkerOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._options = part.read(self.options)
        #: How many conversations it has had with each other seat.
        self.met: Counter[str] = Counter()
        self._weights = _first_weights(part.rng)
        watches = bool(self._options.uses)
        self._watch = Watch(part.seat, self._options) if watches else None

    @property
    def topics(self) -> dict[str, float]:
        """How likely it is to speak of each topic; sums to 1."""
        total = sum(self._weights.values())
        return {topic: weight / total for topic, weight in self._weights.items()}

    def observe(self, event: Message) -> None:
        if self._watch is not None:
            self._watch.observe(event)
        match event.body:
            case Said(text=text) | Left(text=text) if event.sender != self.part.seat:
                self._hear(text)
            case PhaseOpened(form="chat", seats=seats):
                self.met.update(seat for seat in seats if seat != self.part.seat)
            case _:
                pass

    def _hear(self, text: str) -> None:
        sway = self._options.sway
        for topic, words in TOPICS.items():
            if any(word in text for word in words):
                self._weights[topic] += sway

    async def act(self, ask: Ask) -> object:
        rng = ask.rng
        match ask.question:
            case Invite(others=others):
                return self._invite(others, rng)
            case Accept(invited_by=inviters):
                accepts = self._options.accepts
                return Acceptance(tuple(n for n in inviters if rng.random() < accepts))
            case Turn() as turn:
                return self.chat(turn, rng)
            case Regulate() as review if self._watch is not None:
                return self._watch.deeds(review)
            case _:
                return None

    def _invite(self, others: tuple[str, ...], rng: random.Random) -> Invitation:
        if not others or rng.random() >= self._options.invites:
            return Invitation()
        weights = [self.liking(other) for other in others]
        return Invitation(rng.choices(others, weights)[0])

    def liking(self, other: str) -> float:
        """The weight of *other* when choosing whom to invite."""
        return 1.0

    def chat(self, turn: Turn, rng: random.Random) -> Speech:
        """What it says in *turn* of its own topics, and whether it leaves with it."""
        topics = list(self._weights)
        topic = rng.choices(topics, list(self._weights.values()))[0]
        leaves = turn.turn > 1 and rng.random() < self._options.leaves
        return Speech(sentence(topic, rng), leave=leaves and not turn.parting)


class Reinforcement(Uniform):
    """Invites those it has talked with before, the more often the likelier."""

    def liking(self, other: str) -> float:
        weight = 1.0 + self._options.habit * self.met[other]
        return float(weight**self._options.focus)


def _first_weights(rng: random.Random) -> dict[str, float]:
    """A seat's own leanings before it has heard anybody; sums to 1."""
    drawn = {topic: rng.gammavariate(0.5, 1.0) for topic in TOPICS}
    total = sum(drawn.values())
    return {topic: weight / total for topic, weight in drawn.items()}
