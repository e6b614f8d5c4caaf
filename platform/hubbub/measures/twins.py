"""
What an adversary has changed: a run with it less its twin without, seat by seat.

Up to the event with which the adversary comes the two are the same run, so the difference is 0
there by construction; from then on it is what the adversary has done, and chance, where the
two draw differently.  A positive difference is more with the adversary.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest
from statistics import fmean

import msgspec

from hubbub.measures.points import Point
from hubbub.messages import Message, encode_body
from hubbub.names import LEDGER, TRUTH


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """
    An outcome of the same seats at the same *place* with and without the adversary.

    *round* and *seq* are those of the run with it.  *present* and *absent* are the means
    with and without it, *effect* the first less the second; all are over the seats of
    *by_seat*, which has each one's own difference.
    """

    place: int
    round: int
    seq: int
    present: float
    absent: float
    effect: float
    by_seat: Mapping[str, float]


class Spill(msgspec.Struct, frozen=True, kw_only=True):
    """
    The mean *effect* on the seats at one *distance* from the adversary, None for unreached.

    It is None where none of the *seats* has values in both runs.
    """

    distance: int | None
    seats: tuple[str, ...]
    effect: float | None


def changes(
    present: Iterable[Point], absent: Iterable[Point], apart: Collection[str] = ()
) -> tuple[Change, ...]:
    """
    The differences at all places that both have, over the seats that have both values.

    *present* are the points with the adversary and *absent* those without; seats *apart*
    are left out, such as the adversary's own.
    """
    twins = {point.place: point.values for point in absent}
    found = (
        _change(point, twins[point.place], apart)
        for point in present
        if point.place in twins
    )
    return tuple(change for change in found if change is not None)


def _change(
    point: Point, absent: Mapping[str, float], apart: Collection[str]
) -> Change | None:
    both = [seat for seat in point.values if seat in absent and seat not in apart]
    if not both:
        return None
    by_seat = {seat: _less(point.values[seat], absent[seat]) for seat in both}
    return Change(
        place=point.place,
        round=point.round,
        seq=point.seq,
        present=fmean(point.values[seat] for seat in both),
        absent=fmean(absent[seat] for seat in both),
        effect=fmean(by_seat.values()),
        by_seat=by_seat,
    )


def _less(one: float, other: float) -> float:
    """*one* less *other*, without the dust of binary fractions."""
    return round(one - other, 12)


def last_of_seats(changes: Iterable[Change]) -> dict[str, tuple[float, int]]:
    """Each seat's last difference, and the event with which it was known."""
    return {
        seat: (effect, change.seq)
        for change in changes
        for seat, effect in change.by_seat.items()
    }


def spills(
    by_seat: Mapping[str, float], groups: Mapping[int | None, Sequence[str]]
) -> tuple[Spill, ...]:
    """The mean of the differences *by_seat* in each of *groups*, by distance."""
    return tuple(
        Spill(
            distance=distance,
            seats=tuple(seats),
            effect=fmean(found)
            if (found := [by_seat[seat] for seat in seats if seat in by_seat])
            else None,
        )
        for distance, seats in groups.items()
    )


def parted(present: Sequence[Message], absent: Sequence[Message]) -> int:
    """
    The event of *present* with which the two runs are no longer the same, 0 for never.

    What each sender has said is compared, in its order, whatever crossed on its way; what
    no seat is to hear of, ground truth and model calls, is not.
    """
    one, other = _said(present), _said(absent)
    firsts: list[int] = []
    for sender, said in one.items():
        for mine, theirs in zip_longest(said, other.get(sender, [])):
            if mine is None:
                firsts.append(present[-1].seq)
                break
            if theirs is None or mine[1:] != theirs[1:]:
                firsts.append(mine[0])
                break
    firsts += [present[-1].seq] * bool(other.keys() - one.keys())
    return min(firsts, default=0)


def _said(messages: Iterable[Message]) -> dict[str, list[tuple[int, str, bytes]]]:
    found: dict[str, list[tuple[int, str, bytes]]] = {}
    for message in messages:
        if message.room not in (TRUTH, LEDGER):
            body = message.kind.encode() + encode_body(message.body)
            said = message.seq, message.room, body
            found.setdefault(message.sender, []).append(said)
    return found
