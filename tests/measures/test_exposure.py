"""Who was exposed to an adversary, how often, since when, and by how many hands."""

import msgspec
import pytest

from hubbub.hearers import Hearing
from hubbub.measures.adversaries import read_adversaries
from hubbub.measures.contacts import read_contacts
from hubbub.measures.doses import Doses, dose_response
from hubbub.measures.effect import Injected
from hubbub.measures.reach import Reached
from hubbub.messages import Contributed, Left, Lifted, Muted, Toggled
from hubbub.names import CONDUCTOR, TRUTH, inbox

from .telling import Tale


def doses(tale: Tale) -> dict[str, int]:
    """How often each seat of *tale* was exposed."""
    return {
        seat: len(each.seqs) for seat, each in Injected(tale.messages).doses.items()
    }


def reach(tale: Tale) -> dict[str, int]:
    """How far from the adversary each seat of *tale* is."""
    return {s: way.distance for s, way in Injected(tale.messages).reach.items()}


# -- hearing


def test_whoever_has_muted_a_seat_does_not_hear_it() -> None:
    """Until it does again; others go on hearing it."""
    tale, hearing = Tale("ABC"), Hearing()
    for on in (False, True):
        tale.write(Muted(step=1, seat="A", on=on), room=inbox("B"))
        tale.say("A")

    heard = [hearing.apply(m) for m in tale.messages]
    assert ["".join(seat for seat, _ in pairs) for pairs in heard[-4:]] == [
        *("B", "AC"),
        *("B", "ABC"),
    ]


def test_what_comes_late_is_heard_when_it_comes() -> None:
    """B hears A two events late, which is when it is exposed; C at once."""
    tale = Tale("ABC")
    delay = {"kind": "delay", "mean": 0.001, "direction": "in"}
    tale.onset("impair", "B", delay, "i2")
    tale.turn("A")
    word = tale.say("A")
    tale.messages[-1] = msgspec.structs.replace(tale.messages[-1], at=10)
    tale.say("C")
    tale.write(Lifted(id="i2", surface="impair", seats=("B",)), room=TRUTH)

    found = [c for c in read_contacts(tale.messages) if c.sender == "A"]
    assert [(c.hearer, c.seq) for c in found] == [("C", word), ("B", word + 2)]


def test_what_is_lost_exposes_nobody() -> None:
    """B is eclipsed, also for a newcomer who comes after that; C is not."""
    tale = Tale("ABC")
    tale.onset("impair", "B", {"kind": "eclipse", "peers": ["C"]}, "i2")
    tale.join("hall", "M")
    tale.onset("participant", "M", {})
    tale.say("M")

    assert [contact.hearer for contact in read_contacts(tale.messages)] == ["A", "C"]


# -- contacts


def test_words_are_contacts_of_those_in_the_room() -> None:
    """Who has left, or was never there, has nothing to do with it; nor has the conductor."""
    tale = Tale("ABC")
    tale.join("side", "A", "B")
    first = tale.say("A", room="side")
    tale.write(Left(seats=("B",)), "B", "side")
    tale.say("A", room="side")
    tale.say(CONDUCTOR)
    tale.say("A", " ")

    (contact,) = read_contacts(tale.messages)
    assert (contact.seq, contact.sender, contact.hearer) == (first, "A", "B")


def test_a_sealed_answer_is_no_contact() -> None:
    """Whatever words are in it, nobody else hears it."""
    tale = Tale("AB")
    answer = msgspec.Raw(b'{"text":"hello"}')
    body = Contributed(ask="1/A", step=1, outcome="answered", answer=answer)
    tale.write(body, "A", inbox(CONDUCTOR))

    assert not list(read_contacts(tale.messages))


def test_a_game_is_a_contact_of_all_who_play_it() -> None:
    """From the event on at which a player is told what it came to."""
    tale = Tale("ABC")
    tale.game("1", A=0, B=100)
    told = {m.room[1:]: m.seq for m in tale.messages if m.kind == "tick"}

    found = list(read_contacts(tale.messages))
    assert {(c.sender, c.hearer, c.seq) for c in found} == {
        ("A", "B", told["B"]),
        ("B", "A", told["A"]),
    }


# -- doses


def test_a_turned_member_exposes_others_from_its_onset_on() -> None:
    """What it said before, or had decided before, was its own."""
    tale = Tale("AB")
    tale.say("A")
    before = tale.turn("A") - 1
    tale.say("A", seen=before)
    first = tale.say("A")
    tale.say("A")

    assert Injected(tale.messages).doses == {"B": Doses((first, first + 1), 0)}


def test_a_paused_or_lifted_adversary_exposes_nobody() -> None:
    """It does again when it is resumed."""
    tale = Tale("AB")
    tale.turn("A")
    tale.say("A")
    for on in (False, True):
        tale.write(Toggled(id="i1", surface="compromise", on=on), room=TRUTH)
        tale.say("A")
    tale.write(Lifted(id="i1", surface="compromise"), room=TRUTH)
    tale.say("A")

    assert doses(tale) == {"B": 2}


def test_who_never_met_it_has_had_none() -> None:
    """And is told apart from one that is not in the run at all."""
    tale = Tale("ABC")
    tale.join("side", "A", "B")
    tale.turn("A")
    tale.say("A", room="side")

    assert doses(tale) == {"B": 1, "C": 0}


def test_an_impaired_seat_is_no_adversary_to_those_who_hear_it() -> None:
    """It means nobody any harm."""
    tale = Tale("AB")
    tale.onset("impair", "A", {"kind": "drop", "p": 0.0})
    tale.say("A")

    assert doses(tale) == {"B": 0}


def test_what_was_not_read_before_the_last_act_has_changed_nothing() -> None:
    """Two were heard, one of them read."""
    tale = Tale("AB")
    tale.turn("A")
    one = tale.say("A")
    tale.say("A")
    tale.say("B", seen=one)
    (own,) = Injected(tale.messages).doses.values()

    assert (len(own.seqs), own.effective, own.upto(one - 1)) == (2, 1, 0)


@pytest.mark.parametrize(
    ("responses", "slope"),
    [
        ({"A": 0.1, "B": 0.2, "C": 0.4}, 0.15),
        ({"A": 0.1, "C": 0.5, "X": 9.0}, 0.2),
        ({"B": 0.2}, None),
    ],
)
def test_the_slope_is_by_hand(responses: dict[str, float], slope: float | None) -> None:
    """Least squares, over those that have both; None where doses do not differ."""
    found = dose_response({"A": 0, "B": 1, "C": 2}, responses)

    assert found == (None if slope is None else pytest.approx(slope))


# -- distance


def test_distance_counts_the_hands() -> None:
    """A tells B, B tells C in another room, D is never spoken to."""
    tale = Tale("ABCD")
    tale.join("ab", "A", "B")
    tale.join("bc", "B", "C")
    onset = tale.turn("A")
    tale.say("A", room="ab")
    tale.say("B", room="bc")

    assert reach(tale) == {"A": 0, "B": 1, "C": 2}
    assert Injected(tale.messages).reach["B"] == Reached(1, onset + 1, "A")
    assert set(Injected(tale.messages, upto=onset + 1).reach) == {"A", "B"}


def test_words_that_cross_carry_nothing() -> None:
    """B spoke to C before it had read what A said, so C is not reached."""
    tale = Tale("ABC")
    tale.join("ab", "A", "B")
    tale.join("bc", "B", "C")
    tale.say("B", room="bc")
    tale.turn("A")
    word = tale.say("A", room="ab")
    tale.say("B", room="bc", seen=word - 1)

    assert reach(tale) == {"A": 0, "B": 1}


def test_a_shorter_way_counts_from_when_it_was_there() -> None:
    """C is reached by B first, then by A itself; D had it from C in between."""
    tale = Tale("ABCD")
    for pair in ("AB", "BC", "CD", "AC"):
        tale.join(pair, *pair)
    tale.turn("A")
    tale.say("A", room="AB")
    tale.say("B", room="BC")
    tale.say("C", room="CD")
    tale.say("A", room="AC")

    assert reach(tale) == {"A": 0, "B": 1, "C": 1, "D": 3}


def test_a_newcomer_begins_with_its_first_room() -> None:
    """Its join comes before its onset, and is when the run is another one."""
    tale = Tale("AB")
    tale.round(1)
    joined = tale.join("hall", "M").seq
    onset = tale.onset("participant", "M", {"options": {"canary": "c1"}})

    (found,) = read_adversaries(tale.messages).all.values()
    assert (found.began, found.onset, found.round) == (joined, onset, 1)
    assert found.said == {"canary": "c1"}
