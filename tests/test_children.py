"""Children end when they are told to, and when we do."""

import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from hubbub.children import start_child, stop_child

PARENT = """
import anyio
from hubbub.children import start_child

async def main():
    child = await start_child(["tail", "-f", "/dev/null"])
    print(child.pid, flush=True)
    await anyio.sleep_forever()

anyio.run(main)
"""


@asynccontextmanager
async def shell(script: str) -> AsyncGenerator[tuple[Process, str]]:
    """Run *script* as a child; the first it says, and its end on leaving."""
    ours, theirs = os.pipe()
    child = await start_child(["sh", "-c", script], output=theirs)
    os.close(theirs)
    try:
        await anyio.wait_readable(ours)
        yield child, os.read(ours, 1_000).decode().strip()
    finally:
        await stop_child(child)
        os.close(ours)


async def death(pidfd: int) -> None:
    """Return when the process behind *pidfd*, which need not be a child, is dead."""
    with anyio.fail_after(10):
        await anyio.wait_readable(pidfd)
    os.close(pidfd)


async def test_a_child_dies_when_its_parent_is_killed() -> None:
    """SIGKILL leaves a parent no time to clean up, and no child behind."""
    async with await anyio.open_process([sys.executable, "-c", PARENT]) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(await parent.stdout.receive()))
        parent.kill()

        await death(child)


async def test_a_child_leads_its_own_session() -> None:
    """Ctrl-C in the terminal does not reach it."""
    async with shell("echo up; exec tail -f /dev/null") as (child, _):
        assert os.getsid(child.pid) == child.pid != os.getsid(0)


async def test_stop_asks_first() -> None:
    """A child may end in its own way."""
    script = "trap 'exit 7' TERM; echo up; while :; do read -r _ || :; done"
    async with shell(script) as (child, _):
        await stop_child(child)

        assert child.returncode == 7


async def test_stop_does_not_ask_twice() -> None:
    """A child that ignores SIGTERM is killed when patience is at its end."""
    async with shell("trap '' TERM; echo up; exec tail -f /dev/null") as (child, _):
        await stop_child(child, patience=0.01)

        assert child.returncode == -signal.SIGKILL


async def test_stop_ends_what_the_child_started() -> None:
    """No grandchild stays behind."""
    async with shell("tail -f /dev/null & echo $!; wait") as (child, grandchild):
        pidfd = os.pidfd_open(int(grandchild))
        await stop_child(child)

        await death(pidfd)


async def test_stop_leaves_the_dead_in_peace() -> None:
    """A child that has ended keeps its exit code."""
    async with shell("echo up; exit 5") as (child, _):
        await child.wait()
        await stop_child(child)

        assert child.returncode == 5


async def test_both_outputs_go_to_the_descriptor() -> None:
    """What a child complains of is kept beside what it says."""
    async with shell("echo said >&2") as (_, heard):
        assert heard == "said"


async def test_an_environment_is_all_that_the_child_gets() -> None:
    """Secrets of ours reach no child that was given an environment."""
    ours, theirs = os.pipe()
    child = await start_child(["/usr/bin/env"], output=theirs, environment={"A": "b"})
    os.close(theirs)
    await child.wait()

    assert os.read(ours, 1_000) == b"A=b\n"
    os.close(ours)


async def test_a_descriptor_stays_open_in_the_child() -> None:
    """It can hold a lock or a pipe of ours."""
    ours, theirs = os.pipe()
    code = f"import os; os.write({theirs}, b'held')"
    child = await start_child([sys.executable, "-c", code], descriptors=[theirs])
    os.close(theirs)
    await child.wait()

    assert os.read(ours, 1_000) == b"held"
    os.close(ours)


async def test_a_missing_program_is_an_os_error() -> None:
    """Whoever starts a child hears at once that there is none."""
    with pytest.raises(FileNotFoundError):
        await start_child(["/nonexistent/program"])
