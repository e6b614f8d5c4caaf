"""A run's record as replay reads it: in order, and at any place."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from hubbub.errors import LogDamaged
from hubbub.ledger import Record
from hubbub.log import Audit
from hubbub.messages import Called, Message, decode_line, encode_body
from hubbub.models.base import Call

_decode_call = msgspec.json.Decoder(Call).decode
_decode_record = msgspec.json.Decoder(Record).decode


class _Stored(msgspec.Struct):
    """A message's line, of which only the body's bytes are wanted."""

    body: msgspec.Raw


_decode_stored = msgspec.json.Decoder(_Stored).decode


class Tape(ABC):
    """Every message of a run, by ``seq`` from 1 to `last`, and every call."""

    last: int

    def __iter__(self) -> Iterator[Message]:
        """All messages, in order."""
        return map(self.message, range(1, self.last + 1))

    @abstractmethod
    def message(self, seq: int) -> Message:
        """The message at *seq*."""

    @abstractmethod
    def body(self, seq: int) -> bytes:
        """The body of the message at *seq*, as it is stored."""

    @abstractmethod
    def call(self, seq: int) -> Call:
        """The whole record of the call at *seq*."""


class MemoryTape(Tape):
    """The messages of a bus, which carry their calls."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.last = len(messages)
        self._messages = messages

    def message(self, seq: int) -> Message:
        return self._messages[seq - 1]

    def body(self, seq: int) -> bytes:
        return encode_body(self._messages[seq - 1].body)

    def call(self, seq: int) -> Call:
        body = self._messages[seq - 1].body
        assert isinstance(body, Called)
        return _decode_call(body.record)


class LogTape(Tape):
    """
    ``log.jsonl`` with its ``calls.jsonl``, checked from end to end.

    Only places in the files are held.  A torn last line is left out, as are calls that
    the log does not have yet.
    """

    def __init__(self, log: Path, calls: Path) -> None:
        """Raises `LogDamaged` at the first line that is not what it must be."""
        self.audit = Audit()
        self._lines = array("Q", [0])
        self._calls: dict[int, int] = {}
        self._ledger: BinaryIO | None = None
        with ExitStack() as stack:
            self._log = stack.enter_context(log.open("rb"))
            if calls.exists():
                self._ledger = stack.enter_context(calls.open("rb"))
            self._check_log(log)
            self._check_calls(calls)
            self._files = stack.pop_all()
        self.last = self.audit.messages

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def _check_log(self, path: Path) -> None:
        for number, line in enumerate(self._log, 1):
            if not line.endswith(b"\n"):
                return
            try:
                self.audit.check(line)
            except ValueError as error:
                raise LogDamaged(path, number, str(error)) from None
            self._lines.append(self._lines[-1] + len(line))

    def _check_calls(self, path: Path) -> None:
        wanted, place, number = dict(self.audit.calls), 0, 0
        lines: Iterable[bytes] = self._ledger or ()
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break
            try:
                record = _decode_record(line)
                known = record.seq <= self.audit.messages
                if known and wanted.pop(record.seq, None) != record.sha256:
                    raise ValueError("not the call that the log has here")
            except (ValueError, RecursionError) as error:
                raise LogDamaged(path, number, str(error)) from None
            self._calls[record.seq] = place
            place += len(line)
        if wanted:
            raise LogDamaged(path, number + 1, f"call {min(wanted)} is missing")

    def line(self, seq: int) -> bytes:
        """The line of the message at *seq*, as it is stored."""
        self._log.seek(self._lines[seq - 1])
        return self._log.readline()

    def __iter__(self) -> Iterator[Message]:
        with open(self._log.name, "rb") as file:
            for _ in range(self.last):
                yield decode_line(file.readline())

    def message(self, seq: int) -> Message:
        return decode_line(self.line(seq))

    def body(self, seq: int) -> bytes:
        return bytes(_decode_stored(self.line(seq)).body)

    def call(self, seq: int) -> Call:
        assert self._ledger is not None
        self._ledger.seek(self._calls[seq])
        record = _decode_record(self._ledger.readline())
        return _decode_call(record.call)
