"""Roles that die are started again, unless that is no use; the dead hold nothing."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from hubbub.bus import MemoryBus
from hubbub.bus.base import Role
from hubbub.errors import RunFailed
from hubbub.supervise import LIVES, Supervisor, forget_the_dead

#: An interpreter with this dies at its start, with code 1.
BROKEN = {"PYTHONHOME": "/nowhere"}


async def supervise(
    folder: Path,
    *command: str,
    environment: Mapping[str, str] = os.environ,
    moved: Callable[[], int] = int,
) -> list[str]:
    """Play ``hubbub`` with *command*; what the log says meanwhile."""
    output = folder / "roles.log"
    supervisor = Supervisor(MemoryBus(), output, environment, {}, moved)
    words: list[str] = []
    with capture_logs() as said:
        try:
            await supervisor.run([command])
        except* RunFailed as failed:
            words = [str(failed.exceptions[0])]
        words = [event["event"] for event in said] + words
    return words


async def test_a_role_that_ends_well_is_done(tmp_path: Path) -> None:
    """Nobody starts it again; its words are kept."""
    assert await supervise(tmp_path, "--version") == []
    assert "version" in (tmp_path / "roles.log").read_text()


async def test_wrong_use_is_not_tried_again(tmp_path: Path) -> None:
    """A role that says it cannot be played is believed, and its words are pointed to."""
    (failure,) = await supervise(tmp_path, "worker", "--nonsense")

    assert "worker ended with code 2" in failure
    assert str(tmp_path / "roles.log") in failure


async def test_a_role_that_keeps_dying_ends_the_run(tmp_path: Path) -> None:
    """It has some lives, and no more while the run stands still."""
    *again, failure = await supervise(tmp_path, "worker", environment=BROKEN)

    assert len(again) == LIVES - 1
    assert "worker ended with code 1" in failure


async def test_a_role_may_die_as_often_as_the_run_moves(tmp_path: Path) -> None:
    """Under fire that does not end, whoever gets anywhere is started again."""
    steps = iter([*range(2 * LIVES), *[99] * 100])

    *again, _ = await supervise(
        tmp_path, "worker", environment=BROKEN, moved=lambda: next(steps)
    )

    assert len(again) > LIVES


async def living_after(role: Role) -> bool:
    """Whether a holder that said it plays *role* is still thought to live."""
    bus = MemoryBus()
    await bus.beat("x", role, 60.0)
    await forget_the_dead(bus)
    return "x" in await bus.living()


async def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """Its lease need not lapse: its process is known to be gone."""
    process = await anyio.open_process([sys.executable, "-c", ""])
    role = Role(kind="worker", host=socket.gethostname(), pid=process.pid)
    await process.wait()

    assert not await living_after(role)


@pytest.mark.skipif(sys.platform != "linux", reason="nobody tells")
def test_nor_does_one_that_nobody_has_buried() -> None:
    """Whose parent died before it, and whom the next one asks for late: a zombie."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        role = Role(kind="worker", host=socket.gethostname(), pid=pid)

        assert not anyio.run(living_after, role)
    finally:
        os.waitpid(pid, 0)


@pytest.mark.parametrize("host", ["", "elsewhere"])
async def test_who_may_be_alive_keeps_its_lease(host: str) -> None:
    """A process of ours that lives, and one on a host that we cannot see."""
    here = socket.gethostname()
    role = Role(kind="worker", host=host or here, pid=1 if host else os.getpid())

    assert await living_after(role)
    assert await living_after(Role(kind="worker", host=here, pid=1))
