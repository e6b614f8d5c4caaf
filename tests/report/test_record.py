"""What a report keeps of a log is right, and bounded."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from hubbub.messages import Message, PhaseOpened, Resulted, RoundBegan, Said
from hubbub.report.excerpt import CHARACTERS, LINES
from hubbub.report.record import PENDING, RESULTS, Record, read_record
from hubbub.report.stretches import MOST, Stretches

from ..measures.hosting import Host
from ..playing import Scribe
from ..records import tale
from .filing import file_run, soiree


def fold(messages: Iterable[Message]) -> Record:
    """The record of *messages*."""
    record = Record()
    for message in messages:
        record.apply(message)
    record.finish()
    return record


def mixed() -> list[Message]:
    """A party with every way for an ask to end, and one phase that is open."""
    host = Host("a", "b", "c")
    for ends in ("unparsable", "crashed", "late"):
        host.begin(of=4)
        host.invite(a="b", b=ends, late=["a"])
        host.accept(b=["a"])
        host.chat("a", "b", "Hello.")
    messages = host.messages
    opened = PhaseOpened(step=99, form="collect", what="Vote", seats=("a",))
    host.scribe.write(opened)
    host.scribe.write(messages[4].body, room="@a")
    return messages


@pytest.mark.parametrize("messages", [mixed(), tale(), soiree(3).end()])
def test_outcomes_by_phase_are_those_of_the_run(messages: list[Message]) -> None:
    """Every ask and turn is in one phase, and ends as `Picture` says."""
    record = fold(messages)
    total: Counter[str] = Counter()
    for counts in record.outcomes.values():
        total += counts

    assert total.pop(PENDING, 0) == record.picture.pending
    assert total == record.picture.outcomes


def test_results_beyond_a_number_are_counted() -> None:
    """And not kept."""
    scribe = Scribe()
    for number in range(RESULTS + 10):
        value = msgspec.Raw(str(number).encode())
        scribe.write(Resulted(step=1, name="pot", value=value))
    record = fold(scribe.messages)

    assert len(record.results["pot"]) == RESULTS
    assert record.declared["pot"] == RESULTS + 10


def test_conversations_count_when_anything_is_said() -> None:
    """Once each, in the stretch they began in."""
    host = Host("a", "b", "c")
    for number in range(2):
        host.begin(of=2)
        host.chat("b", "a", "one", "two")
        host.chat("b", "c", *["three"] * number)

    assert fold(host.end()).talks == [(0, ("a", "b")), (1, ("a", "b")), (1, ("b", "c"))]


def test_a_log_is_read_once_and_checked(tmp_path: Path) -> None:
    """With the calls that belong to it."""
    folder = file_run(tmp_path / "run", tale())
    record = read_record(folder.log, folder.calls)

    assert record.audit.ended
    assert record.picture.models["scripted/echo"].calls == 6


# -- stretches


def course(messages: Iterable[Message]) -> Stretches:
    """The stretches of *messages*."""
    stretches = Stretches()
    for message in messages:
        stretches.apply(message)
    return stretches


def test_a_stretch_is_a_round() -> None:
    """With what was said, answered and not answered in it."""
    stretches = course(soiree(3).end())

    assert stretches.count == stretches.rounds == 3
    assert stretches.all_rounds
    assert stretches.names() == ["1", "2", "3"]
    assert [stretches.said[i] for i in range(3)] == [3, 3, 3]
    assert [stretches.answered[i] for i in range(3)] == [4, 4, 4]


def test_what_is_played_after_the_rounds_has_stretches_of_its_own() -> None:
    """They begin where something is asked again that a round asks once."""
    scribe = Scribe()
    for step in range(1, 7, 2):
        scribe.write(RoundBegan(step=step, round=step, of=5))
        scribe.write(PhaseOpened(step=step + 1, form="collect", what="Invite"))
    for step in range(7, 9):
        scribe.write(PhaseOpened(step=step, form="collect", what="Invite"))
    stretches = course(scribe.messages)

    assert (stretches.rounds, stretches.count) == (3, 5)
    assert not stretches.all_rounds


def test_without_rounds_a_stretch_is_a_phase() -> None:
    """Each that asks."""
    scribe = Scribe()
    for step in range(1, 6):
        scribe.write(PhaseOpened(step=step, form="collect", what="Vote"))

    assert course(scribe.messages).count == 5


def test_there_are_never_more_than_a_drawing_has_room_for() -> None:
    """Neighbours become one, and nothing that was said is lost."""
    scribe = Scribe()
    seats = ("a", "b", "c")
    scribe.write(
        PhaseOpened(step=1, form="chat", what="hall", seats=seats), room="hall"
    )
    for number in range(1_000):
        scribe.write(Said(text="x"), sender=seats[number % 3], room="hall")
    stretches = course(scribe.messages)

    assert stretches.by_message
    assert MOST / 2 <= stretches.count <= MOST
    assert stretches.said.total() == 1_000
    assert stretches.by_seat["a"].total() == 334
    assert max(stretches.by_room["hall"]) < stretches.count


# -- excerpts


def test_an_excerpt_has_the_first_and_the_last_conversations() -> None:
    """Four of them, in their order."""
    rooms = list(fold(soiree(9).end()).excerpts.talks())

    assert len(rooms) == 4
    steps = [int(room.split("-")[1]) for room in rooms]
    assert steps == sorted(steps)


def test_long_talk_is_cut_and_counted() -> None:
    """By lines, and each line by characters."""
    scribe = Scribe()
    for _ in range(LINES + 5):
        scribe.write(Said(text="x" * 5_000), sender="a", room="hall")
    (talk,) = fold(scribe.messages).excerpts.talks().values()

    assert (len(talk.lines), talk.said) == (LINES, LINES + 5)
    assert len(talk.lines[0].text) == CHARACTERS


def test_inboxes_are_no_conversations() -> None:
    """What the conductor tells one seat is not talk."""
    scribe = Scribe()
    scribe.write(Said(text="x"), room="@a")

    assert not fold(scribe.messages).excerpts.talks()
