"""A run's self-regulation, read from its log: deeds, reviews, and whom adversaries reached."""

from collections.abc import Iterable
from typing import Any

import msgspec

from hubbub.hearers import Hearing
from hubbub.measures.adversaries import SPEAKING, Adversaries, Adversary
from hubbub.messages import (
    Asked,
    Contributed,
    Lifted,
    Message,
    PhaseClosed,
    Resulted,
    RoundBegan,
    Started,
)
from hubbub.questions import spoken
from hubbub.regulation import Deed, Deeds
from hubbub.standing import REVIEW, Review, Standing

#: The result by which a scenario declares a game of giving.
_GAME = "game"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """
    At *seq*, in the review after *round*, *by* has done something about a seat.

    *honest* says that *by* was no adversary when it did, *false* that the seat was none.
    """

    seq: int
    round: int
    by: str
    what: Deed
    honest: bool
    false: bool


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """
    The review after *round*, declared at *seq*.

    Of those *present* some were *honest*, and some of them all *expelled*.
    """

    seq: int
    round: int
    present: tuple[str, ...]
    honest: tuple[str, ...]
    expelled: tuple[str, ...]


class Course:
    """
    What a log says of the self-regulation of its run: a fold of its messages.

    Adversaries are those of the room ``@truth``, participants and members that were
    turned, while they hold; and those *hostile* from the first round on, for seats that a
    population has had from the start.  The rounds are those of ``stage.rounds``.
    """

    def __init__(self, hostile: Iterable[str] = ()) -> None:
        self.rounds = 0
        self.acts: list[Act] = []
        self.sittings: list[Sitting] = []
        #: By round and adversary, whom it reached; see `read_course`.
        self.reached: dict[int, dict[str, set[str]]] = {}
        #: By round and seat, what it gave in games of giving, in dollars.
        self.gave: dict[int, dict[str, list[float]]] = {}
        #: The round in which each injection ended that has.
        self.ended: dict[str, int] = {}
        self._truth = Adversaries()
        for seat in hostile:
            self._truth.all[f"hostile {seat}"] = Adversary(
                id=f"hostile {seat}",
                surface="participant",
                seats=(seat,),
                began=1,
                onset=1,
                round=1,
                spans=[(1, None)],
            )
        self._overseer = ""
        self._hearing = Hearing()
        self._standing = Standing()
        self._asked: dict[str, int] = {}
        self._closed: set[int] = set()

    @property
    def adversaries(self) -> dict[str, Adversary]:
        """Every seat that is adversarial at any time, with what makes it so first."""
        found: dict[str, Adversary] = {}
        for each in self._truth.all.values():
            for seat in each.seats:
                if each.surface in SPEAKING:
                    found.setdefault(seat, each)
        return found

    @property
    def honest(self) -> set[str]:
        """Every seat that is never adversarial, but for the overseer."""
        return set(self._truth.everybody) - {*self.adversaries, self._overseer}

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        self._truth.apply(message)
        for hearer, heard in self._hearing.apply(message):
            if spoken(heard) and self._is_hostile(heard.sender, heard.seen):
                self._reach(heard.sender, [hearer])
        match message.body:
            case Started(parameters=parameters):
                self._overseer = _text(parameters.get("overseer"))
            case RoundBegan(round=round):
                self.rounds = round
            case Lifted(id=id):
                self.ended[id] = self.rounds
            case Asked(ask=ask, question=question):
                if _tag(question).type == "regulate":
                    self._asked[ask] = self.rounds
            case PhaseClosed(step=step):
                self._closed.add(step)
            case Contributed(ask=ask) as given if ask in self._asked:
                self._act(message, given)
            case Resulted(name=name, value=value) if name == REVIEW:
                self._sit(message.seq, msgspec.json.decode(value, type=Review))
            case Resulted(name=name, value=value) if name == _GAME:
                self._play(message.seq, value)
            case _:
                pass

    def _is_hostile(self, seat: str, seen: int) -> bool:
        return self._truth.speaks(seat, seen)

    def _reach(self, seat: str, others: Iterable[str]) -> None:
        by_seat = self.reached.setdefault(self.rounds, {})
        by_seat.setdefault(seat, set()).update(o for o in others if o != seat)

    def _act(self, message: Message, given: Contributed) -> None:
        if given.outcome != "answered" or given.step in self._closed:
            return
        for deed in msgspec.json.decode(given.answer, type=Deeds).deeds:
            act = Act(
                seq=message.seq,
                round=self._asked[given.ask],
                by=message.sender,
                what=deed,
                honest=not self._is_hostile(message.sender, message.seen),
                false=not self._is_hostile(deed.seat, message.seen),
            )
            self.acts.append(act)

    def _sit(self, seq: int, review: Review) -> None:
        self._standing.apply(review)
        sitting = Sitting(
            seq=seq,
            round=self.rounds,
            present=review.present,
            honest=tuple(s for s in review.present if not self._is_hostile(s, seq)),
            expelled=review.expelled,
        )
        self.sittings.append(sitting)

    def _play(self, seq: int, value: msgspec.Raw) -> None:
        try:
            gave = msgspec.json.decode(value, type=_Game).gave
        except msgspec.ValidationError:
            # Some other scenario's, which happens to have the same name.
            return
        by_seat = self.gave.setdefault(self.rounds, {})
        for seat, gift in gave.items():
            by_seat.setdefault(seat, []).append(gift)
            if self._is_hostile(seat, seq):
                declines = self._standing.declines
                self._reach(seat, (o for o in gave if not declines(o, seat)))


class _Tag(msgspec.Struct):
    type: str = ""


class _Game(msgspec.Struct):
    gave: dict[str, float]


_tag = msgspec.json.Decoder(_Tag).decode


def _text(value: Any) -> str:
    """A parameter that is text, else nothing."""
    try:
        return msgspec.json.decode(value, type=str) if value is not None else ""
    except msgspec.ValidationError:
        return ""


def read_course(messages: Iterable[Message], hostile: Iterable[str] = ()) -> Course:
    """
    The course of *messages*, a run's log from its beginning.

    An adversary reaches in a round whoever hears words of it, as membership and mutes
    have it, and whoever plays a game of giving with it and does not withhold its gift.
    """
    course = Course(hostile)
    for message in messages:
        course.apply(message)
    return course
