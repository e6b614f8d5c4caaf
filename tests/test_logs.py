"""What the roles log is for people and for programs, and does nothing to either."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog

from hubbub.errors import UnknownName
from hubbub.logs import LONGEST, configure

from .console.feed import HOSTILE

log = structlog.get_logger()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Leave structlog as it was."""
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged as JSON lines; nothing of it on stdout."""
    out, err = capsys.readouterr()

    assert not out
    return [json.loads(line) for line in err.splitlines()]


def test_where_nobody_looks_there_are_json_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line an event, with level and time, on stderr."""
    configure()
    log.info("hosting", seats=3)
    (line,) = lines(capsys)

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "hosting", "level": "info", "seats": 3}


def test_nobody_dies_of_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for is lost; who says it goes on."""
    full = open("/dev/full", "w")  # noqa: SIM115 - it cannot be closed quietly
    monkeypatch.setattr(sys, "stderr", full)
    try:
        configure()
        for _ in range(3):
            log.error("cannot write")
    finally:
        with suppress(OSError):
            full.close()


def test_on_a_terminal_there_are_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For people to read."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure()
    log.info("hosting", seats=3)
    shown = capsys.readouterr().err

    assert "hosting" in shown
    assert "{" not in shown


def test_what_is_bound_is_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Which role, run and seat it was, said once at the edge."""
    configure()
    with structlog.contextvars.bound_contextvars(role="worker", run="r1"):
        log.warning("taken over", seat="L1")
    log.warning("after")
    first, second = lines(capsys)

    assert (first["role"], first["run"], first["seat"]) == ("worker", "r1", "L1")
    assert "role" not in second


@pytest.mark.parametrize("json_lines", [True, False])
def test_an_error_is_told_without_locals(
    capsys: pytest.CaptureFixture[str], json_lines: bool
) -> None:
    """They could hold keys and agents' text."""
    configure(json=json_lines)
    key = "secret-" + "value"
    try:
        raise ValueError(f"the key has {len(key)} letters")
    except ValueError:
        log.exception("failed")
    shown = capsys.readouterr().err

    assert "ValueError: the key has 12 letters" in shown
    assert key not in shown


@pytest.mark.parametrize("json_lines", [True, False])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(
    capsys: pytest.CaptureFixture[str], json_lines: bool, text: str
) -> None:
    """In an event's name, in values, in nested ones, in the words of an error."""
    configure(json=json_lines)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception(text, value=text, nested={"x": [text]}, raw=text.encode())
    shown = capsys.readouterr().err

    if any(mark in text for mark in "\x1b\x9b\u202e"):
        assert text not in shown
    assert "\x9b" not in shown
    assert "\u202e" not in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown


def test_a_long_value_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """And of a traceback the end is kept, which tells most."""
    configure()
    try:
        raise ValueError("x" * 2 * LONGEST + " the end")
    except ValueError:
        log.exception("failed", text="y" * 2 * LONGEST)
    (line,) = lines(capsys)

    assert line["text"] == "y" * LONGEST + "…"
    assert line["exception"].endswith("the end")
    assert len(line["exception"]) <= LONGEST


def test_levels_are_a_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    """What is below it is not logged."""
    configure("WARNING")
    log.info("no")
    log.warning("yes")

    assert [line["event"] for line in lines(capsys)] == ["yes"]


def test_a_level_that_there_is_not() -> None:
    """The error names the nearest one."""
    with pytest.raises(UnknownName, match="log level 'inf': did you mean 'info'"):
        configure("inf")
