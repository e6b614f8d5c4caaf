"""``log.jsonl``: one message a line, chained by hash; written once, read by anybody."""

import os
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from hubbub.errors import LogDamaged
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Left,
    Message,
    Passed,
    Said,
    decode_line,
)

#: The hash before the first line.
GENESIS = "0" * 64

_NOT_A_MESSAGE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def chain(previous: str, line: bytes) -> str:
    """The hash of *line* (without hash or line break) after one with hash *previous*."""
    return sha256(previous.encode() + line).hexdigest()


def with_hash(line: bytes, digest: str) -> bytes:
    """*line* as it stands in the file, line break included."""
    return line[:-1] + b',"hash":"' + digest.encode() + b'"}\n'


def without_hash(stored: bytes) -> tuple[bytes, str]:
    """The bare line of a *stored* one and its hash; empty where it has none."""
    tail = stored.rstrip(b"\n")[-75:]
    if len(tail) < 75 or not tail.startswith(b',"hash":"') or not tail.endswith(b'"}'):
        return stored.rstrip(b"\n"), ""
    return stored.rstrip(b"\n")[:-75] + b"}", tail[9:-2].decode()


def read_log(path: Path) -> Iterator[Message]:
    """
    Every message of the log at *path*, in order.

    A torn last line is left out: its message is in the server's log.  Raises
    `LogDamaged` for any other line that is no message.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decode_line(line)
            except _NOT_A_MESSAGE as error:
                raise LogDamaged(path, number, f"not a message: {error}") from None


class LogFile:
    """
    The logger's file: goes on after its last whole line.

    One process at a time; `append` returns when the lines are on the disk.
    """

    def __init__(self, path: Path) -> None:
        """Raises `LogDamaged` if the last whole line is not a chained message."""
        self.path = path
        self.seq, self.digest, size = read_tail(path)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._fd, size)
        os.fsync(self._fd)

    def append(self, lines: list[tuple[int, bytes]]) -> None:
        """Write *lines*, each with its ``seq``, and wait for the disk."""
        out: list[bytes] = []
        digest = self.digest
        for _, line in lines:
            digest = chain(digest, line)
            out.append(with_hash(line, digest))
        _write(self._fd, b"".join(out))
        os.fdatasync(self._fd)
        self.digest = digest
        self.seq = lines[-1][0]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def _write(fd: int, data: bytes) -> None:
    """Write all of *data*, or none: a full disk must not leave half a batch behind."""
    start = os.fstat(fd).st_size
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.ftruncate(fd, start)
        raise


def read_tail(path: Path) -> tuple[int, str, int]:
    """The last whole line's ``seq`` and hash, and where it ends in the file."""
    if not path.exists():
        return 0, GENESIS, 0
    size = path.stat().st_size
    with path.open("rb") as file:
        block = 1 << 16
        while True:
            start = max(0, size - block)
            file.seek(start)
            data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            begin = whole.rfind(b"\n", 0, -1) + 1
            if begin or not start:
                break
            block *= 4
    if not whole:
        return 0, GENESIS, 0
    try:
        message = decode_line(whole[begin:])
    except _NOT_A_MESSAGE as error:
        raise LogDamaged(path, -1, f"the last line is no message: {error}") from None
    _, digest = without_hash(whole[begin:])
    if not digest:
        raise LogDamaged(path, message.seq, "the last line has no hash")
    return message.seq, digest, start + len(whole)


class Audit:
    """
    Everything that must hold of a log, checked line by line.

    ``seq`` dense over the run, ``n`` per room and ``no`` per sender, the hash chain,
    incarnations that only rise, nothing after the end, one contribution an ask and
    only from the seat that was asked.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.ended = False
        self.digest = GENESIS
        self.kinds: Counter[str] = Counter()
        self._n: Counter[str] = Counter()
        self._no: Counter[str] = Counter()
        self._inc: dict[str, int] = {}
        self._asks: dict[str, str] = {}
        self._given: set[str] = set()

    def check(self, stored: bytes) -> None:
        """Fold the next line; raise `ValueError` that says what is wrong with it."""
        bare, digest = without_hash(stored)
        try:
            message = decode_line(bare)
        except _NOT_A_MESSAGE as error:
            raise ValueError(f"not a message: {error}") from None
        self.digest = chain(self.digest, bare)
        if digest != self.digest:
            raise ValueError("the hash does not follow from the line before")
        self._check_numbers(message)
        self._check_asks(message)
        self.kinds[message.kind] += 1

    def _check_numbers(self, message: Message) -> None:
        self.messages += 1
        _expect("seq", message.seq, self.messages)
        self._n[message.room] += 1
        _expect(f"n in {message.room}", message.n, self._n[message.room])
        self._no[message.sender] += 1
        _expect(f"no of {message.sender}", message.no, self._no[message.sender])
        if message.inc < self._inc.get(message.sender, 1):
            raise ValueError(f"incarnation {message.inc} of {message.sender} was over")
        self._inc[message.sender] = message.inc
        if message.seen >= message.seq:
            raise ValueError(f"seen {message.seen} is not before seq {message.seq}")
        if self.ended:
            raise ValueError("a message after the end")

    def _check_asks(self, message: Message) -> None:
        match message.body:
            case Asked(ask=ask):
                if ask in self._asks:
                    raise ValueError(f"ask {ask} is asked twice")
                self._asks[ask] = message.room.removeprefix("@")
            case Contributed(ask=ask):
                if self._asks.get(ask) != message.sender:
                    raise ValueError(f"{message.sender} was not asked {ask}")
                if ask in self._given:
                    raise ValueError(f"ask {ask} has two outcomes")
                self._given.add(ask)
            case Said(turn=turn) | Passed(turn=turn) | Left(turn=turn) if turn:
                if turn in self._given or turn.split("/")[1] != message.sender:
                    raise ValueError(f"turn {turn} is not {message.sender}'s to end")
                self._given.add(turn)
            case Ended():
                self.ended = True
            case _:
                pass


def _expect(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"{what} is {found}, expected {wanted}")


def audit_log(path: Path) -> Audit:
    """Check the whole log at *path*; raise `LogDamaged` at the first line that fails."""
    audit = Audit()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("the line is torn")
                audit.check(line)
            except ValueError as error:
                raise LogDamaged(path, number, str(error)) from None
    return audit
