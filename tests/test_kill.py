"""Kill anything, any time: the run goes on, or the same command goes on with it."""

import random
import shutil
from pathlib import Path

import anyio
import pytest

from hubbub.folder import RunFolder

from .game import Game, Record, Report
from .kill import shoot_roles, trial, undisturbed
from .sitting import ROLES, Aim, kill, sit

GAME = Game(rounds=15, seed=7)


@pytest.fixture(scope="module")
def record() -> Record:
    """What comes of the game when nobody dies."""
    return anyio.run(undisturbed, GAME)


@pytest.mark.parametrize("target", ROLES)
def test_killed_roles_lose_and_change_nothing(target: str, record: Record) -> None:
    """A run in which a role dies again and again says what it says undisturbed."""
    rng = random.Random(f"roles {target}")

    report = anyio.run(lambda: trial(target, 5, GAME, record, rng=rng))

    assert report.good, report.faults
    assert report.kills >= 5


async def test_a_run_that_ends_first_is_no_fault(tmp_path: Path) -> None:
    """On a busy machine it may end before anybody in it was hit."""
    game, report = Game(rounds=1, seed=7), Report()
    wanted = await undisturbed(game)

    await shoot_roles(report, game, wanted, [Aim("logger", 10**6)], tmp_path / "run")

    assert report.good, report.faults
    assert (report.kills, report.recoveries) == (0, [])


async def test_who_has_ended_is_not_hit() -> None:
    """A role may end between two looks at it."""
    process = await anyio.open_process(["true"])
    await process.wait()

    assert not kill(process.pid)


def test_no_model_call_is_made_twice() -> None:
    """A seat that is taken over finds the replies of its earlier host in the log."""
    game = Game(rounds=20, seed=7, mind=("--model", "scripted/legal"))
    record = anyio.run(undisturbed, game)
    rng = random.Random("calls")

    report = anyio.run(lambda: trial("worker", 5, game, record, rng=rng))

    assert any(end.startswith("call ") for end in record.ends)
    assert report.good, report.faults


@pytest.mark.parametrize("target", ["launcher", "interrupt"])
def test_an_ended_run_is_resumed(target: str, record: Record) -> None:
    """
    Kill -9 leaves no process behind and Ctrl-C says how to go on.

    What is resumed, and ended again, says what it says undisturbed.
    """
    rng = random.Random(f"whole {target}")

    report = anyio.run(lambda: trial(target, 3, GAME, record, rng=rng))

    assert report.good, report.faults
    assert report.kills >= 3


async def test_a_run_is_resumed_without_its_server(
    record: Record, tmp_path: Path
) -> None:
    """A folder that was copied without its server's files is enough to go on."""
    folder, report = tmp_path / "run", Report()
    first = await sit(GAME.command(folder), folder)
    await first.watch_until(lambda: first.lines > record.messages // 2)
    first.process.kill()
    await first.process.wait()
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("server"))

    copy = tmp_path / "copy"
    code = await (await sit(["resume", str(copy), "--workers", "2"], copy)).watch()

    report.check(copy, record)
    assert code == 0
    assert report.good, report.faults
    assert not RunFolder(copy).server.exists()
