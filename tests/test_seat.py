"""A seat keeps what its host needs, and no more of its past."""

from hubbub.messages import Message, Said
from hubbub.names import inbox
from hubbub.seat import Seat


def said(room: str, seq: int) -> Message:
    """Words in *room*, by somebody else."""
    return Message(
        seq=seq,
        room=room,
        n=1,
        at=0,
        sender="L2",
        no=1,
        inc=1,
        seen=0,
        kind="say",
        body=Said(text="hi"),
    )


def visitor() -> Seat:
    """One that was in the hall from 2 to 4 and from 8 to 9, and is in the yard."""
    seat = Seat("L1")
    seat.enter("hall", 2)
    seat.exit("hall", 4)
    seat.enter("yard", 6)
    seat.enter("hall", 8)
    seat.exit("hall", 9)
    return seat


def test_stretches_that_were_heard_are_forgotten() -> None:
    """A seat that holds thousands of conversations keeps none that it has left."""
    seat = visitor()
    seat.forget(9)

    assert seat.spells.keys() == {inbox("L1"), "yard"}
    assert seat.heard(said("yard", 10))
    assert not seat.inside("hall")


def test_stretches_to_be_read_again_are_kept() -> None:
    """What has fallen out of the mailbox is still told apart by who was where."""
    seat = visitor()
    seat.forget(5)

    assert [seat.heard(said("hall", seq)) for seq in (3, 7, 8, 9, 10)] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_a_room_may_be_come_into_again() -> None:
    """Forgetting is of stretches, not of rooms."""
    seat = visitor()
    seat.forget(9)
    seat.enter("hall", 11)

    assert seat.inside("hall")
    assert seat.heard(said("hall", 12))
