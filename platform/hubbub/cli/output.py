"""The command line's streams: they take every character, and their reader may leave."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

import click
import msgspec
from rich.console import Console

from hubbub.secrets import mask
from hubbub.text import escape_json


class Page(Console):
    """A console that leaves it to others what happens when its reader has left."""

    def on_broken_pipe(self) -> None:
        """Raises `BrokenPipeError`; rich itself would end the process here."""
        raise BrokenPipeError


class Masked(TextIOWrapper):
    """Another stream's bytes under a text that masks secrets, whoever writes to it."""

    def __init__(self, under: TextIOWrapper) -> None:
        under.flush()
        super().__init__(
            under.buffer,
            encoding=under.encoding,
            errors="backslashreplace",
            line_buffering=under.line_buffering,
            write_through=under.write_through,
        )
        # It would close them at its end.
        self._under = under

    def write(self, s: str) -> int:
        return super().write(mask(s))

    def close(self) -> None:
        """Let go of the bytes, which are the other stream's to close."""
        if not self.buffer.closed:
            self.flush()


def hold_streams() -> None:
    """
    Make the standard streams safe to write to.

    A closed one leads nowhere, so that no file of a run takes its number; a character
    that the locale does not have becomes an escape, and secrets are masked.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdout = _open(sys.stdout, 1)
    sys.stderr = _open(sys.stderr, 2)


def _open(stream: TextIO | None, fd: int) -> TextIO:
    return Masked(cast("TextIOWrapper", stream or os.fdopen(fd, "w", closefd=False)))


def json_stream() -> TextIO:
    """Stdout, in UTF-8 whatever the locale says, because JSON is."""
    cast("TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8")
    return sys.stdout


def told(path: Path) -> str:
    """*path* as text that can be written, also where it is none in this locale."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def echo_json(value: object) -> None:
    """Write *value* to stdout as one line of JSON that is safe on a terminal."""
    click.echo(escape_json(msgspec.json.encode(value)))


def silence() -> None:
    """Lead stdout nowhere: what is still in its buffer would fail at our end."""
    fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, sys.stdout.fileno())
    os.close(fd)
