"""
How the model calls of a run on the virtual clock have ended.

A reply may come long before it is due.  It is in ``arrived.jsonl`` from then on, so that
it is paid for once, and in ``calls.jsonl`` when its time has come.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from hubbub.errors import ModelErrorKind, RunFailed
from hubbub.ledger import read_records, write
from hubbub.models.base import Call, Reply
from hubbub.models.cache import reply_key


class _Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a call its asker does not know; *key* stands for what it was asked."""

    call: str
    key: str = ""
    reply: Reply | None = None
    error: ModelErrorKind | None = None
    detail: str = ""
    estimated: bool = False


_decode = msgspec.json.Decoder(_Ending).decode


class Endings:
    """
    The ends of the calls in *folder*, in memory until they are asked for.

    One process at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "arrived.jsonl"
        self._known = {ending.call: ending for ending in _arrived(self._path)}
        for record in read_records(folder / "calls.jsonl"):
            ending = _decode(record.call)
            self._known[ending.call] = ending
        self._waiting: list[bytes] = []
        self._writing = anyio.Lock()

    def find(self, call: Call) -> Call | None:
        """*call* as it has ended, None where it has not been made, or not like this."""
        ending = self._known.pop(call.call, None)
        if ending is None or (ending.key and ending.key != reply_key(call.request)):
            return None
        return msgspec.structs.replace(
            call,
            reply=ending.reply,
            error=ending.error,
            detail=ending.detail,
            estimated=ending.estimated,
        )

    async def keep(self, call: Call) -> None:
        """Have the end of *call* on the disk; raises `RunFailed` where there is no room."""
        ending = _Ending(
            call=call.call,
            key=reply_key(call.request),
            reply=call.reply,
            error=call.error,
            detail=call.detail,
            estimated=call.estimated,
        )
        self._waiting.append(msgspec.json.encode(ending))
        # One write for all that came while the last one was under way.
        async with self._writing:
            if self._waiting:
                # The first line break ends what an earlier process has left torn.
                data, self._waiting = b"\n".join((b"", *self._waiting, b"")), []
                await anyio.to_thread.run_sync(self._append, data)

    def _append(self, data: bytes) -> None:
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                write(fd, data)
            finally:
                os.close(fd)
        except OSError as error:
            raise no_room(self._path, error) from error

    def forget(self) -> None:
        """The run has ended: all that has arrived is in its place."""
        self._path.unlink(missing_ok=True)


def no_room(path: Path, error: OSError) -> RunFailed:
    """What to raise where the file *path* of a run cannot be written."""
    return RunFailed(
        f"{path} cannot be written: {error.strerror}; mend that, and go on with: "
        f"hubbub resume {path.parent}"
    )


def _arrived(path: Path) -> Iterator[_Ending]:
    """What the file at *path* has; a line that is torn was never heard of."""
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            yield _decode(line)
        except msgspec.DecodeError:
            continue
