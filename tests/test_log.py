"""The log cannot be changed unseen: whatever is done to it, the audit says where."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hubbub.cli import main
from hubbub.errors import LogDamaged
from hubbub.folder import RunFolder
from hubbub.log import audit_log, read_log
from hubbub.logfile import read_tail

from .records import edit, forge, kept, tale

Edit = Callable[[list[bytes]], Sequence[bytes]]

LINES = len(tale())
#: Places in the tale, as lines from 1.
ASK, CALL, GIVEN, SAID = 4, 5, 6, 7


@pytest.fixture
async def folder(tmp_path: Path) -> RunFolder:
    """A complete run."""
    return await kept(tmp_path / "run")


def damage(path: Path) -> tuple[str, int]:
    """The file and line that the audit of the log at *path* names."""
    with pytest.raises(LogDamaged) as raised:
        audit_log(path)
    return raised.value.path.name, raised.value.line


def verify(folder: RunFolder) -> int | str | None:
    """The exit code of ``hubbub verify``."""
    with pytest.raises(SystemExit) as raised:
        main(["verify", str(folder.path)])
    return raised.value.code


async def test_a_whole_log_passes(folder: RunFolder) -> None:
    """What the logger wrote is dense, chained and ended."""
    audit = audit_log(folder.log)

    assert audit.ended
    assert audit.messages == LINES == folder.manifest.messages
    assert audit.digest == read_tail(folder.log).digest == folder.manifest.last_hash
    assert verify(folder) == 0


EDITS: dict[str, tuple[Edit, int]] = {
    "edited": (lambda x: [*x[:8], x[8].replace(b"L2", b"L1"), *x[9:]], 9),
    "deleted": (lambda x: [*x[:8], *x[9:]], 9),
    "the first deleted": (lambda x: x[1:], 1),
    "swapped": (lambda x: [*x[:8], x[9], x[8], *x[10:]], 9),
    "doubled": (lambda x: [*x[:9], x[8], *x[9:]], 10),
    "inserted": (lambda x: [*x[:8], b"{}\n", *x[8:]], 9),
    "emptied": (lambda x: [*x[:8], b"\n", *x[9:]], 9),
    "cut off": (lambda x: [*x[:-1], x[-1][:-20]], LINES),
    "without its end": (lambda x: [*x[:-1], x[-1][:-1]], LINES),
    "appended": (lambda x: [*x, x[-1]], LINES + 1),
    "nonsense appended": (lambda x: [*x, b"\xff\xfe{\n"], LINES + 1),
    "nested too deep": (lambda x: [*x[:8], b"[" * 100_000 + b"\n", *x[9:]], 9),
}


@pytest.mark.parametrize("what", EDITS)
async def test_a_damaged_line_is_named(folder: RunFolder, what: str) -> None:
    """Edited, deleted, swapped, cut off or appended: the first such line is named."""
    deed, line = EDITS[what]
    edit(folder.log, deed)

    assert damage(folder.log) == ("log.jsonl", line)
    assert verify(folder) == 4


async def test_missing_last_lines_are_found(folder: RunFolder) -> None:
    """A shorter log is a good one of an unfinished run: the manifest knows better."""
    edit(folder.log, lambda lines: lines[:-1])

    assert not audit_log(folder.log).ended
    assert verify(folder) == 4


async def test_every_flipped_byte_is_found(folder: RunFolder) -> None:
    """200 places, each with another wrong byte: every one fails, on its own line."""
    rng = random.Random(1)
    whole = folder.log.read_bytes()
    for place in rng.sample(range(len(whole)), 200):
        wrong = whole[place] ^ rng.randrange(1, 256)
        folder.log.write_bytes(whole[:place] + bytes([wrong]) + whole[place + 1 :])
        line = whole.count(b"\n", 0, place) + 1

        assert damage(folder.log) == ("log.jsonl", line), (place, wrong)


async def test_every_flipped_byte_of_a_call_is_found(folder: RunFolder) -> None:
    """What a model was asked and said cannot be changed either."""
    rng = random.Random(2)
    whole = folder.calls.read_bytes()
    for place in rng.sample(range(len(whole)), 200):
        wrong = whole[place] ^ rng.randrange(1, 256)
        folder.calls.write_bytes(whole[:place] + bytes([wrong]) + whole[place + 1 :])
        line = whole.count(b"\n", 0, place) + 1

        assert damage(folder.log) == ("calls.jsonl", line), (place, wrong)


CALL_EDITS: dict[str, tuple[Edit, int]] = {
    "deleted": (lambda x: x[:-1], 6),
    "all deleted": (lambda _: [], 1),
    "swapped": (lambda x: [x[1], x[0], *x[2:]], 1),
    "appended": (lambda x: [*x, x[-1]], 7),
    "torn": (lambda x: [*x[:-1], x[-1][:-9]], 6),
    "torn and appended": (lambda x: [*x, b"{"], 7),
}


@pytest.mark.parametrize("what", CALL_EDITS)
async def test_a_damaged_call_is_named(folder: RunFolder, what: str) -> None:
    """Every call of the log has its record, and there is no other one."""
    deed, line = CALL_EDITS[what]
    edit(folder.calls, deed)

    assert damage(folder.log) == ("calls.jsonl", line)
    assert verify(folder) == 4


async def test_calls_may_be_ahead_of_a_log_that_goes_on(folder: RunFolder) -> None:
    """They are written first; the log of an unfinished run may not know them yet."""
    edit(folder.log, lambda lines: lines[: CALL - 1])

    assert audit_log(folder.log).messages == CALL - 1


LIES: dict[str, tuple[int, dict[str, Any]]] = {
    "seq": (3, {"seq": 4}),
    "n": (4, {"n": 2}),
    "no": (3, {"no": 9}),
    "seen": (3, {"seen": 3}),
    "kind": (3, {"kind": "rumour"}),
    "an ask twice": (ASK + 4, {"room": "@L1"}),
    "not asked": (GIVEN, {"sender": "L2", "no": 1}),
    "a turn of another seat": (SAID, {"body": {"text": "", "turn": "1/L2/1"}}),
    "a turn of nobody": (SAID, {"body": {"text": "", "turn": "x"}}),
    "after the end": (LINES - 1, {"kind": "end", "body": {"steps": 0}}),
}


@pytest.mark.parametrize("what", LIES)
async def test_a_log_that_was_chained_anew_must_still_make_sense(
    folder: RunFolder, what: str
) -> None:
    """Numbers dense, one outcome an ask and only by who was asked, an end at the end."""
    line, changes = LIES[what]
    forge(folder.log, line, **changes)

    name, found = damage(folder.log)

    assert (name, found) == ("log.jsonl", line + (what == "after the end"))


async def test_an_ask_has_one_outcome(folder: RunFolder) -> None:
    """A second contribution to the same ask is a lie, wherever it stands."""
    given = {"ask": "1/L1", "step": 2, "outcome": "passed"}
    second = GIVEN + 10
    forge(folder.log, second, body=given)

    assert damage(folder.log) == ("log.jsonl", second)


async def test_an_incarnation_that_was_over_says_nothing(folder: RunFolder) -> None:
    """Incarnations of a seat only rise."""
    forge(folder.log, GIVEN, inc=2)

    assert damage(folder.log) == ("log.jsonl", SAID)


async def test_a_manifest_must_count_what_is_there(folder: RunFolder) -> None:
    """Messages, asks, outcomes and the last hash are all compared."""
    manifest = folder.path / "manifest.json"
    whole = manifest.read_text()
    for fact in ('"messages": ', '"asks": ', '"model_error": ', '"last_hash": "'):
        manifest.write_text(whole.replace(fact, fact + "1"))

        assert verify(folder) == 4, fact


async def test_a_reader_leaves_out_a_torn_last_line(folder: RunFolder) -> None:
    """It is being written, or was when its writer died; the server has its message."""
    edit(folder.log, lambda lines: [*lines[:-1], lines[-1][:30]])

    assert len(list(read_log(folder.log))) == LINES - 1


async def test_a_reader_stops_at_a_line_that_is_none(folder: RunFolder) -> None:
    """What is read is a message or an error with its place."""
    edit(folder.log, lambda lines: [*lines[:4], b"{}\n", *lines[5:]])

    with pytest.raises(LogDamaged, match=r"log\.jsonl:5: "):
        list(read_log(folder.log))


@pytest.mark.parametrize("last", [b"{}\n", b'{"hash":"x"}\n', b"\xff\n"])
async def test_a_logger_does_not_go_on_after_nonsense(
    folder: RunFolder, last: bytes
) -> None:
    """A whole last line that is no chained message is no tail to write after."""
    edit(folder.log, lambda lines: [*lines, last])

    with pytest.raises(LogDamaged, match=rf"log\.jsonl:{LINES + 1}: "):
        read_tail(folder.log)


@pytest.mark.parametrize("torn", [b"", b"x" * 70_000, b"{" * 300_000])
async def test_the_tail_is_found_before_a_torn_line_of_any_length(
    folder: RunFolder, torn: bytes
) -> None:
    """Also where the torn line is longer than what is read at once."""
    tail = read_tail(folder.log)
    edit(folder.log, lambda lines: [*lines, torn])

    assert read_tail(folder.log) == tail
    assert tail.seq == LINES
