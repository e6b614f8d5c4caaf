"""
``calls.jsonl``: what models were asked and what they said, one call a line.

In the run's own log a ``call`` message carries the whole record.  In ``log.jsonl`` the
record's SHA-256 stands in its place, and the record is here, under the same ``seq``.
"""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from hubbub.errors import LogDamaged
from hubbub.messages import Called, decode_line, encode_body

_CALL = b',"kind":"call","body":'


class Record(msgspec.Struct, frozen=True):
    """One line: the ``seq`` of the call's message and the `models.Call` as JSON."""

    seq: int
    call: msgspec.Raw

    @property
    def sha256(self) -> str:
        """What stands for the record in ``log.jsonl``."""
        return sha256(self.call).hexdigest()


_decode = msgspec.json.Decoder(Record).decode


def split(line: bytes) -> tuple[bytes, Record | None]:
    """The server's *line* as ``log.jsonl`` has it, and the record it carried if any."""
    head, mark, _ = line.partition(_CALL)
    if not mark or b'"body":' in head:
        return line, None
    message = decode_line(line)
    assert isinstance(message.body, Called)
    record = Record(message.seq, message.body.record)
    body = message.body
    digest = Called(call=body.call, sha256=record.sha256, dropped=body.dropped)
    return head + mark + encode_body(digest) + b"}", record


def join(line: bytes, record: Record | None) -> bytes:
    """The server's line again; raises `ValueError` if *record* is not the line's own."""
    head, mark, _ = line.partition(_CALL)
    message = decode_line(line)
    body = message.body
    assert isinstance(body, Called)
    if record is None or (record.seq, record.sha256) != (message.seq, body.sha256):
        raise ValueError("calls.jsonl does not have this call")
    whole = Called(call=body.call, record=record.call, dropped=body.dropped)
    return head + mark + encode_body(whole) + b"}"


def read_records(path: Path) -> Iterator[Record]:
    """
    Every record in the file at *path*, none if there is no file.

    A torn last line is left out.  Raises `LogDamaged` for a line that is no record.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield _decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise LogDamaged(path, number, f"not a call: {error}") from None


def known_calls(path: Path, logged: int) -> tuple[int, int]:
    """How many calls up to ``seq`` *logged* the file at *path* has, and their bytes."""
    known = sum(record.seq <= logged for record in read_records(path))
    if not known:
        return 0, 0
    with path.open("rb") as file:
        return known, sum(len(file.readline()) for _ in range(known))


class Ledger:
    """
    The logger's file: goes on after the calls that ``log.jsonl`` knows.

    One process at a time.  Raises `LogDamaged` where a line is no record.
    """

    def __init__(self, path: Path, logged: int) -> None:
        """*logged* is the last ``seq`` in ``log.jsonl``; later calls come again."""
        _, end = known_calls(path, logged)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._waiting: list[bytes] = []
        os.ftruncate(self._fd, end)

    def add(self, record: Record) -> None:
        """Keep *record* for the next `flush`."""
        line = b'{"seq":%d,"call":%s}\n' % (record.seq, bytes(record.call))
        self._waiting.append(line)

    def flush(self) -> None:
        """Write what waits, all or nothing, and wait for the disk."""
        if self._waiting:
            write(self._fd, b"".join(self._waiting))
            self._waiting.clear()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def write(fd: int, data: bytes) -> None:
    """
    Append *data* and wait for the disk; raises `OSError` with nothing left behind.

    A full disk must not leave half a batch: what follows would be written after it.
    """
    end = os.lseek(fd, 0, os.SEEK_END)
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
        os.fdatasync(fd)
    except OSError:
        os.ftruncate(fd, end)
        raise
