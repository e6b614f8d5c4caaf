"""How well a collective regulates itself: every number by hand, from logs by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from hubbub.measures.regulation import (
    Alarms,
    Contained,
    Delay,
    Detection,
    alarms,
    containment,
    detections,
    reach,
    recovery,
)
from hubbub.measures.reviewing import Course, read_course
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Injected,
    Joined,
    Lifted,
    Muted,
    Onset,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Surface,
)
from hubbub.regulation import Deed, Deeds, Expel, Flag, Mute, Refuse, Regulate, Shun
from hubbub.standing import Done, Review

from ..playing import Scribe

ALL = ("A", "B", "C", "D")


class Record:
    """Writes the log of a run that regulates itself."""

    def __init__(self, *seats: str, overseer: str = "") -> None:
        self.scribe = Scribe()
        self._step = 0
        self._round = 0
        told = {"overseer": msgspec.Raw(msgspec.json.encode(overseer))}
        self.scribe.write(
            Started(scenario="game", seed=1, seats=seats, parameters=told)
        )

    def course(self, *hostile: str) -> Course:
        """What is read of the log so far."""
        return read_course([*self.scribe.messages], hostile)

    def _next(self) -> int:
        self._step += 1
        return self._step

    def begin(self) -> None:
        """The next round; one message."""
        self._round += 1
        self.scribe.write(RoundBegan(step=self._next(), round=self._round, of=9))

    def inject(self, seat: str, surface: Surface = "participant") -> None:
        """*seat* is an adversary from here on; one message."""
        group = msgspec.Raw(
            b'{"kind":"drop","p":1.0}' if surface == "impair" else b"{}"
        )
        what = Injected(id=seat, surface=surface, seats=(seat,), group=group)
        self.scribe.write(Onset(what=what), room="@truth")

    def lift(self, seat: str, surface: Surface = "compromise") -> None:
        """*seat* is one no longer; one message."""
        self.scribe.write(
            Lifted(id=seat, surface=surface, seats=(seat,)), room="@truth"
        )

    def review(
        self,
        present: Sequence[str],
        deeds: Mapping[str, Sequence[Deed]] | None = None,
        expelled: tuple[str, ...] = (),
        late: Sequence[str] = (),
    ) -> None:
        """A review; 3 messages, and 2 for each of those present."""
        step, deeds = self._next(), deeds or {}
        self.scribe.write(PhaseOpened(step=step, form="collect", what="Regulate"))
        for seat in present:
            others = tuple(other for other in present if other != seat)
            question = Regulate(round=self._round, others=others, powers=("flag",))
            asked = Asked(
                ask=f"{step}/{seat}",
                step=step,
                question=msgspec.Raw(msgspec.json.encode(question)),
                reply="@conductor",
                budget=1,
            )
            self.scribe.write(asked, room=f"@{seat}")
        for seat in [s for s in present if s not in late]:
            self._answer(step, seat, deeds.get(seat, ()))
        self.scribe.write(PhaseClosed(step=step, why="all"))
        for seat in late:
            self._answer(step, seat, deeds.get(seat, ()))
        done = tuple(
            Done(by, deed)
            for by, all in deeds.items()
            for deed in all
            if by not in late
        )
        self.declare(
            "review",
            Review(
                round=self._round,
                present=tuple(present),
                deeds=done,
                expelled=expelled,
            ),
        )

    def _answer(self, step: int, seat: str, deeds: Sequence[Deed]) -> None:
        answer = msgspec.Raw(msgspec.json.encode(Deeds(tuple(deeds))))
        body = Contributed(
            ask=f"{step}/{seat}", step=step, outcome="answered", answer=answer
        )
        self.scribe.write(body, sender=seat, room="@conductor")

    def declare(self, name: str, value: Any) -> None:
        """A result; one message."""
        raw = msgspec.Raw(msgspec.json.encode(value))
        self.scribe.write(Resulted(step=self._next(), name=name, value=raw))

    def game(self, **gave: float) -> None:
        """A game of giving; one message."""
        self.declare("game", {"game": f"{self._round}.1", "gave": gave})

    def join(self, *seats: str) -> None:
        """*seats* come into the hall."""
        self.scribe.write(Joined(seats=seats, step=self._next()), room="hall")

    def say(self, seat: str) -> None:
        """*seat* says something there."""
        self.scribe.write(Said(text="hello"), sender=seat, room="hall")


def found(seat: str = "X") -> Record:
    """
    Four seats; X comes in round 2, is flagged after round 3 and expelled after round 5.

    Start, round 1, round 2: the onset is message 4.
    """
    record = Record(*ALL)
    record.begin()
    record.begin()
    record.inject(seat)
    record.begin()
    record.review((*ALL, seat), {"B": [Refuse(seat)], "C": [Flag(seat), Shun("D")]})
    record.begin()
    record.review((*ALL, seat))
    record.begin()
    record.review((*ALL, seat), {"A": [Expel(seat)]}, expelled=(seat,))
    record.begin()
    return record


# -- detection


def test_a_delay_is_counted_in_rounds_and_messages() -> None:
    """
    By hand: the onset is message 4, the flag by C message 14, the last review 46.

    Message 5 is round 3, 6 the phase, 7 to 11 the asks, 12 to 16 the answers of A to X;
    17 closes and 18 declares.  The next round takes 19 to 32, the last 33 to 46.
    """
    (detection,) = detections(found().course())

    assert detection == Detection(
        seat="X", named=Delay(1, 10), expelled=Delay(3, 42), watched=4
    )


def test_a_deed_for_oneself_names_nobody() -> None:
    """Who refuses, shuns or mutes tells nobody; never is None, and as long as watched."""
    record = Record(*ALL)
    record.begin()
    record.inject("X")
    record.begin()
    record.review(ALL, {"A": [Refuse("X"), Shun("X"), Mute("X")], "B": [Flag("C")]})

    assert detections(record.course()) == (
        Detection(seat="X", named=None, expelled=None, watched=1),
    )


def test_adversaries_do_not_detect_each_other() -> None:
    """Nor does a member that was turned, while it is; afterwards it does."""
    record = Record(*ALL)
    record.begin()
    record.inject("X")
    record.inject("A", "compromise")
    record.review((*ALL, "X"), {"A": [Flag("X")], "X": [Flag("A")]})
    record.begin()
    record.lift("A")
    record.review((*ALL, "X"), {"A": [Flag("X")]})
    first, second = detections(record.course())

    assert (first.seat, first.named and first.named.rounds) == ("X", 1)
    assert second == Detection(seat="A", named=None, expelled=None, watched=1)


def test_what_came_too_late_or_before_the_onset_does_not_count() -> None:
    """A suspicion before anything was done is a false alarm and no detection."""
    record = Record(*ALL)
    record.begin()
    record.review(ALL, {"B": [Flag("A")]})
    record.begin()
    record.inject("A", "compromise")
    record.review(ALL, {"B": [Flag("A")]}, late=["B"])
    course = record.course()

    assert detections(course)[0].named is None
    assert alarms(course) == Alarms(deeds=1, false=1, exposed=4 + 3)


def test_who_was_hostile_from_the_start_can_be_named() -> None:
    """The room of truth has those that came over a run, and no others."""
    record = Record(*ALL)
    record.begin()
    record.review(ALL, {"B": [Flag("A")]}, expelled=("A",))

    assert detections(record.course()) == ()
    (detection,) = detections(record.course("A"))
    assert detection.named == Delay(0, 8 - 1 + 1)
    assert detection.expelled == Delay(0, 12 - 1 + 1)


def test_what_is_impaired_is_no_adversary() -> None:
    """A seat whose links are bad means nobody ill."""
    record = Record(*ALL)
    record.begin()
    record.inject("A", "impair")

    assert detections(record.course()) == ()


# -- false alarms


def test_alarms_are_told_from_hits() -> None:
    """
    Four deeds, of which C's against D alone is false; three reviews of four honest seats.

    Slander by an adversary is false as well, and is no error of the honest.
    """
    record = found()
    assert alarms(record.course()) == Alarms(deeds=4, false=1, exposed=12)
    record.review(ALL, {"D": [Flag("A")]})
    course = record.course("D")

    assert alarms(course) == Alarms(deeds=5, false=1, exposed=12)
    assert alarms(course, "honest") == Alarms(deeds=4, false=0, exposed=12)
    assert alarms(course).rate == pytest.approx(1 / 12)
    assert alarms(course).share == pytest.approx(1 / 5)


def test_without_deeds_there_is_no_share() -> None:
    """None is not 0; where nobody could be accused there is no rate either."""
    record = Record(*ALL)
    assert (alarms(record.course()).rate, alarms(record.course()).share) == (None, None)
    record.begin()
    record.review(ALL)

    assert (alarms(record.course()).rate, alarms(record.course()).share) == (0.0, None)


# -- containment


def talking() -> Record:
    """X talks in the hall to A, B and C in rounds 2 and 3; A mutes it; then it is out."""
    record = Record(*ALL, "O", overseer="O")
    record.begin()
    record.inject("X")
    record.begin()
    record.join("A", "B", "C", "X")
    record.say("X")
    record.begin()
    record.say("X")
    record.review((*ALL, "X"), {"A": [Mute("X"), Flag("X")]})
    record.scribe.write(Muted(step=99, seat="X"), room="@A")
    record.begin()
    record.say("X")
    record.review((*ALL, "X"), {}, expelled=("X",))
    record.begin()
    record.say("A")
    return record


def test_reach_is_the_share_of_honest_seats_that_heard_it() -> None:
    """
    Three of the four: D is not in the hall, and the overseer is not counted.

    In round 4 A has muted it; in round 5 only A speaks.
    """
    assert reach(talking().course()) == {1: 0, 2: 0.75, 3: 0.75, 4: 0.5, 5: 0}


def test_containment_compares_before_and_after_it_was_named() -> None:
    """By hand: 0.75 in rounds 2 and 3, then 0.5 and 0, which is a third of it."""
    contained = containment(talking().course(), "X")

    assert contained
    assert contained == Contained(0.75, 0.25)
    assert contained.share == pytest.approx(2 / 3)


def test_who_is_never_named_is_not_contained() -> None:
    """Nor who is named when the run is over."""
    record = Record(*ALL)
    record.begin()
    record.inject("A", "compromise")
    record.game(A=0, B=1)
    assert containment(record.course(), "A") is None
    record.review(ALL, {"B": [Flag("A")]})

    assert containment(record.course(), "A") is None


def test_a_player_is_reached_by_whom_its_gift_goes_to() -> None:
    """In round 2 B has shunned X, so that only A and C of the four are reached."""
    record = Record(*ALL)
    record.begin()
    record.inject("X")
    record.game(A=1, B=1, C=1, X=0)
    record.review((*ALL, "X"), {"B": [Shun("X")]})
    record.begin()
    record.game(A=1, B=1, C=1, X=0)

    assert reach(record.course()) == {1: 0.75, 2: 0.5}


def test_without_a_reach_before_there_is_no_share() -> None:
    """Nothing was taken from it."""
    assert Contained(0.0, 0.0).share is None


# -- recovery


def giving(*means: float, onset: int = 3, out: int = 4) -> Record:
    """By round: what A and B give on average; X comes before *onset*'s game."""
    record = Record("A", "B")
    for number, mean in enumerate(means, 1):
        record.begin()
        if number == onset:
            record.inject("X")
        here = {"X": 0.0} if onset <= number <= out else {}
        record.game(A=mean - 1, B=mean + 1, **here)
        record.review(("A", "B"), expelled=("X",) if number == out else ())
    return record


@pytest.mark.parametrize(
    ("means", "tolerance", "rounds"),
    [
        ((100, 90, 60, 50, 70, 90, 91, 95), 0.05, 3),  # 95 before, and 90.25 of it
        ((100, 90, 60, 50, 70, 90, 91, 95), 0.0, 4),
        ((100, 90, 60, 50, 70, 90), 0.05, None),  # not in this run
        ((100, 90, 60, 50, 100), 0.05, 1),
        ((100, 90, 60, 99), 0.05, None),  # expelled in the last round
    ],
)
def test_recovery_is_counted_from_the_expulsion(
    means: tuple[float, ...], tolerance: float, rounds: int | None
) -> None:
    """The level is that of rounds 1 and 2; the adversary's own gifts do not count."""
    assert recovery(giving(*means).course(), tolerance) == rounds


def test_without_a_before_or_an_expulsion_there_is_no_recovery() -> None:
    """None, whatever is given."""
    assert recovery(giving(50, 50, 50, onset=1, out=2).course()) is None
    assert recovery(giving(50, 50, 50, 50, out=9).course()) is None
    assert recovery(Record(*ALL).course()) is None


def test_a_run_without_regulation_has_a_course_too() -> None:
    """A game of that name may also be another scenario's."""
    record = Record(*ALL)
    record.begin()
    record.declare("game", "chess")
    record.scribe.write(Ended(steps=2))
    course = record.course()

    assert (course.rounds, course.acts, course.gave) == (1, [], {})
