"""One ``hubbub`` process, watched from outside, and its children, killed on time."""

import os
import random
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from pathlib import Path

import anyio
import anyio.abc

from hubbub.log import read_log
from hubbub.names import CONDUCTOR

ROLES = ("worker", "conductor", "logger", "server")
#: Seconds between two looks at a process that runs.
LOOK = 0.003
#: Seconds that one sitting may take before it counts as hung.
HUNG = 120.0


def children(parent: int) -> list[int]:
    """The living children of *parent*."""
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{parent}/task"):
            listed = Path(f"/proc/{parent}/task/{thread}/children")
            found += map(int, listed.read_text().split())
    return found


def descendants(parent: int) -> list[int]:
    """The living children of *parent*, theirs, and so on."""
    return [pid for child in children(parent) for pid in (child, *descendants(child))]


def role(pid: int) -> str:
    """What the process plays; empty until it has executed its own command."""
    try:
        program = Path(f"/proc/{pid}/comm").read_text().strip()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return ""
    if program.endswith("-server"):
        return "server"
    return words[3] if len(words) > 3 and words[3] in ROLES else ""


def kill(pid: int) -> bool:
    """Kill *pid*; false if it has ended by itself since it was seen."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@dataclass(frozen=True)
class Aim:
    """
    A kill to come: *delay* seconds after the log has *lines*.

    With *birth*, no sooner than *delay* seconds after the process appeared.
    """

    target: str
    lines: int
    delay: float = 0.0
    birth: bool = False


def take_aim(rng: random.Random, target: str, count: int, lines: int) -> list[Aim]:
    """*count* kills over all of a run of *lines*, also its first and last 200 ms."""
    aims: list[Aim] = []
    for i in range(count):
        chosen = rng.choice(ROLES) if target == "any" else target
        place = rng.random()
        if place < 0.2:
            start = 0 if i == 0 else rng.randrange(lines)
            aims.append(Aim(chosen, start, rng.uniform(0, 0.2), birth=True))
        elif place < 0.4:
            delay = rng.uniform(0, 0.2) * rng.randrange(2)
            aims.append(Aim(chosen, lines - rng.randrange(100), delay))
        else:
            aims.append(Aim(chosen, rng.randrange(lines)))
    return sorted(aims, key=lambda aim: aim.lines)


@dataclass(frozen=True)
class Shot:
    """A kill that hit when the log had *lines*; *at* in seconds."""

    target: str
    at: float
    lines: int


class Sitting:
    """One ``hubbub`` process, watched from outside until it ends."""

    def __init__(self, process: anyio.abc.Process, log: Path) -> None:
        self.process = process
        self.shots: list[Shot] = []
        self.lines = 0
        #: How many bytes the log had, and when, in seconds.
        self._grown = [(0.0, 0)]
        self._log = log
        self._first: dict[object, float] = {}

    async def watch(self, aims: Sequence[Aim] = ()) -> int:
        """Kill as *aims* say, wait for the end, and return the exit code."""
        waiting = list(aims)

        def fire() -> bool:
            if waiting and self._fire(waiting[0]):
                waiting.pop(0)
            return False

        await self.watch_until(fire)
        return self.process.returncode or 0

    async def watch_until(self, happens: Callable[[], bool]) -> None:
        """Wait until something *happens* or the process ends."""
        with anyio.fail_after(HUNG):
            while self.process.returncode is None and not happens():
                with anyio.move_on_after(LOOK):
                    await self.process.wait()
                self._look()

    def due(self, aim: Aim, pid: int) -> bool:
        """Whether *aim* is to be fired at *pid*."""
        age = self._age(pid)
        if self.lines < aim.lines:
            return False
        return (age if aim.birth else self._age(aim)) >= aim.delay

    def _age(self, what: object) -> float:
        now = time.monotonic()
        return now - self._first.setdefault(what, now)

    def _look(self) -> None:
        size = self._grown[-1][1]
        if self._log.exists() and self._log.stat().st_size > size:
            with self._log.open("rb") as file:
                file.seek(size)
                new = file.read()
            self.lines += new.count(b"\n")
            self._grown.append((time.time(), size + len(new)))

    def _fire(self, aim: Aim) -> bool:
        pids = [pid for pid in children(self.process.pid) if role(pid) == aim.target]
        due = [pid for pid in pids if self.due(aim, pid)]
        # Between two shots the run moves on: under endless fire nobody gets anywhere.
        resting = bool(self.shots) and self.shots[-1].lines == self.lines < aim.lines
        if not due or resting:
            return False
        if not kill(due[self.lines % len(due)]):
            return False
        self.shots.append(Shot(aim.target, time.time(), self.lines))
        return True

    def recoveries(self) -> Iterator[float]:
        """
        Seconds from each kill to the next line of the log.

        Where a worker or conductor was taken over, to the next line by one of its
        seats.
        """
        with self._log.open("rb") as file:
            seen = [
                self._grown[self._place(end)][0] for end in accumulate(map(len, file))
            ]
        heirs = list(_heirs(self._log))
        ends = [*(shot.at for shot in self.shots), inf][1:]
        for shot, end in zip(self.shots, ends, strict=True):
            later = [i for i in range(shot.lines, len(seen)) if seen[i] > shot.at]
            taken = [i for i in later if heirs[i] == shot.target and seen[i] < end]
            for i in (taken or later)[:1]:
                yield seen[i] - shot.at

    def _place(self, end: int) -> int:
        place = bisect_left(self._grown, end, key=lambda grown: grown[1])
        return min(place, len(self._grown) - 1)


def _heirs(log: Path) -> Iterator[str]:
    """For each line: who has taken its sender over, if this is the first sign of it."""
    incs: dict[str, int] = {}
    for message in read_log(log):
        fresh = message.inc > incs.get(message.sender, 1)
        incs[message.sender] = message.inc
        host = CONDUCTOR if message.sender == CONDUCTOR else "worker"
        yield host if fresh else ""


async def sit(command: Sequence[str], folder: Path) -> Sitting:
    """Start ``hubbub`` with *command*; what it says is in ``words`` beside *folder*."""
    with (folder.parent / "words").open("ab") as words:
        process = await anyio.open_process(
            [sys.executable, "-m", "hubbub", *command],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    return Sitting(process, folder / "log.jsonl")
