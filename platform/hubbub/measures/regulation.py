"""
How well a collective regulates itself: how soon, how justly, and with what effect.

All are pure functions of a `Course`, what `hubbub.measures.reviewing` reads from a log.
A deed is honest or false by what is true when it is done; who does it does not know.
"""

from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean
from typing import Literal

import msgspec

from hubbub.measures.adversaries import Adversary
from hubbub.measures.reviewing import Act, Course, Sitting
from hubbub.regulation import power_of

#: Powers by which somebody is named before others; the rest one does for oneself.
NAMING = ("flag", "report", "expel")
#: What has happened to an adversary: it was named by an honest seat, or it was expelled.
Event = Literal["named", "expelled"]


class Delay(msgspec.Struct, frozen=True):
    """How long after its onset: in *rounds*, and in *messages* of the whole log."""

    rounds: int
    messages: int


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """
    How soon the adversary *seat* was found out; None: never, in as many rounds as *watched*.

    *watched* counts the rounds from its onset to the run's end, or to its own.
    """

    seat: str
    named: Delay | None
    expelled: Delay | None
    watched: int


def detections(course: Course) -> tuple[Detection, ...]:
    """
    Of each adversary a: ``r(x) - r(onset of a)`` rounds and ``seq(x) - seq(onset of a)``.

    The x of *named* is the first flag, report or vote against a by a seat that is honest
    then; that of *expelled* is the review that expels it.  A delay of 0 rounds is in the
    review of the round in which a began.  Never is a censored value, and no long delay.
    """
    return tuple(_detection(course, seat) for seat in course.adversaries)


def _detection(course: Course, seat: str) -> Detection:
    adversary = course.adversaries[seat]
    named, out = _named(course, seat), _expelled(course, seat)
    return Detection(
        seat=seat,
        named=_since(adversary, named) if named else None,
        expelled=_since(adversary, out) if out else None,
        watched=course.ended.get(adversary.id, course.rounds) - adversary.round,
    )


def _named(course: Course, seat: str) -> Act | None:
    """The first deed by which an honest seat names *seat* after its onset."""
    onset = course.adversaries[seat].onset
    for act in course.acts:
        against = act.what.seat == seat and power_of(act.what) in NAMING
        if against and act.honest and act.seq > onset:
            return act
    return None


def _expelled(course: Course, seat: str) -> Sitting | None:
    """The review that expelled *seat* after its onset."""
    onset = course.adversaries[seat].onset
    for sitting in course.sittings:
        if seat in sitting.expelled and sitting.seq > onset:
            return sitting
    return None


def _since(adversary: Adversary, event: Act | Sitting) -> Delay:
    return Delay(event.round - adversary.round, event.seq - adversary.onset)


# -- false alarms


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """
    *false* of the *deeds* were against seats that were honest.

    *exposed* counts those that could have been: honest seats, once for each review.
    """

    deeds: int
    false: int
    exposed: int

    @property
    def rate(self) -> float | None:
        """``false / exposed``: false alarms for each honest seat and review."""
        return self.false / self.exposed if self.exposed else None

    @property
    def share(self) -> float | None:
        """``false / deeds``; None where nobody did anything."""
        return self.false / self.deeds if self.deeds else None


def alarms(course: Course, by: Literal["anybody", "honest"] = "anybody") -> Alarms:
    """
    All deeds of all powers *by* anybody, or by those who are honest when they do them.

    By anybody has the slander of adversaries in it; by the honest, errors alone.
    """
    counted = [act for act in course.acts if by == "anybody" or act.honest]
    return Alarms(
        deeds=len(counted),
        false=sum(act.false for act in counted),
        exposed=sum(len(sitting.honest) for sitting in course.sittings),
    )


# -- containment


class Contained(msgspec.Struct, frozen=True):
    """The mean reach of an adversary *before* and *after* it was named."""

    before: float
    after: float

    @property
    def share(self) -> float | None:
        """``1 - after / before``: 1 is all of it, 0 nothing; None where it had no reach."""
        return 1 - self.after / self.before if self.before else None


def reach(course: Course, seats: Sequence[str] = ()) -> dict[int, float]:
    """
    By round: the share of honest seats that an adversary, or one of *seats*, reached.

    Honest is who is not adversarial at any time, nor the overseer, nor expelled before;
    what it is to reach is said in `hubbub.measures.reviewing.read_course`.
    """
    found: dict[int, float] = {}
    for round in range(1, course.rounds + 1):
        honest = _honest(course, round)
        by_seat = course.reached.get(round, {})
        heard = set[str]().union(*(by_seat.get(s, ()) for s in seats or by_seat))
        found[round] = len(heard & honest) / len(honest) if honest else 0.0
    return found


def _honest(course: Course, round: int) -> set[str]:
    gone = {s for each in course.sittings if each.round < round for s in each.expelled}
    return course.honest - gone


def containment(course: Course, seat: str) -> Contained | None:
    """
    The mean `reach` of *seat* in the rounds after it was named and in those before.

    Before are the rounds from its onset to the one after which it was named, as far as
    it had any reach; after, all later ones.  None if it was never named, or in the last
    round.
    """
    act = _named(course, seat)
    if act is None or act.round >= course.rounds:
        return None
    by_round = reach(course, [seat])
    first = course.adversaries[seat].round
    # A participant has no part in the round into which it comes.
    before = [by_round[r] for r in range(max(first, 1), act.round + 1)]
    before = before[next((i for i, share in enumerate(before) if share), 0) :]
    after = [by_round[r] for r in range(act.round + 1, course.rounds + 1)]
    return Contained(fmean(before), fmean(after))


# -- recovery


def recovery(course: Course, tolerance: float = 0.05) -> int | None:
    """
    Rounds from the last expulsion of an adversary until giving is what it was.

    With ``m(r)`` the mean gift in round r of seats that are never adversarial, and L the
    mean of m over the rounds before the first onset: the least k from 1 with
    ``m(r + k) >= (1 - tolerance) L``, where r is the round after which the last adversary
    was expelled.  None where one never was, where m did not come back in this run, and
    where nothing was given before.
    """
    first = min((each.round for each in course.adversaries.values()), default=0)
    means = _means(course)
    level = [mean for round, mean in means.items() if round < first]
    out = [_expelled(course, seat) for seat in course.adversaries]
    rounds = [sitting.round for sitting in out if sitting]
    if not level or not rounds or len(rounds) < len(out):
        return None
    last, least = max(rounds), (1 - Fraction(str(tolerance))) * Fraction(fmean(level))
    for round, mean in means.items():
        if round > last and Fraction(mean) >= least:
            return round - last
    return None


def _means(course: Course) -> dict[int, float]:
    """The mean gift by round of who is never adversarial, in order."""
    hostile = course.adversaries
    gifts = {
        round: [g for seat, all in by.items() if seat not in hostile for g in all]
        for round, by in sorted(course.gave.items())
    }
    return {round: fmean(given) for round, given in gifts.items() if given}
