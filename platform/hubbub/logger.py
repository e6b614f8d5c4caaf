"""The logger: from the run's log to ``log.jsonl`` and ``calls.jsonl``, on the disk."""

import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import structlog

from hubbub.bus.base import Bus
from hubbub.errors import LogDamaged
from hubbub.log import LogFile
from hubbub.messages import Called, Ended, decode_line, encode_body

log = structlog.get_logger()

#: Lines in one batch, and so in one fdatasync.
BATCH = 1024
#: Seconds between tries while the disk is full.
DISK_WAIT = 1.0
#: Seconds between two looks of a standby logger.
STANDBY = 0.2

_CALL = b',"kind":"call","body":'


class Logger:
    """
    Keeps every message of a run in *folder*; goes on after what is there.

    A model call's record goes to ``calls.jsonl``; its SHA-256 stands in ``log.jsonl``.
    """

    def __init__(self, bus: Bus, folder: Path) -> None:
        self._bus = bus
        self._folder = folder

    async def run(self) -> None:
        """
        Return when the run's last message is on the disk.

        Raises `LogDamaged` if the files are not this run's.
        """
        async with _alone(self._folder):
            file = LogFile(self._folder / "log.jsonl")
            calls = CallFile(self._folder / "calls.jsonl", file.seq)
            log.info("logging", after=file.seq)
            try:
                await self._follow(file, calls)
            finally:
                file.close()
                calls.close()

    async def _follow(self, file: LogFile, calls: "CallFile") -> None:
        await self._check(file)
        ended = False
        while not ended:
            lines = await self._bus.lines(file.seq, limit=BATCH, wait=5.0)
            if not lines:
                ended = "ended" in await self._bus.meta() and await self._all(file.seq)
                continue
            kept = [(seq, _split(line, calls)) for seq, line in lines]
            await self._keep(file, calls, kept)
            await self._bus.note(logged=str(file.seq))
            ended = isinstance(decode_line(lines[-1][1]).body, Ended)

    async def _all(self, seq: int) -> bool:
        return int((await self._bus.meta())["seq"]) == seq

    async def _keep(
        self, file: LogFile, calls: "CallFile", lines: list[tuple[int, bytes]]
    ) -> None:
        """Write, and wait for as long as there is no room on the disk."""
        while True:
            try:
                await anyio.to_thread.run_sync(calls.flush)
                await anyio.to_thread.run_sync(file.append, lines)
                return
            except OSError as error:
                log.error("cannot write", error=error.strerror, retry_in=DISK_WAIT)
            await anyio.sleep(DISK_WAIT)

    async def _check(self, file: LogFile) -> None:
        """The file must be a beginning of this run's log, no other run's."""
        if not file.seq:
            return
        if int((await self._bus.meta())["seq"]) < file.seq:
            raise LogDamaged(
                file.path, file.seq, "the server's log ends before this one"
            )


class CallFile:
    """``calls.jsonl``: one call a line, with the ``seq`` of its message."""

    def __init__(self, path: Path, logged: int) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._waiting: list[bytes] = []
        os.ftruncate(self._fd, self._end(logged))
        os.lseek(self._fd, 0, os.SEEK_END)

    def _end(self, logged: int) -> int:
        """Where the calls up to *logged* end; the rest will be written again."""
        end = 0
        with os.fdopen(os.dup(self._fd), "rb") as file:
            for line in file:
                if not line.endswith(b"\n") or _seq(line) > logged:
                    break
                end += len(line)
        return end

    def add(self, seq: int, record: msgspec.Raw) -> None:
        """Keep *record* for the next `flush`."""
        self._waiting.append(b'{"seq":%d,"call":%s}\n' % (seq, bytes(record)))

    def flush(self) -> None:
        """Write what waits and wait for the disk."""
        if not self._waiting:
            return
        end = os.lseek(self._fd, 0, os.SEEK_END)
        try:
            view = memoryview(b"".join(self._waiting))
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, end)
            raise
        self._waiting.clear()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


class _Seq(msgspec.Struct):
    seq: int


def _seq(line: bytes) -> int:
    return msgspec.json.decode(line, type=_Seq).seq


def _split(line: bytes, calls: CallFile) -> bytes:
    """Move a call's record to *calls* and leave its digest in the line."""
    head, mark, _ = line.partition(_CALL)
    if not mark or b'"body":' in head:
        return line
    message = decode_line(line)
    assert isinstance(message.body, Called)
    record = message.body.record
    calls.add(message.seq, record)
    digest = Called(call=message.body.call, sha256=sha256(record).hexdigest())
    return head + mark + encode_body(digest) + b"}"


@asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None]:
    """Hold the folder's logger lock; two loggers on one file would tear it."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / "logger.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _lock(fd):
            await anyio.sleep(STANDBY)
        yield
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
