"""All that can be said of an injection's effect from one run, and from its twin."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import inf

import msgspec

from hubbub.errors import UsageError
from hubbub.measures.adversaries import Adversaries, Adversary, read_adversaries
from hubbub.measures.contacts import read_contacts
from hubbub.measures.doses import Doses, dose_response, read_doses
from hubbub.measures.lineage import Lineage, read_lineage
from hubbub.measures.points import outcomes_in, read_points
from hubbub.measures.reach import Reached, read_reach
from hubbub.measures.twins import (
    Change,
    Spill,
    changes,
    last_of_seats,
    parted,
    spills,
)
from hubbub.messages import Message

#: Options of an injection that are words to be looked for in what others say.
_CARRIED = ("canary", "claim")


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A *seat* and the adversary: its *distance*, None where it is unreached, since *seq*.

    *heard* exposures, *read* of them before its last act, the *first* at that event, 0 for
    none; *by* is the last hand on the way.
    """

    seat: str
    distance: int | None
    seq: int
    by: str
    heard: int
    read: int
    first: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one *outcome* of seats has changed by: at each place, and in the end by distance.

    *spill* and *slope*, the change per exposure so far over seats (see `doses`), are of
    each seat's *last* difference.
    """

    outcome: str
    changes: tuple[Change, ...]
    last: dict[str, float]
    spill: tuple[Spill, ...]
    slope: float | None


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """
    An injection's effect in one run.

    *parted* is the event from which the twin is another run, 0 for never and None without
    a twin; *upto* the last event that is looked at.  Without a twin there are no
    *outcomes*.
    """

    adversaries: tuple[Adversary, ...]
    parted: int | None
    upto: int
    seats: tuple[Exposed, ...]
    outcomes: tuple[Outcome, ...]
    lineages: tuple[Lineage, ...]


class Injected:
    """
    A run's *messages*, read for what was injected into it, up to the event *upto*.

    With the log of a twin *beside* it, only that counts which the twin has not.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        beside: Sequence[Message] = (),
        upto: float = inf,
    ) -> None:
        self.messages = [message for message in messages if message.seq <= upto]
        self._beside = beside

    @cached_property
    def adversaries(self) -> Adversaries:
        """Who was injected."""
        found = read_adversaries(self.messages)
        for id in read_adversaries(self._beside).all:
            found.all.pop(id, None)
        return found

    @cached_property
    def doses(self) -> dict[str, Doses]:
        """Who was exposed, and when."""
        return read_doses(self.messages, read_contacts(self.messages), self.adversaries)

    @cached_property
    def reach(self) -> dict[str, Reached]:
        """How far from the adversaries each seat is that they have reached."""
        return read_reach(read_contacts(self.messages), self.adversaries)

    def groups(self) -> dict[int | None, tuple[str, ...]]:
        """All seats by their distance, the nearest first, the unreached last."""
        found: dict[int | None, tuple[str, ...]] = {}
        for distance in [*sorted({way.distance for way in self.reach.values()}), None]:
            seats = [s for s in self.adversaries.everybody if self._far(s) == distance]
            if seats:
                found[distance] = tuple(seats)
        return found

    def _far(self, seat: str) -> int | None:
        return self.reach[seat].distance if seat in self.reach else None

    def slope(self, responses: Mapping[str, tuple[float, int]]) -> float | None:
        """
        The slope of *responses* on exposures, see `dose_response`.

        Each seat has a response and the event up to which its exposures count.
        """
        had = {
            seat: own.upto(responses[seat][1])
            for seat, own in self.doses.items()
            if seat in responses
        }
        return dose_response(
            had, {seat: value for seat, (value, _) in responses.items()}
        )


def treated(one: Sequence[Message], other: Sequence[Message]) -> bool:
    """
    Whether *one* has an injection that *other* has not, or else the other way round.

    Raises `UsageError` where neither, or each of them, has one.
    """
    first, second = ({*read_adversaries(run).all} for run in (one, other))
    if first == second:
        raise UsageError(
            "both runs have the same injections: a twin is without one of them; make it "
            "with hubbub fork RUN --without ID"
        )
    if not (first < second or second < first):
        raise UsageError(
            "each of the two runs has an injection that the other has not: their "
            "difference is that of neither"
        )
    return second < first


def effect(
    present: Sequence[Message],
    absent: Sequence[Message] | None = None,
    *,
    outcomes: Sequence[str] = (),
    carried: Sequence[str] = (),
    upto: float = inf,
) -> Effect:
    """
    What the injections of the run *present* have done, beside its twin *absent*.

    *outcomes* are those of `points`, by default all that there are; *carried* the texts
    whose way is told, by default the canaries and claims that injections name.  Injections
    that the twin has too are no adversaries here.  Raises `UnknownName` for an outcome.
    """
    run = Injected(present, absent or (), upto)
    texts = carried or _words(run.adversaries.all)
    return Effect(
        adversaries=tuple(run.adversaries.all.values()),
        parted=None if absent is None else parted(present, absent),
        upto=run.messages[-1].seq,
        seats=tuple(_exposed(run)),
        outcomes=()
        if absent is None
        else tuple(
            _outcome(run, absent, name)
            for name in outcomes or outcomes_in(run.messages)
        ),
        lineages=tuple(read_lineage(run.messages, text) for text in texts),
    )


def _words(adversaries: Mapping[str, Adversary]) -> list[str]:
    said = (
        a.said[name]
        for a in adversaries.values()
        for name in _CARRIED
        if name in a.said
    )
    return list(dict.fromkeys(said))


def _exposed(run: Injected) -> list[Exposed]:
    found: list[Exposed] = []
    for seat in run.adversaries.everybody:
        way, doses = run.reach.get(seat), run.doses.get(seat, Doses((), 0))
        found.append(
            Exposed(
                seat=seat,
                distance=way.distance if way else None,
                seq=way.seq if way else 0,
                by=way.by if way else "",
                heard=len(doses.seqs),
                read=doses.effective,
                first=doses.seqs[0] if doses.seqs else 0,
            )
        )
    return found


def _outcome(run: Injected, absent: Sequence[Message], name: str) -> Outcome:
    found = changes(
        read_points(run.messages, name),
        read_points(absent, name),
        apart=run.adversaries.seats,
    )
    last = last_of_seats(found)
    by_seat = {seat: effect for seat, (effect, _) in last.items()}
    return Outcome(
        outcome=name,
        changes=found,
        last=by_seat,
        spill=spills(by_seat, run.groups()) if found else (),
        slope=run.slope(last),
    )
