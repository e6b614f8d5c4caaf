"""The logger: from the run's log to ``log.jsonl`` and ``calls.jsonl``, on the disk."""

import fcntl
import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import anyio.to_thread
import structlog

from hubbub.bus.base import Bus
from hubbub.chaos import Strike, aimed_at, chaos_of
from hubbub.errors import LogDamaged
from hubbub.ledger import Ledger, split
from hubbub.logfile import LogFile, Tail
from hubbub.messages import Onset, decode_line

log = structlog.get_logger()

#: Lines in one batch, and so in one fdatasync.
BATCH = 1024
#: Seconds between tries while the disk is full.
DISK_WAIT = 1.0
#: Seconds between two looks of a standby logger.
STANDBY = 0.2

#: In every message with which a run stops.
_STOP = b'"kind":"stop"'
#: In every message with which an injection begins.
_ONSET = b'"kind":"onset"'


class Logger:
    """
    Keeps every message of a run in *folder*; goes on after what is there.

    A model call's record goes to ``calls.jsonl``; its SHA-256 stands in ``log.jsonl``.
    What is to come over its process comes by *strike*, None where that plays other roles
    too.
    """

    def __init__(self, bus: Bus, folder: Path, *, strike: Strike | None = None) -> None:
        self._bus = bus
        self._folder = folder
        self._strike = strike

    async def run(self) -> None:
        """
        Return when the run's last message is on the disk, or all of a run that stopped.

        Raises `LogDamaged` if the files are not this run's.
        """
        async with _alone(self._folder):
            with (
                closing(LogFile(self._folder / "log.jsonl")) as file,
                closing(Ledger(self._folder / "calls.jsonl", file.tail.seq)) as ledger,
            ):
                log.info("logging", after=file.tail.seq)
                await check_same(self._bus, file.path, file.tail)
                await self._follow(file, ledger)

    async def _follow(self, file: LogFile, ledger: Ledger) -> None:
        # What came over a logger before is not for the one that goes on.
        known = int((await self._bus.meta())["seq"])
        await self._tell(file)
        while not file.tail.ended:
            lines = await self._bus.lines(file.tail.seq, limit=BATCH, wait=5.0)
            if lines:
                await self._keep(file, ledger, [line for _, line in lines])
                await self._tell(file)
                self._suffer(line for seq, line in lines if seq > known)
            if not lines or any(_STOP in line for _, line in lines):
                facts = await self._bus.meta()
                if facts.get("stopped") and int(facts["seq"]) == file.tail.seq:
                    return

    def _suffer(self, lines: Iterable[bytes]) -> None:
        """Have come over this process what *lines* say."""
        if self._strike is None:
            return
        for line in lines:
            onset = decode_line(line).body if _ONSET in line else None
            if isinstance(onset, Onset) and aimed_at(onset.what) == "logger":
                self._strike(chaos_of(onset.what))

    async def _tell(self, file: LogFile) -> None:
        await self._bus.note(logged=str(file.tail.seq))

    async def _keep(
        self, file: LogFile, ledger: Ledger, lines: Sequence[bytes]
    ) -> None:
        """Write, and wait for as long as there is no room on the disk."""
        kept: list[bytes] = []
        for line in lines:
            bare, record = split(line)
            kept.append(bare)
            if record is not None:
                ledger.add(record)
        while True:
            try:
                await anyio.to_thread.run_sync(ledger.flush)
                await anyio.to_thread.run_sync(file.append, kept)
                return
            except OSError as error:
                log.error("cannot write", error=error.strerror, retry_in=DISK_WAIT)
            await anyio.sleep(DISK_WAIT)


async def check_same(bus: Bus, path: Path, tail: Tail) -> None:
    """Raise `LogDamaged` unless the log at *path*, up to *tail*, is the run's own."""
    if not tail.seq:
        return
    theirs = await bus.lines(tail.seq - 1, limit=1)
    if not theirs:
        raise LogDamaged(
            path,
            tail.seq,
            "the server's log ends before this line: give it back what it has lost "
            f"with 'hubbub resume {path.parent}'",
        )
    if split(theirs[0][1])[0] != tail.line:
        why = f"not the server's line: this is the log of another run than {bus.run}"
        raise LogDamaged(path, tail.seq, why)


@asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None]:
    """Hold the folder's logger lock; two loggers on one file would tear it."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / "logger.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not locked(fd):
            await anyio.sleep(STANDBY)
        yield
    finally:
        os.close(fd)


def locked(fd: int) -> bool:
    """Whether we are the only ones who hold *fd*'s file locked, from now on."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
