"""The floor: which of a worker's seats hear what, and what each is to do."""

import anyio
import msgspec

from hubbub.floor import Floor
from hubbub.messages import (
    Asked,
    Body,
    Called,
    Contributed,
    Ended,
    Joined,
    Left,
    Message,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    RoundBegan,
    Said,
)
from hubbub.models.base import Call, Request
from hubbub.seat import MAILBOX, Seat

from .playing import Scribe


class Hall:
    """A floor with *seats*, and a log that it folds as it is written."""

    def __init__(self, *seats: str) -> None:
        self.scribe = Scribe()
        self.floor = Floor(Seat(name) for name in seats)

    def add(self, body: Body, sender: str = "conductor", room: str = "hall") -> Message:
        """One more message, folded at once."""
        message = self.scribe.write(body, sender, room)
        self.floor.apply(message)
        return message

    def ask(self, step: int, seat: str, *, probe: bool = False) -> Message:
        """Ask *seat* something."""
        asked = Asked(
            ask=f"{step}/{seat}",
            step=step,
            question=msgspec.Raw(b"{}"),
            reply="@conductor",
            budget=1.0,
            probe=probe,
        )
        return self.add(asked, room=f"@{seat}")

    def give(self, step: int, seat: str, room: str = "@conductor") -> Message:
        """*seat*'s contribution."""
        body = Contributed(ask=f"{step}/{seat}", step=step, outcome="passed")
        return self.add(body, seat, room)

    def chat(self, step: int, *seats: str) -> Message:
        """Open a chat in the hall."""
        opened = PhaseOpened(step=step, form="chat", what="hall", seats=seats, turns=9)
        return self.add(opened)

    def seat(self, name: str) -> Seat:
        """A seat of this floor."""
        return self.floor.seats[name]

    def box(self, name: str) -> list[Message]:
        """What has come into a seat's mailbox."""
        return list(self.seat(name).box)

    def folded(self, *seats: str) -> Floor:
        """A floor of *seats* that has folded the same log."""
        floor = Floor(Seat(name) for name in seats)
        for message in self.scribe.messages:
            floor.apply(message)
        return floor


def test_a_room_is_heard_from_joining_to_leaving() -> None:
    """The join and the leave are heard too, and nothing before and after."""
    hall = Hall("a")
    hall.add(Said(text="too early"))
    heard = [
        hall.add(Joined(seats=("a", "b"))),
        hall.add(Said(text="hello"), "b"),
        hall.add(Left(seats=("a",))),
    ]
    hall.add(Said(text="too late"))

    assert hall.box("a") == heard


def test_a_seat_may_come_again() -> None:
    """Who joins anew hears from then on, and not what was said meanwhile."""
    hall = Hall("a")
    messages = [
        hall.add(body)
        for body in (
            Joined(seats=("a",)),
            Left(seats=("a",)),
            Said(text="missed"),
            Joined(seats=("a",)),
            Said(text="heard"),
        )
    ]

    assert hall.box("a") == [m for m in messages if m.body != Said(text="missed")]
    assert [m for m in messages if hall.seat("a").heard(m)] == hall.box("a")


def test_joining_twice_is_joining_once() -> None:
    """A second join of who is there is heard like any message, once."""
    hall = Hall("a")
    joins = [hall.add(Joined(seats=("a",))), hall.add(Joined(seats=("a", "b")))]

    assert hall.box("a") == joins


def test_every_seat_hears_the_rounds() -> None:
    """Of the conductor's room a seat hears when a round begins, and nothing else."""
    hall = Hall("a", "b")
    hall.floor.expect(["@phases"])
    began = hall.add(RoundBegan(step=1, round=1, of=2), room="@phases")
    hall.add(Said(text="a result"), room="@phases")

    assert hall.box("a") == hall.box("b") == [began]
    assert [m for m in hall.scribe.messages if hall.seat("a").heard(m)] == [began]


def test_a_memory_is_for_its_own_seat() -> None:
    """What a seat's memory has made reaches that seat and nobody else."""
    hall = Hall("a", "b")
    hall.add(Joined(seats=("a", "b")))
    made = hall.add(Remembered(memory="1/a/m1", form="note", text="so"), "a", "@a")

    assert hall.box("a")[1:] == [made]
    assert made not in hall.box("b")
    assert hall.seat("a").heard(made)
    assert not hall.seat("b").heard(made)


def test_others_seats_are_no_concern() -> None:
    """A join of seats that are hosted elsewhere opens no room here."""
    hall = Hall("a")
    hall.add(Joined(seats=("b",)))
    hall.add(Said(text="hello"), "b")

    assert hall.box("a") == []
    assert "hall" not in hall.floor.rooms


def test_rooms_to_come_are_known_beforehand() -> None:
    """A page tells which rooms must be heard before it may be folded."""
    hall = Hall("a")
    scribe = Scribe()
    page = [
        scribe.write(Joined(seats=("a", "b")), room="hall"),
        scribe.write(Joined(seats=("b",)), room="yard"),
    ]

    assert list(hall.floor.unknown(page)) == ["hall"]
    hall.floor.expect({"hall"})
    assert not hall.floor.unknown(page)


def test_an_empty_room_is_let_go() -> None:
    """When the last one here has left, the room need not be heard any more."""
    hall = Hall("a", "b")
    hall.add(Joined(seats=("a", "b")))
    hall.add(Left(seats=("a",)))
    assert hall.floor.empty_rooms() == []
    hall.add(Left(seats=("b",)))

    assert hall.floor.empty_rooms() == ["hall"]


def test_an_ask_waits_for_its_contribution() -> None:
    """What is asked is heard and pending until it is answered, which is heard too."""
    hall = Hall("a")
    ask = hall.ask(1, "a")
    assert list(hall.seat("a").pending) == ["1/a"]
    given = hall.give(1, "a")

    assert not hall.seat("a").pending
    assert hall.box("a") == [ask, given]


def test_an_answer_in_a_room_of_ones_own_is_heard_once() -> None:
    """A contribution to a room that its seat is in comes by that room alone."""
    hall = Hall("a", "b")
    join = hall.add(Joined(seats=("a", "b")))
    ask = hall.ask(1, "a")
    given = hall.give(1, "a", "hall")

    assert hall.box("a") == [join, ask, given]
    assert hall.box("b") == [join, given]


def test_a_probe_is_not_heard() -> None:
    """Neither its ask nor its answer, live or read again; pending it is."""
    hall = Hall("a")
    ask = hall.ask(1, "a", probe=True)
    assert list(hall.seat("a").pending) == ["1/a"]
    given = hall.give(1, "a")

    assert hall.box("a") == []
    assert not hall.seat("a").heard(ask)
    assert not hall.seat("a").heard(given)


def test_a_close_is_told_to_those_who_have_not_answered() -> None:
    """An ask whose step has closed is answered late, until it is answered."""
    hall = Hall("a", "b")
    hall.ask(1, "a")
    hall.ask(1, "b")
    hall.give(1, "a")
    hall.add(PhaseClosed(step=1, why="quorum"), room="@phases")
    assert not hall.seat("a").closed
    assert hall.seat("b").closed == {1}
    hall.give(1, "b")

    assert not hall.seat("b").closed


async def test_a_close_cuts_off_who_acts_for_it() -> None:
    """An act of the closed step is cut off, one of another step is not."""
    hall = Hall("a", "b")
    scopes = {name: anyio.CancelScope() for name in ("a", "b")}
    for step, name in ((1, "a"), (2, "b")):
        hall.ask(step, name)
        hall.seat(name).begin(step, scopes[name])
    hall.add(PhaseClosed(step=1, why="quorum"), room="@phases")

    assert scopes["a"].cancel_called
    assert not scopes["b"].cancel_called


def test_a_chat_is_one_for_all_in_it() -> None:
    """The seats of a chat share its fold; its close ends it for each."""
    hall = Hall("a", "b", "c")
    hall.add(Joined(seats=("a", "b", "c")))
    hall.chat(1, "a", "b")
    chat = hall.seat("a").chats["hall"]
    assert hall.seat("b").chats["hall"] is chat
    assert not hall.seat("c").chats
    hall.add(PhaseClosed(step=1, why="over"))

    assert not chat.open
    assert not hall.seat("a").chats


def test_who_leaves_has_no_part_in_the_chat() -> None:
    """Out of the room is out of its chat, before its opening too."""
    hall = Hall("a", "b")
    hall.add(Joined(seats=("a", "b")))
    hall.add(Left(seats=("b",)))
    hall.chat(1, "a", "b")
    hall.add(Left(seats=("a",), turn="1/a/1"), "a")

    assert not hall.seat("a").chats
    assert not hall.seat("b").chats


def test_a_room_that_moves_wakes_who_waits_for_it() -> None:
    """A message in a room wakes those who wait there, once."""
    hall = Hall("a")
    hall.add(Joined(seats=("a",)))
    room = hall.floor.rooms["hall"]
    room.waiting[hall.seat("a")] = None
    hall.add(Said(text="hello"))

    assert not room.waiting


async def test_who_is_led_out_is_woken() -> None:
    """A seat that waits for its own word must learn that it is not there any more."""
    hall = Hall("a")
    hall.add(Joined(seats=("a",)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hall.seat("a").wait)
        await anyio.wait_all_tasks_blocked()
        hall.add(Left(seats=("a",)))


def test_seats_that_arrive_are_as_if_they_had_always_been() -> None:
    """Merged, they hear, are asked, and are cut off like the seats before."""
    hall = Hall("a")
    hall.add(Joined(seats=("a", "b")))
    hall.chat(1, "a", "b")
    hall.ask(2, "b")
    arriving = hall.folded("b")
    hall.floor.merge(arriving)
    said = hall.add(Said(text="hello", turn="1/a/1"), "a")
    hall.add(PhaseClosed(step=2, why="deadline"), room="@phases")

    assert hall.box("b")[-1] == said
    assert hall.seat("b").chats["hall"] is hall.seat("a").chats["hall"]
    assert hall.seat("b").chats["hall"].due("b")
    assert hall.seat("b").closed == {2}


def test_a_room_that_ours_came_late_into_is_as_the_arriving_know_it() -> None:
    """A chat that was open before any seat here heard the room goes on for its own."""
    hall = Hall("a")
    hall.add(Joined(seats=("b", "c")))
    hall.chat(1, "b", "c")
    hall.add(Joined(seats=("a",)))
    hall.floor.merge(hall.folded("b"))
    hall.add(Said(text="hello", turn="1/c/1"), "c")

    chat = hall.seat("b").chats["hall"]
    assert chat.taken("c") == 1
    assert not hall.seat("a").chats


def test_a_seat_that_is_gone_is_not_told() -> None:
    """Who is hosted elsewhere hears nothing here, and no close."""
    hall = Hall("a", "b")
    hall.add(Joined(seats=("a", "b")))
    hall.ask(1, "b")
    gone = hall.seat("b")
    hall.floor.remove(gone)
    heard = len(gone.box)
    hall.add(Said(text="hello"))
    hall.add(PhaseClosed(step=1, why="quorum"), room="@phases")

    assert len(gone.box) == heard
    assert not gone.closed


def call(id: str, seat: str) -> Called:
    """The record of a call of *seat*."""
    made = Call(call=id, seat=seat, request=Request(model="fake/m", prompts=()))
    return Called(call=id, record=msgspec.Raw(msgspec.json.encode(made)))


def test_calls_are_known_until_their_ask_has_ended() -> None:
    """What an earlier host paid for is there, and let go with the answer or turn."""
    hall = Hall("a")
    hall.add(Joined(seats=("a", "b")))
    ends = [
        (Contributed(ask="1/a", step=1, outcome="passed"), "@conductor"),
        (Said(text="hello", turn="2/a/1"), "hall"),
        (Passed(turn="2/a/2", outcome="late"), "@conductor"),
        (Left(seats=("a",), turn="2/a/3"), "hall"),
    ]
    for body, room in ends:
        hall.add(call("1/a/1", "a"), "a", "@ledger")
        hall.add(Said(text="hello", turn="2/b/1"), "b")
        assert list(hall.seat("a").calls) == ["1/a/1"]
        hall.add(body, "a", room)
        assert not hall.seat("a").calls


def test_a_full_mailbox_says_so() -> None:
    """Past its size the oldest messages fall out, and the seat knows it must read."""
    hall = Hall("a")
    hall.add(Joined(seats=("a",)))
    for _ in range(MAILBOX - 2):
        hall.add(Said(text="hello"))
    assert not hall.seat("a").overflowed
    hall.add(Said(text="hello"))

    assert hall.seat("a").overflowed


def test_the_end_is_known() -> None:
    """A floor knows that the run is over."""
    hall = Hall("a")
    hall.add(Ended(steps=0), room="@phases")

    assert hall.floor.ended
