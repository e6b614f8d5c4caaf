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
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import click

from hubbub.folder import RunFolder

from .game import Game, Record, Report, read_record
from .sitting import ROLES, Aim, Sitting, children, descendants, sit, take_aim

WHOLE = ("launcher", "interrupt")
#: Kills in one run; as many runs follow as it takes.
PER_RUN = 5
#: Seconds within which nothing may be left of a launcher that was killed.
DYING = 5.0


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
    await replay(report, folder)


async def replay(report: Report, folder: Path) -> None:
    """Whatever was killed, the run is its record: ``hubbub replay`` says so."""
    before = (folder.parent / "words").stat().st_size
    code = await (await sit(["replay", str(folder)], folder)).watch()
    words = (folder.parent / "words").read_bytes()[before:].decode()
    report.expect(code == 0, f"the replay ended with code {code}: {words}")


async def shoot_launcher(
    report: Report, game: Game, wanted: Record, aims: Sequence[Aim], folder: Path
) -> None:
    """Play *game*, end the whole as *aims* say, each time going on; then to its end."""
    for i, aim in enumerate(aims):
        sitting = await sit(_go_on(game, folder, resume=bool(i % 2)), folder)
        await sitting.watch_until(partial(_whole_is_due, sitting, aim))
        if sitting.process.returncode is not None:
            break
        report.kills += 1
        stop = _kill if aim.target == "launcher" else _interrupt
        began = time.monotonic()
        await stop(report, sitting, folder)
        report.recoveries.append(time.monotonic() - began)
    if not _complete(folder):
        sitting = await sit(_go_on(game, folder, resume=True), folder)
        code = await sitting.watch()
        report.expect(code == 0, f"{folder} went on and ended with code {code}")
    report.check(folder, wanted)
    await replay(report, folder)


def _whole_is_due(sitting: Sitting, aim: Aim) -> bool:
    pid = sitting.process.pid
    # Ctrl-C before it has started anything is the interpreter's, not ours.
    begun = aim.target == "launcher" or bool(children(pid))
    return begun and sitting.due(aim, pid)


def _complete(folder: Path) -> bool:
    made = (folder / "manifest.json").exists()
    return made and RunFolder(folder).manifest.state == "complete"


def _go_on(game: Game, folder: Path, *, resume: bool) -> list[str]:
    """The same command, or ``resume`` if there is something to resume."""
    if resume and (folder / "manifest.json").exists():
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
@click.option("--model", default="", help="Fill the seats with this model.")
def main(target: str, kills: int, rounds: int, seed: int, model: str) -> None:
    """Kill *target* so many times and print what it came to."""

    async def play() -> Report:
        game = Game(rounds, seed, ("--model", model) if model else Game.mind)
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
