"""
What each process says it has sent, was told, and has heard.

Written around the bus, by the processes themselves, before and after each post, so that
nothing of it rests on the log.  A line is in the file before the bus is asked, and
`time.monotonic` is one clock for all processes of a machine.
"""

import os
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec

from hubbub.bus import Receipt, RedisBus
from hubbub.messages import Body, Called, Draft, Message, encode_body


class Tried(msgspec.Struct, frozen=True, tag="try"):
    """Asked the bus at *at* to post this."""

    at: float
    sender: str
    inc: int
    no: int
    digest: str

    @property
    def key(self) -> tuple[str, int, int]:
        """What no other draft has."""
        return self.sender, self.inc, self.no


class Kept(msgspec.Struct, frozen=True, tag="ack"):
    """Was told at *at* that it stands at *seq*."""

    at: float
    sender: str
    inc: int
    no: int
    seq: int

    @property
    def key(self) -> tuple[str, int, int]:
        """As of what was tried."""
        return self.sender, self.inc, self.no


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """Heard the message at *seq* in *room*."""

    room: str
    seq: int


Entry = Tried | Kept | Heard

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


def digest(room: str, body: Body) -> str:
    """What stands for *body* in *room*, on the server as in ``log.jsonl``."""
    if isinstance(body, Called) and not body.sha256:
        # There a checksum stands in the record's place.
        known = sha256(body.record).hexdigest()
        body = Called(call=body.call, sha256=known, dropped=body.dropped)
    said = f"{room} {type(body).__name__} ".encode() + encode_body(body)
    return blake2b(said, digest_size=8).hexdigest()


class Journal:
    """One process's file at *path*."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, entries: Iterable[Entry]) -> None:
        """Add *entries*; they outlive this process."""
        os.write(self._fd, b"".join(_encode(entry) + b"\n" for entry in entries))

    def tried(self, drafts: Sequence[Draft]) -> None:
        """*drafts* are about to be posted."""
        now = time.monotonic()
        self.write(
            Tried(now, d.sender, d.inc, d.no, digest(d.room, d.body)) for d in drafts
        )

    def kept(self, drafts: Sequence[Draft], receipts: Sequence[Receipt]) -> None:
        """*drafts* were acknowledged with *receipts*."""
        now = time.monotonic()
        pairs = zip(drafts, receipts, strict=True)
        self.write(Kept(now, d.sender, d.inc, d.no, r.seq) for d, r in pairs)

    def heard(self, messages: Sequence[Message]) -> None:
        """*messages* were heard, in this order."""
        self.write(Heard(m.room, m.seq) for m in messages)


def replace(owner: object, name: str, by: object) -> None:
    """Have *owner*'s *name* be something else in this process."""
    setattr(owner, name, by)


@contextmanager
def keeping_journal(path: Path) -> Generator[None]:
    """Whatever this process posts meanwhile is in the journal at *path*."""
    journal, post = Journal(path), RedisBus.post

    async def journaled(self: RedisBus, drafts: Sequence[Draft]) -> list[Receipt]:
        journal.tried(drafts)
        receipts = await post(self, drafts)
        journal.kept(drafts, receipts)
        return receipts

    replace(RedisBus, "post", journaled)
    try:
        yield
    finally:
        replace(RedisBus, "post", post)


def read_journal(path: Path) -> Iterator[Entry]:
    """What is in the journal at *path*; a torn last line was never done."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _decode(line)
