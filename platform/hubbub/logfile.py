"""The end of ``log.jsonl``: where it stands, and how the logger goes on with it."""

import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from hubbub.errors import LogDamaged
from hubbub.ledger import write
from hubbub.log import GENESIS, chain, with_hash, without_hash
from hubbub.messages import Ended, decode_line


class Tail(msgspec.Struct, frozen=True):
    """
    Where a log stands: its last whole line, without and with only its hash.

    *seq* is 0 and *line* empty before the first one; *size* is where it ends in the
    file, in bytes; *ended* whether it is the run's last.
    """

    seq: int = 0
    line: bytes = b""
    digest: str = GENESIS
    size: int = 0
    ended: bool = False


def read_tail(path: Path) -> Tail:
    """The end of the log at *path*; `LogDamaged` if its last line is no chained one."""
    if not path.exists():
        return Tail()
    with path.open("rb") as file:
        last, size = _last_line(file)
    if not size:
        return Tail()
    try:
        message = decode_line(last)
        bare, digest = without_hash(last)
        if not digest:
            raise ValueError("the last line has no hash")
    except (ValueError, RecursionError) as error:
        with path.open("rb") as file:
            number = sum(1 for line in file if line.endswith(b"\n"))
        raise LogDamaged(path, number, f"not a message: {error}") from None
    return Tail(message.seq, bare, digest, size, isinstance(message.body, Ended))


def _last_line(file: BinaryIO) -> tuple[bytes, int]:
    """The last whole line and where it ends; a torn one after it is passed over."""
    size = file.seek(0, os.SEEK_END)
    block = 1 << 16
    while True:
        start = max(0, size - block)
        file.seek(start)
        data = file.read(size - start)
        whole = data[: data.rfind(b"\n") + 1]
        begin = whole.rfind(b"\n", 0, -1) + 1
        if begin or not start:
            return whole[begin:], start + len(whole)
        block *= 4


class LogFile:
    """
    The logger's file: goes on after its last whole line.

    One process at a time; `append` returns when the lines are on the disk.
    """

    def __init__(self, path: Path) -> None:
        """Raises `LogDamaged` if the last whole line is not a chained message."""
        self.path = path
        self.tail = read_tail(path)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._fd, self.tail.size)
        os.fsync(self._fd)

    def append(self, lines: list[bytes]) -> None:
        """
        Write *lines*, the next ones of the run, and wait for the disk.

        Raises `OSError` with none of them written.
        """
        out: list[bytes] = []
        digest = self.tail.digest
        for line in lines:
            digest = chain(digest, line)
            out.append(with_hash(line, digest))
        data = b"".join(out)
        write(self._fd, data)
        self.tail = Tail(
            seq=self.tail.seq + len(lines),
            line=lines[-1],
            digest=digest,
            size=self.tail.size + len(data),
            ended=isinstance(decode_line(lines[-1]).body, Ended),
        )

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
