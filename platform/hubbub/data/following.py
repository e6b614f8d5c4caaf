"""A run's record from its first line to its last, checked on the way in constant memory."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from hubbub.errors import LogDamaged
from hubbub.folder import RunFolder
from hubbub.ledger import Record, read_records
from hubbub.log import GENESIS, chain, without_hash
from hubbub.messages import Called, Message, decode_line

_NOT_A_MESSAGE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class Following:
    """
    Reads the log of *folder* once.

    Every line follows from the one before, and a complete run's last one is that of its
    manifest.  With *calls*, each `Called` has its record again, which must be the one
    that the log knows.  What is torn, and calls ahead of the log, are left out while
    the run is unfinished.  *messages*, *digest* and *size*, in bytes, are of what was
    read so far.
    """

    def __init__(self, folder: RunFolder, *, calls: bool = False) -> None:
        self.messages = 0
        self.digest = GENESIS
        self.size = 0
        self.folder = folder
        self._calls = calls

    def __iter__(self) -> Iterator[Message]:
        """The messages, in order; raises `LogDamaged`."""
        if self.folder.log.exists():
            with self.folder.log.open("rb") as file:
                yield from self._joined(file) if self._calls else self._lines(file)
        manifest = self.folder.manifest
        if manifest.state == "complete" and self.digest != manifest.last_hash:
            raise self._damaged("this is not the end that the manifest knows")

    def _lines(self, file: BinaryIO) -> Iterator[Message]:
        for line in file:
            if not line.endswith(b"\n"):
                return
            bare, digest = without_hash(line)
            self.messages += 1
            self.size += len(line)
            self.digest = chain(self.digest, bare)
            if digest != self.digest:
                raise self._damaged("the hash does not follow from the line before")
            try:
                message = decode_line(bare)
            except _NOT_A_MESSAGE as error:
                raise self._damaged(f"not a message: {error}") from None
            if message.seq != self.messages:
                raise self._damaged(f"seq is {message.seq}, expected {self.messages}")
            yield message

    def _joined(self, file: BinaryIO) -> Iterator[Message]:
        path, number = self.folder.calls, 0
        records = read_records(path)
        for message in self._lines(file):
            if isinstance(body := message.body, Called):
                number += 1
                record = next(records, None)
                if record is None or (record.seq, record.sha256) != (
                    message.seq,
                    body.sha256,
                ):
                    why = f"call {message.seq} is not here as the log has it"
                    raise LogDamaged(path, number, why)
                self.size += len(record.call)
                message = _with_record(message, body, record)
            yield message
        if self.folder.manifest.state == "complete" and next(records, None):
            raise LogDamaged(path, number + 1, "a call that the log does not have")

    def _damaged(self, why: str) -> LogDamaged:
        return LogDamaged(self.folder.log, self.messages, why)


def _with_record(message: Message, body: Called, record: Record) -> Message:
    whole = Called(call=body.call, record=record.call, dropped=body.dropped)
    return msgspec.structs.replace(message, body=whole)
