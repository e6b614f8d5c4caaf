"""
Kill parts of runs at random moments and see that nothing is lost, doubled or changed.

    python -m tests.kill --target worker --kills 30 --seed 1

``launcher`` is killed with all that hangs on it and resumed, ``interrupt`` is Ctrl-C
and resumed, ``any`` is any one role or the server.  Exits 1 when anything was wrong.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import anyio
import anyio.abc
import click

from hubbub.errors import HubbubError
from hubbub.folder import RunFolder
from hubbub.log import audit_log, read_log
from hubbub.messages import Asked, Contributed, Left, Message, Passed, PhaseClosed, Said
from hubbub.names import CONDUCTOR

ROLES = ("worker", "conductor", "logger", "server")
WHOLE = ("launcher", "interrupt")
#: Kills in one run; as many runs follow as it takes.
PER_RUN = 5
#: Seconds within which nothing may be left of a launcher that was killed.
DYING = 5.0
#: Seconds between two looks at a process that runs.
LOOK = 0.003
#: Seconds that one sitting may take before it counts as hung.
HUNG = 120.0


@dataclass(frozen=True)
class Game:
    """What is played; the same game has the same words in it, whoever dies."""

    rounds: int
    seed: int

    def command(self, folder: Path, workers: int = 2) -> list[str]:
        """The command that plays it in *folder*, or goes on with it."""
        return [
            *("run", "cocktail-party", "--agents", "10", "--mind", "uniform"),
            *("--set", f"rounds={self.rounds}", "--seed", str(self.seed)),
            *("--workers", str(workers), "--out", str(folder), "--json"),
        ]


# -- what must be the same, whoever dies


@dataclass(frozen=True)
class Record:
    """What came of a game: every ask's and turn's ending, and each chat's order."""

    ends: dict[str, tuple[str, ...]]
    chats: dict[str, list[str]]
    messages: int


def read_record(log: Path) -> Record:
    """The record in *log*."""
    ends: dict[str, tuple[str, ...]] = {}
    chats: dict[str, list[str]] = {}
    messages = 0
    for message in read_log(log):
        messages += 1
        if end := _end(message):
            ends[end[0]] = (message.sender, *end[1:])
            # Sealed answers cross on their way; what is said in a room has an order.
            if not message.room.startswith("@"):
                chats.setdefault(message.room, []).append(end[0])
    return Record(ends, chats, messages)


def _end(message: Message) -> tuple[str, ...]:
    """The ask or turn that *message* puts or ends, and how."""
    match message.body:
        case Asked(ask=ask, question=question):
            return (f"ask {ask}", bytes(question).decode())
        case Contributed(ask=ask, outcome=outcome, answer=answer):
            return (ask, outcome, bytes(answer).decode())
        case Said(turn=turn, text=text) | Left(turn=turn, text=text) if turn:
            return (turn, message.kind, text)
        case Passed(turn=turn, outcome=outcome):
            return (turn, outcome)
        case PhaseClosed(step=step, why=why):
            return (f"close {step}", why)
        case _:
            return ()


@dataclass
class Report:
    """What killing came to; *faults* are in words, *recoveries* in seconds."""

    kills: int = 0
    runs: int = 0
    messages: int = 0
    lost: int = 0
    twice: int = 0
    holes: int = 0
    changed: int = 0
    faults: list[str] = field(default_factory=list[str])
    recoveries: list[float] = field(default_factory=list[float])

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not (
            self.lost or self.twice or self.holes or self.changed or self.faults
        )

    def line(self, target: str, seed: int) -> str:
        """The report on one line."""
        return (
            f"{target:<9} kills {self.kills}  runs {self.runs}  "
            f"messages {self.messages:,}  lost {self.lost}  twice {self.twice}  "
            f"holes {self.holes}  changed {self.changed}  faults {len(self.faults)}  "
            f"recovery {_times(self.recoveries)}  seed {seed}"
        )

    def expect(self, holds: bool, fault: str) -> None:
        """Note *fault* unless what was expected *holds*."""
        if not holds:
            self.faults.append(fault)

    def check(self, folder: Path, wanted: Record) -> None:
        """Add what is wrong with the finished run in *folder*."""
        run = RunFolder(folder)
        self.runs += 1
        self.messages += run.manifest.messages
        self.expect(run.manifest.state == "complete", f"{folder} is not complete")
        try:
            audit = audit_log(run.log)
            self.expect(audit.ended, f"{folder}: the log has no end")
            self.expect(run.manifest.last_hash == audit.digest, f"{folder}: other hash")
        except HubbubError as error:
            self.faults.append(str(error))
        self._compare(run.log, wanted)

    def _compare(self, log: Path, wanted: Record) -> None:
        seqs, ends = Counter[int](), Counter[str]()
        for message in read_log(log):
            seqs[message.seq] += 1
            ends.update(_end(message)[:1])
        self.twice += sum(n - 1 for n in (*seqs.values(), *ends.values()))
        self.holes += max(seqs) - len(seqs)
        found = read_record(log)
        self.lost += len(wanted.ends.keys() - found.ends.keys())
        self.changed += sum(wanted.ends.get(k) != e for k, e in found.ends.items())
        self.changed += sum(wanted.chats.get(r) != c for r, c in found.chats.items())


def _times(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "-"
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49]:.2f} s p99 {cuts[98]:.2f} s"


# -- processes


def children(parent: int) -> list[int]:
    """The living children of *parent*."""
    found: list[int] = []
    for listed in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listed.read_text().split())
    return found


def descendants(parent: int) -> list[int]:
    """The living children of *parent*, theirs, and so on."""
    return [pid for child in children(parent) for pid in (child, *descendants(child))]


def role(pid: int) -> str:
    """What the process plays; empty until it has executed its own command."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return ""
    if "server" in Path(words[0]).name:
        return "server"
    return words[3] if len(words) > 3 and words[3] in ROLES else ""


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
        os.kill(due[self.lines % len(due)], signal.SIGKILL)
        self.shots.append(Shot(aim.target, time.time(), self.lines))
        return True

    def recoveries(self) -> Iterator[float]:
        """
        Seconds from each kill to the next line of the log.

        For a worker or conductor: to the next line by a seat that was taken over.
        """
        ends = list(accumulate(map(len, self._log.open("rb"))))
        seen = [self._grown[self._place(end)][0] for end in ends]
        heirs = list(_heirs(self._log))
        for shot in self.shots:
            wanted = shot.target if shot.target in ("worker", CONDUCTOR) else ""
            for i in range(shot.lines, len(ends)):
                if seen[i] > shot.at and wanted in ("", heirs[i]):
                    yield seen[i] - shot.at
                    break

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


# -- trials


async def undisturbed(game: Game) -> Record:
    """The record of *game* when nobody dies, all in one process."""
    with TemporaryDirectory(prefix="kill-") as base:
        folder = Path(base) / "run"
        code = await (await sit(game.command(folder, workers=0), folder)).watch()
        assert code == 0, (folder.parent / "words").read_text()
        return read_record(folder / "log.jsonl")


async def shoot_roles(
    report: Report, game: Game, wanted: Record, aims: Sequence[Aim], folder: Path
) -> None:
    """Play *game* once, killing as *aims* say; it must end well by itself."""
    sitting = await sit(game.command(folder), folder)
    code = await sitting.watch(aims)
    report.kills += len(sitting.shots)
    report.expect(code == 0, f"{folder} ended with code {code}")
    report.check(folder, wanted)
    report.recoveries += sitting.recoveries()


async def shoot_launcher(
    report: Report, game: Game, wanted: Record, aims: Sequence[Aim], folder: Path
) -> None:
    """Play *game*, end the whole as *aims* say, each time going on; then to its end."""
    for aim in aims:
        sitting = await sit(_go_on(game, folder), folder)
        await sitting.watch_until(lambda: sitting.due(aim, sitting.process.pid))  # noqa: B023
        if sitting.process.returncode is not None:
            break
        report.kills += 1
        stop = _kill if aim.target == "launcher" else _interrupt
        began = time.monotonic()
        await stop(report, sitting, folder)
        report.recoveries.append(time.monotonic() - began)
    if not _complete(folder):
        sitting = await sit(_go_on(game, folder), folder)
        code = await sitting.watch()
        report.expect(code == 0, f"{folder} went on and ended with code {code}")
    report.check(folder, wanted)


def _complete(folder: Path) -> bool:
    made = (folder / "manifest.json").exists()
    return made and RunFolder(folder).manifest.state == "complete"


def _go_on(game: Game, folder: Path) -> list[str]:
    if (folder / "manifest.json").exists():
        return ["resume", str(folder), "--workers", "2", "--json"]
    return game.command(folder)


async def _kill(report: Report, sitting: Sitting, folder: Path) -> None:
    """SIGKILL: whatever the launcher had started must be gone soon."""
    pids = descendants(sitting.process.pid)
    sitting.process.kill()
    await sitting.process.wait()
    with anyio.move_on_after(DYING):
        for pid in pids:
            with suppress(ProcessLookupError):
                ear = os.pidfd_open(pid)
                try:
                    await anyio.wait_readable(ear)
                finally:
                    os.close(ear)
        return
    report.faults.append(f"{folder}: some of {pids} outlived their launcher")


async def _interrupt(report: Report, sitting: Sitting, folder: Path) -> None:
    """SIGINT: it stops in order, says how to go on, and exits with 130."""
    made, words = (folder / "manifest.json").exists(), folder.parent / "words"
    before = words.stat().st_size
    pids = descendants(sitting.process.pid)
    sitting.process.send_signal(signal.SIGINT)
    code = await sitting.watch()
    said = words.read_bytes()[before:].decode()
    left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    report.expect(not left, f"{folder}: {left} outlived their launcher")
    if made and not _complete(folder):
        report.expect(code == 130, f"{folder}: code {code} after SIGINT")
        report.expect("resume" in said, f"{folder}: no word of how to go on")


async def trial(
    target: str, kills: int, game: Game, wanted: Record, *, rng: random.Random
) -> Report:
    """Play *game* until *kills* have hit *target*."""
    report = Report()
    shoot = shoot_launcher if target in WHOLE else shoot_roles
    while report.kills < kills and report.good:
        count = min(PER_RUN, kills - report.kills)
        aims = take_aim(rng, target, count, wanted.messages)
        with TemporaryDirectory(prefix="kill-") as base:
            await shoot(report, game, wanted, aims, Path(base) / "run")
            if not report.good:
                kept = Path(base).with_suffix(".kept")
                shutil.copytree(base, kept)
                report.faults.append(f"kept in {kept}")
    return report


@click.command()
@click.option("--target", type=click.Choice([*ROLES, "any", *WHOLE]), required=True)
@click.option("--kills", type=click.IntRange(1), default=30)
@click.option("--rounds", type=click.IntRange(1), default=30)
@click.option("--seed", type=int, default=1)
def main(target: str, kills: int, rounds: int, seed: int) -> None:
    """Kill *target* so many times and print what it came to."""

    async def play() -> Report:
        game = Game(rounds, seed)
        wanted = await undisturbed(game)
        rng = random.Random(f"{target} {seed}")
        return await trial(target, kills, game, wanted, rng=rng)

    report = anyio.run(play)
    click.echo(report.line(target, seed))
    for fault in report.faults:
        click.echo(f"  {fault}")
    sys.exit(not report.good)


if __name__ == "__main__":
    main()
