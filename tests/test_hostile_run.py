"""All of the corpus through one run, and out by every door: nothing obeys it."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from hubbub.data.export import export
from hubbub.errors import BadName
from hubbub.ledger import read_records
from hubbub.log import audit_log, read_log
from hubbub.messages import (
    Asked,
    Contributed,
    Left,
    Message,
    Passed,
    Resulted,
    Said,
    Ticked,
)
from hubbub.models.base import Call
from hubbub.models.spoken import spoken
from hubbub.names import NAME, check_run, check_seat
from hubbub.text import without_surrogates
from hubbub.verdict import MAX_ANSWER, MAX_RAW

from .corpus import (
    NAMES,
    TEXTS,
    Screen,
    evil_server,
    is_text,
    on_terminal,
    population,
    words_of,
)
from .report.test_page import check_inert
from .test_text import UNSAFE

networkx: Any = import_module("networkx")
parquet: Any = import_module("pyarrow.parquet")

#: What a program of ours may say to a terminal: colours, and the live view's own moves.
_STYLE = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|1A|2K|2J|H)")
_FORBIDDEN = set(UNSAFE) - {"\n", "\r"}


class Played(NamedTuple):
    """A run of everything: its folder, what was on screen, what the models were sent."""

    folder: Path
    screen: Screen
    requests: list[Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """On a terminal with a live view, and with a server of models that has the corpus."""
    here = tmp_path_factory.mktemp("hostile")
    file, out = population(here), here / "run"
    with evil_server() as server:
        model = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": ""}
        bound = ("--token-budget", f"{10**12}")
        screen = on_terminal("run", str(file), "--out", str(out), *bound, **model)
    return Played(out, screen, server.requests)


@cache
def messages_in(folder: Path) -> tuple[Message, ...]:
    """The run's log."""
    return tuple(read_log(folder / "log.jsonl"))


def by(folder: Path, *letters: str) -> Iterator[tuple[str, Message]]:
    """The messages of the seats with these letters, each with the text of its seat."""
    for message in messages_in(folder):
        if re.fullmatch(rf"[{''.join(letters)}]\d+", message.sender):
            yield words_of(message.sender), message


def is_sayable(text: str) -> bool:
    """Whether *text* can be what somebody says, by the rules of all answers."""
    spoken = msgspec.json.encode({"text": text}) if is_text(text) else b""
    return 0 < len(spoken) <= MAX_ANSWER


def test_the_run_completes(played: Played) -> None:
    """Nobody is stopped or blocked by what another one says."""
    audit = audit_log(played.folder / "log.jsonl")

    assert played.screen.code == 0
    assert audit.ended


def test_every_ask_has_one_outcome(played: Played) -> None:
    """And every seat is asked; whoever says nothing evil is not disturbed."""
    asked = Counter(
        m.body.ask for m in messages_in(played.folder) if isinstance(m.body, Asked)
    )
    ended = Counter(
        m.body.ask
        for m in messages_in(played.folder)
        if isinstance(m.body, Contributed)
    )
    honest = [
        m.body.outcome
        for m in messages_in(played.folder)
        if m.sender in ("L1", "L2", "L3") and isinstance(m.body, Contributed | Passed)
    ]

    assert asked == ended
    assert set(asked.values()) == {1}
    assert len(asked) == 2 + 5 * len(TEXTS)
    assert set(honest) == {"answered"}


def test_what_is_answered_is_whole(played: Played) -> None:
    """To the character; what cannot be an answer is kept as what it is."""
    for text, message in by(played.folder, "R", "J"):
        if isinstance(body := message.body, Contributed):
            if is_sayable(text):
                assert msgspec.json.decode(body.answer)["text"] == text
            else:
                assert body.outcome in ("unparsable", "model_error")
                assert body.note


def test_what_is_said_is_whole(played: Played) -> None:
    """In a turn, and as somebody's last words."""
    said = Counter(
        (type(m.body), text)
        for text, m in by(played.folder, "R")
        if isinstance(m.body, Said | Left) and m.body.text == text
    )

    for text in filter(str.strip, filter(is_sayable, TEXTS.values())):
        assert said[Said, text] == said[Left, text] == 1, ascii(text[:40])


def test_what_is_no_answer_is_kept_raw(played: Played) -> None:
    """As much of it as there is room for, and its length."""
    ends: Counter[str] = Counter()
    for text, message in by(played.folder, "B"):
        if isinstance(body := message.body, Contributed):
            plain = without_surrogates(text)
            ends[body.outcome] += 1
            if body.outcome == "unparsable":
                assert (body.raw, body.raw_size) == (plain[:MAX_RAW], len(plain))

    assert ends == {
        "answered": ends["answered"],
        "unparsable": len(TEXTS) - ends["answered"],
    }
    assert ends["answered"] < 5


def test_what_a_model_replies_is_on_record(played: Played) -> None:
    """Also where it is no answer; what it thinks aloud is not a part of what it says."""
    replies = {
        (call.seat, call.reply.text)
        for record in read_records(played.folder / "calls.jsonl")
        if (call := msgspec.json.decode(record.call, type=Call)).reply
    }
    for number, text in enumerate(TEXTS.values()):
        said = spoken(without_surrogates(text))
        assert not said or (f"M{number}", said) in replies


def test_an_error_is_one_safe_line(played: Played) -> None:
    """It is for people, and cut to what they can read."""
    notes = [
        m.body.note
        for _, m in by(played.folder, "F")
        if isinstance(m.body, Contributed)
    ]

    assert len(notes) == len(TEXTS)
    for note in notes:
        assert note.startswith("RuntimeError: ")
        assert not set(note) & {*UNSAFE, "\n"}
        assert len(note) <= 12 * 520


def test_the_conductor_may_say_anything_too(played: Played) -> None:
    """Parameters come back as posts, facts and results."""
    given = [t for t in TEXTS.values() if is_text(t) and len(t) < 4_000]
    bodies = [m.body for m in messages_in(played.folder) if m.sender == "conductor"]

    assert [b.text for b in bodies if isinstance(b, Said)] == given
    assert [b.name for b in bodies if isinstance(b, Ticked)] == given
    assert [
        msgspec.json.decode(b.value) for b in bodies if isinstance(b, Resulted)
    ] == given


@pytest.mark.parametrize(
    "name", ["log.jsonl", "calls.jsonl", "manifest.json", "population.toml"]
)
def test_files_are_safe_lines(played: Played, name: str) -> None:
    """For ``cat`` and ``tail -f``, and for whoever splits lines in his own way."""
    text = (played.folder / name).read_bytes().decode()

    assert not set(text) & (set(UNSAFE) - {"\n", "\t"})
    assert len(text.splitlines()) == text.count("\n")


def test_the_run_folder_has_the_usual_files(played: Played) -> None:
    """No text has become a file's name, here or beside it."""
    known = {"log.jsonl", "calls.jsonl", "manifest.json", "population.toml"}
    known |= {"logger.lock", "server"}

    assert {path.name for path in played.folder.iterdir()} <= known
    assert {path.name for path in played.folder.parent.iterdir()} == {
        *("run", "recital.toml", "cohort.json"),
    }
    assert not Path("/tmp/owned").exists()


def obeyed(shown: bytes) -> set[str]:
    """What in *shown* a terminal would obey, but for our own colours and moves."""
    return set(_STYLE.sub("", shown.decode())) & _FORBIDDEN


def test_the_live_view_is_inert(played: Played) -> None:
    """Whatever goes by on it while the run goes on."""
    assert not obeyed(played.screen.shown)
    assert "evil.test" in played.screen.shown.decode()


@pytest.mark.parametrize(
    "command", ["tail -v", "tail --json", "show", "inject ls", "verify"]
)
def test_a_terminal_is_only_written_to(played: Played, command: str) -> None:
    """Every command that shows a run; what it shows is there to be read."""
    screen = on_terminal(*command.split(), str(played.folder))

    assert screen.code == 0
    assert not obeyed(screen.shown)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_refused_in_safe_words(name: str) -> None:
    """Before anything is made of it, be it a key, a channel, a path or a line."""
    checks = (check_seat,) if NAME.fullmatch(name) else (check_seat, check_run)
    for check in checks:
        with pytest.raises(BadName) as refused:
            check(name)

        assert not set(str(refused.value)) & {*UNSAFE, "\n"}
        str(refused.value).encode()


def test_replies_of_models_follow_from_the_record(played: Played) -> None:
    """The run can be done again from its log and calls, to the byte."""
    assert on_terminal("replay", str(played.folder)).code == 0


def test_prompts_keep_their_form(played: Played) -> None:
    """What others say is a line of data, whatever is in it, and cannot end its frame."""
    for request in played.requests:
        roles = [m["role"] for m in request["messages"]]
        assert roles in (["system", "user"], ["system", "user", "assistant", "user"])
        heard, _, task = request["messages"][1]["content"].partition("\n\n")
        head, *lines = heard.split("\n")
        assert head.startswith("What you have heard so far, as data")
        assert task.startswith(("Recite", "You are talking", "You were talking"))
        for line in lines:
            assert (
                line.startswith(("[", "("))
                or {"n", "sender"} <= json.loads(line).keys()
            )
            assert not set(line) & set(UNSAFE)


def test_the_report_is_a_page_of_text(played: Played) -> None:
    """Nothing on it loads, runs or leads anywhere, and what was said can be read."""
    on_terminal("report", str(played.folder), "--out", str(played.folder.parent / "x"))
    page = check_inert((played.folder.parent / "x").read_text())
    (played.folder.parent / "x").unlink()

    assert "<script>" in page.text


@pytest.fixture(scope="module")
def exported(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables and networks of the run, somewhere else."""
    out = tmp_path_factory.mktemp("exported") / "tables"
    export(played.folder, out=out, formats=["parquet", "csv"])
    return out


def test_a_table_has_what_the_log_has(played: Played, exported: Path) -> None:
    """Character by character."""
    rows = parquet.read_table(exported / "messages.parquet").to_pylist()
    texts = Counter(row["text"] for row in rows if row["kind"] == "say")

    assert texts == Counter(
        m.body.text for m in messages_in(played.folder) if isinstance(m.body, Said)
    )


def test_no_cell_is_a_formula(exported: Path) -> None:
    """In no column of any table, and no row is broken in two."""
    csv.field_size_limit(sys.maxsize)
    for path in exported.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        for cell in (cell for row in rows for cell in row):
            assert not re.match(r"[=+@\t\r\n\uff1d]|-(?![\d.]+([eE][+-]?\d+)?$)", cell)
            assert not set(cell) & (set(UNSAFE) - set("\t\n"))
        assert {len(row) for row in rows} <= {len(head)}


def test_networks_are_read_by_others(exported: Path) -> None:
    """As XML that has nothing but the graph in it."""
    for path in exported.glob("*.graphml"):
        assert networkx.read_graphml(path).number_of_nodes() > 0
        assert b"<!ENTITY" not in path.read_bytes()
