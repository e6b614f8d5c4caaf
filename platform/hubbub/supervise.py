"""The roles as processes of their own, each kept alive until it ends by itself."""

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import structlog

from hubbub.bus import Bus
from hubbub.children import start_child, stop_child
from hubbub.errors import RunFailed
from hubbub.secrets import DOTENV, without_secrets

log = structlog.get_logger()

#: A role that dies this often is not started again, unless the run moves meanwhile.
LIVES = 5
#: Seconds after which a start counts as a good one.
GOOD_START = 2.0
#: Exit codes of a role that starting again would not help: wrong use, a failed run,
#: files that are not whole.
HOPELESS = (2, 3, 4)


class Supervisor:
    """
    Starts roles of the run on *bus* and starts them again when they die.

    What they say goes to *output*; *moved* tells how far the run is.  Workers have the
    *environment*, others have it without secrets; each has its own of *urls* in it.
    """

    def __init__(
        self,
        bus: Bus,
        output: Path,
        environment: Mapping[str, str],
        urls: Mapping[str, str],
        moved: Callable[[], int],
    ) -> None:
        self._bus = bus
        self._output = output
        self._urls = urls
        self._environment = {**environment, DOTENV: ""}
        self._moved = moved

    async def run(self, commands: Sequence[Sequence[str]]) -> None:
        """
        Return when every one of *commands* has ended by itself.

        Raises `RunFailed` for one that keeps dying, or that no new start would help.
        """
        async with anyio.create_task_group() as tasks:
            for command in commands:
                tasks.start_soon(self._keep, command, tasks)

    async def _keep(self, command: Sequence[str], tasks: anyio.abc.TaskGroup) -> None:
        lives = LIVES
        while True:
            began, moved = anyio.current_time(), self._moved()
            code = await self._play(command)
            if code == 0:
                return
            tasks.start_soon(forget_the_dead, self._bus)
            lived = anyio.current_time() - began
            good = lived > GOOD_START or self._moved() > moved
            lives = LIVES if good else lives - 1
            if code in HOPELESS or not lives:
                raise RunFailed(
                    f"the {command[0]} ended with code {code}; its last words are in "
                    f"{self._output}"
                )
            log.warning("a role died; starting it again", role=command[0], code=code)

    async def _play(self, command: Sequence[str]) -> int:
        with self._output.open("ab") as output:
            child = await start_child(
                [sys.executable, "-m", "hubbub", *command],
                output=output.fileno(),
                environment=self._environment_of(command[0]),
            )
        try:
            return await child.wait()
        finally:
            await stop_child(child)

    def _environment_of(self, role: str) -> dict[str, str]:
        alone = role == "worker"
        own = self._environment if alone else without_secrets(self._environment)
        # Its password is nothing for a command line, which all on this machine can read.
        return {**own, "REDIS_URL": self._urls.get(role, "")}


async def forget_the_dead(bus: Bus) -> None:
    """
    End the leases of processes that were on this host and are gone.

    What they held can be taken over at once.  Nothing rests on this but time: a lease
    also lapses by itself, and who is taken for dead by mistake is fenced or beats again.
    """
    here = socket.gethostname()
    for holder, role in (await bus.living()).items():
        if role.host == here and not lives(role.pid):
            await bus.rest(holder)


def lives(pid: int) -> bool:
    """Whether the process *pid* of this machine has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether *pid* has ended, and only waits for somebody to ask how."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        # Not Linux, or gone just now: then the next one to ask sees it.
        return False
    return state.rpartition(")")[2].split()[0] in "ZX"
