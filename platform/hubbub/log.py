"""``log.jsonl``: one message a line, chained by hash; how it is read and checked."""

import os
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from hubbub.errors import LogDamaged
from hubbub.ledger import read_records
from hubbub.messages import (
    Asked,
    Called,
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


class Audit:
    """
    Everything that must hold of a log, checked line by line.

    ``seq`` dense over the run, ``n`` per room and ``no`` per sender, the hash chain,
    incarnations that only rise, nothing after the end, one contribution an ask and
    only from the seat that was asked.  *calls* has each call's ``seq`` and SHA-256.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.ended = False
        self.digest = GENESIS
        self.calls: dict[int, str] = {}
        self._n: Counter[str] = Counter()
        self._no: Counter[str] = Counter()
        self._inc: dict[str, int] = {}
        self._asks: dict[str, str] = {}
        self._given: set[str] = set()

    def check(self, stored: bytes) -> Message:
        """The next line's message; raises `ValueError` that says what is wrong with it."""
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
        return message

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
                if turn in self._given or turn.split("/")[1:2] != [message.sender]:
                    raise ValueError(f"turn {turn} is not {message.sender}'s to end")
                self._given.add(turn)
            case Called(sha256=digest):
                self.calls[message.seq] = digest
            case Ended():
                self.ended = True
            case _:
                pass


def _expect(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"{what} is {found}, expected {wanted}")


def audit_log(path: Path) -> Audit:
    """
    Check the whole log at *path* and the ``calls.jsonl`` beside it.

    Raises `LogDamaged` at the first line that fails.
    """
    audit = Audit()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("the line is torn; a run that goes on mends it")
                audit.check(line)
            except ValueError as error:
                raise LogDamaged(path, number, str(error)) from None
    _audit_calls(path.with_name("calls.jsonl"), audit)
    return audit


def _audit_calls(path: Path, audit: Audit) -> None:
    """The calls are those of the log; while the run goes on they may be ahead of it."""
    number = 0
    wanted = iter(audit.calls.items())
    for number, record in enumerate(read_records(path), 1):
        if record.seq > audit.messages and not audit.ended:
            return
        if next(wanted, None) != (record.seq, record.sha256):
            raise LogDamaged(path, number, "not the call that the log has here")
    if missing := next(wanted, None):
        raise LogDamaged(path, number + 1, f"call {missing[0]} is missing")
    if audit.ended and _torn(path):
        raise LogDamaged(path, number + 1, "the line is torn")


def _torn(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
