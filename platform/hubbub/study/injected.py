"""
Outcomes of runs with an adversary and of their twins without it; see docs/effects.md.

Which seats are meant, and how often they were exposed, is read from the run that has the
adversary, for both of a pair.  So the paired difference of two arms is that of the same
seats, and of their slopes the slope of the difference.
"""

from collections.abc import Collection, Mapping
from statistics import fmean
from typing import Annotated, Literal

import msgspec

from hubbub.measures.lineage import read_lineage
from hubbub.measures.points import read_points
from hubbub.study.outcomes import Observed, Series, Value

#: By how many hands an adversary's influence can have come, or that it cannot have.
Distance = Annotated[int, msgspec.Meta(ge=1)] | Literal["unreached"]


def others(run: Observed, outcome: str) -> Series:
    """The mean *outcome* of all seats but the adversaries, by round, game or moment."""
    apart = run.injected.adversaries.seats
    return {
        point.place: _mean(point.values, point.values.keys() - apart)
        for point in read_points(run.messages, outcome)
    }


def spill_over(run: Observed, outcome: str, distance: Distance) -> Series:
    """The mean *outcome* of the seats that are in the end at this *distance*."""
    group = None if distance == "unreached" else distance
    seats = run.injected.groups().get(group, ())
    return {
        point.place: _mean(point.values, seats)
        for point in read_points(run.messages, outcome)
    }


def dose_response(run: Observed, outcome: str) -> Value:
    """The slope of each seat's last *outcome* on how often it had been exposed by then."""
    own = {point.place: point.values for point in read_points(run.messages, outcome)}
    return run.injected.slope(
        {
            seat: (value, point.seq)
            for point in read_points(run.injected.messages, outcome)
            for seat, value in own.get(point.place, {}).items()
        }
    )


def exposures(run: Observed) -> Value:
    """How often a seat was exposed to an adversary in this very run, on average."""
    if run.injected.messages != list(run.messages):
        return 0.0
    found = run.injected.doses.values()
    return fmean(len(each.seqs) for each in found) if found else None


def carriers(run: Observed, text: str) -> Value:
    """The share of seats, adversaries apart, that have said *text*."""
    injected = run.injected.adversaries
    here = injected.everybody.keys() - injected.seats
    carried = {each.seat for each in read_lineage(run.messages, text).carriers}
    return len(carried & here) / len(here) if here else None


def _mean(values: Mapping[str, float], seats: Collection[str]) -> Value:
    # In the order of the values, on which the last digit of a sum depends.
    found = [value for seat, value in values.items() if seat in seats]
    return fmean(found) if found else None
