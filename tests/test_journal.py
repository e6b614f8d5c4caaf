"""The journal: the log by steps, as the conductor reads it."""

import anyio
import msgspec

from hubbub.journal import Journal
from hubbub.messages import (
    Asked,
    Body,
    Budgeted,
    Contributed,
    Ended,
    Joined,
    Left,
    Message,
    Outcome,
    Passed,
    PhaseClosed,
    PhaseOpened,
    RoundBegan,
    Said,
    Started,
    Stopped,
)

from .playing import Scribe


class Reading:
    """A journal, and the log it reads as it is written."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._scribe = Scribe()

    def add(self, body: Body, sender: str = "conductor", room: str = "@phases") -> None:
        """One more message, read at once."""
        self.journal.extend([self._scribe.write(body, sender, room)])

    def collect(self, step: int, *seats: str) -> None:
        """A phase that asks *seats*."""
        self.add(PhaseOpened(step=step, form="collect", what="Guess", seats=seats))
        for seat in seats:
            self.add(
                Asked(
                    ask=f"{step}/{seat}",
                    step=step,
                    question=msgspec.Raw(b"{}"),
                    reply="@conductor",
                    budget=1.0,
                ),
                room=f"@{seat}",
            )

    def give(self, step: int, seat: str, outcome: Outcome = "passed") -> None:
        """A contribution."""
        body = Contributed(ask=f"{step}/{seat}", step=step, outcome=outcome)
        self.add(body, seat, "@conductor")

    def chat(self, step: int, *seats: str, join: bool = True) -> None:
        """A chat in the hall."""
        if join:
            self.add(Joined(seats=seats, step=step), room="hall")
        opened = PhaseOpened(step=step, form="chat", what="hall", seats=seats, turns=2)
        self.add(opened, room="hall")

    def close(self, step: int, room: str = "@phases") -> None:
        """The close of a phase."""
        self.add(PhaseClosed(step=step, why="deadline"), room=room)


def test_what_comes_before_the_close_counts() -> None:
    """A contribution after its phase's close changes nothing."""
    log = Reading()
    log.collect(1, "a", "b")
    log.give(1, "a")
    log.close(1)
    log.give(1, "b")

    assert list(log.journal.step(1).given) == ["a"]


def test_what_is_not_answered_yet_is_known() -> None:
    """An ask is unanswered until its contribution, closed phases included."""
    log = Reading()
    log.collect(1, "a", "b")
    log.give(1, "a")
    log.close(1)
    assert log.journal.unanswered == {"1/b"}
    log.give(1, "b", "late")

    assert not log.journal.unanswered


def test_what_a_close_cuts_off_is_known() -> None:
    """A turn that was due at a chat's close is unanswered until it is owned up."""
    log = Reading()
    log.chat(1, "a", "b")
    log.add(Said(text="hello", turn="1/a/1"), "a", "hall")
    log.close(1, "hall")
    assert log.journal.unanswered == {"1/b/1"}
    log.add(Passed(turn="1/b/1", outcome="late"), "b", "@conductor")

    assert not log.journal.unanswered


def test_who_is_led_out_of_a_chat_is_not_waited_for() -> None:
    """A seat that the conductor dismisses has no turn in the open chat any more."""
    log = Reading()
    log.chat(1, "a", "b")
    log.add(Said(text="hello", turn="1/a/1"), "a", "hall")
    log.add(Left(seats=("b",), step=2), room="hall")
    chat = log.journal.step(1).chat

    assert chat is not None
    assert chat.over


def test_who_has_left_by_itself_need_not_be_led_out() -> None:
    """At a chat's close those are still to leave who came for it and are there."""
    log = Reading()
    log.add(Joined(seats=("a",), step=1), room="hall")
    log.add(Joined(seats=("b", "c"), step=2), room="hall")
    log.chat(2, "a", "b", "c", join=False)
    log.add(Left(seats=("c",), turn="2/c/1"), "c", "hall")
    log.close(2, "hall")

    assert log.journal.step(2).leaving == ("b",)


def test_a_step_is_settled_when_nothing_more_will_come() -> None:
    """A chat is settled at its close, or when those it leaves behind have left."""
    log = Reading()
    log.chat(1, "a", "b")
    log.close(1, "hall")
    assert not log.journal.step(1).settled
    log.add(Left(seats=("a", "b"), step=1), room="hall")
    log.chat(2, "a", join=False)
    log.close(2, "hall")

    assert log.journal.step(1).settled
    assert log.journal.step(2).settled


def test_members_are_those_who_came_and_did_not_leave() -> None:
    """Rooms are known by who is in them; an empty one is forgotten."""
    log = Reading()
    log.add(Joined(seats=("a", "b"), step=1), room="hall")
    log.add(Left(seats=("a",), turn="1/a/1"), "a", "hall")
    assert list(log.journal.members["hall"]) == ["b"]
    log.add(Left(seats=("b",), step=2), room="hall")

    assert not log.journal.members


def test_steps_beyond_are_found() -> None:
    """The first step after a number is found, unless the log has none."""
    log = Reading()
    log.add(Started(scenario="game", seed=1, seats=("a",)))
    for step in (1, 2, 3):
        log.add(RoundBegan(step=step, round=step, of=3))

    further = log.journal.beyond(1)
    assert isinstance(further, Message)
    assert further.body == RoundBegan(step=2, round=2, of=3)
    assert log.journal.beyond(3) is None


def test_a_forgotten_step_is_no_more() -> None:
    """What the scenario has taken in takes no more room."""
    log = Reading()
    log.add(RoundBegan(step=1, round=1, of=1))
    log.journal.forget(1)

    assert log.journal.step(1).made is None


def test_the_end_is_the_end() -> None:
    """A journal knows that the run is over, and how far it has read."""
    log = Reading()
    log.add(Ended(steps=0))

    assert log.journal.ended
    assert log.journal.cursor == 1


async def test_waiting_ends_with_what_is_waited_for() -> None:
    """Who waits for a place in the log goes on when it has been read, and not before."""
    log = Reading()
    reached: list[int] = []

    async def wait(seq: int) -> None:
        await log.journal.reach(seq)
        reached.append(seq)

    async with anyio.create_task_group() as tasks:
        for seq in (2, 1):
            tasks.start_soon(wait, seq)
        await anyio.wait_all_tasks_blocked()
        log.add(RoundBegan(step=1, round=1, of=1))
        await anyio.wait_all_tasks_blocked()
        assert reached == [1]
        log.add(RoundBegan(step=2, round=1, of=1))

    assert reached == [1, 2]


async def test_waiting_for_a_step_is_for_that_step_alone() -> None:
    """A change elsewhere wakes nobody; a contribution does."""
    log = Reading()
    log.collect(1, "a")
    changed = anyio.Event()

    async def wait() -> None:
        await log.journal.step(1).change()
        changed.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        log.collect(2, "b")
        await anyio.wait_all_tasks_blocked()
        assert not changed.is_set()
        log.give(1, "a")


def test_whoever_got_nothing_since_the_last_budget_is_known() -> None:
    """By ask or by turn; a new budget, and nothing else, makes up for it."""
    log = Reading()
    for short in (False, True):
        log.add(Budgeted(tokens=9))
        assert (log.journal.short, log.journal.stopped) == (False, False)
        log.collect(1 + short, "a")
        log.give(1 + short, "a", "budget_stop" if short else "late")
        assert log.journal.short == short
    log.add(Stopped(why="spent"))
    assert (log.journal.stopped, log.journal.budget) == (True, Budgeted(tokens=9))

    log.add(Budgeted())
    log.add(Passed(turn="3/a/1", outcome="budget_stop"), "a", "hall")
    assert (log.journal.short, log.journal.stopped) == (True, False)
