"""The outcomes that say how well a run regulates itself; see docs/self-regulation.md."""

from statistics import fmean
from typing import Annotated, Literal

import msgspec

from hubbub.measures import regulation
from hubbub.measures.regulation import Delay, Event
from hubbub.measures.reviewing import Course, read_course
from hubbub.study.outcomes import Observed, Series, Value

#: Adversaries that a population has had from the start, beside those that came over it.
Hostile = tuple[str, ...]


def detection_delay(
    run: Observed,
    event: Event = "named",
    unit: Literal["rounds", "messages"] = "rounds",
    hostile: Hostile = (),
) -> Value:
    """
    The mean delay over all adversaries, see `regulation.detections`.

    None where one of them was never found out: a mean of the others would say less.
    """
    delays = _delays(_course(run, hostile), event)
    known = [getattr(delay, unit) for delay in delays if delay is not None]
    return fmean(known) if known and len(known) == len(delays) else None


def detected(run: Observed, event: Event = "named", hostile: Hostile = ()) -> Value:
    """The share of adversaries that were found out; None where there is none."""
    delays = _delays(_course(run, hostile), event)
    return fmean(delay is not None for delay in delays) if delays else None


def false_alarms(
    run: Observed,
    by: Literal["anybody", "honest"] = "anybody",
    per: Literal["seat", "deed"] = "seat",
    hostile: Hostile = (),
) -> Value:
    """Deeds against honest seats, for each of these and review or for each deed."""
    found = regulation.alarms(_course(run, hostile), by)
    return found.rate if per == "seat" else found.share


def adversary_reach(run: Observed, hostile: Hostile = ()) -> Series:
    """By round, the share of honest seats that some adversary reached."""
    return regulation.reach(_course(run, hostile))


def containment(run: Observed, hostile: Hostile = ()) -> Value:
    """
    The mean part of its reach that being named takes from an adversary.

    None where one of them was never named, or had no reach.
    """
    course = _course(run, hostile)
    found = [regulation.containment(course, seat) for seat in course.adversaries]
    shares = [each.share if each else None for each in found]
    known = [share for share in shares if share is not None]
    return fmean(known) if known and len(known) == len(shares) else None


def norm_recovery(
    run: Observed,
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05,
    hostile: Hostile = (),
) -> Value:
    """Rounds from the last expulsion until giving is what it was."""
    return regulation.recovery(_course(run, hostile), tolerance)


def _course(run: Observed, hostile: Hostile) -> Course:
    return read_course(run.messages, hostile)


def _delays(course: Course, event: Event) -> list[Delay | None]:
    found = regulation.detections(course)
    return [each.named if event == "named" else each.expelled for each in found]
