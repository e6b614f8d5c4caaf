"""One run on the rack: its processes, the proxies between them, and who watches."""

import os
import random
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio

from hubbub.children import start_child, stop_child
from hubbub.errors import HubbubError
from hubbub.names import CONDUCTOR
from hubbub.secrets import DOTENV
from hubbub.supervise import forget_the_dead, lives

from ..game import Game
from ..sitting import children, role
from .place import CLIENTS, TAMPERED, Place, module
from .proxy import Proxy
from .shim import Knobs, cut_power
from .tally import Tally
from .watch import LOOK, Watch


class Rig(Watch):
    """A run at *place* of *game*, which can be tormented while `running`."""

    def __init__(
        self, place: Place, game: Game, tally: Tally, rng: random.Random
    ) -> None:
        super().__init__(place, tally)
        self.rng = rng
        self.knobs: dict[str, Knobs] = {}
        self.proxies: dict[str, Proxy] = {}
        #: The process that talks at the run's side.
        self.crowd = 0
        #: Listeners who were gone for so long that they could not hear the end.
        self.cut_off: set[str] = set()
        self._game = game
        self._guests: list[Process] = []

    # -- its life

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The run goes on while this is open."""
        self.knobs = {who: Knobs(self.place.knobs(who)) for who in TAMPERED}
        self.proxies = {
            who: Proxy(self.place.proxy(who), self.place.server) for who in CLIENTS
        }
        async with anyio.create_task_group() as tasks:
            for proxy in self.proxies.values():
                tasks.start_soon(proxy.serve)
            await self.launch()
            try:
                tasks.start_soon(self.follow)
                tasks.start_soon(self._keep_crowd)
                yield
            finally:
                self.tally.cuts += sum(proxy.cuts for proxy in self.proxies.values())
                for process in (self.launcher, *self._guests):
                    await stop_child(process, patience=0.0)
                tasks.cancel_scope.cancel()

    async def launch(self) -> None:
        """Begin the run, or go on with it: it is the same command."""
        command = module("launcher", *self._game.command(self.place.folder))
        self.launcher = await self.start(command, "launcher", "words")

    async def start(self, command: list[str], who: str, words: str) -> Process:
        """Start *command* as *who*; its *words* are a file's name."""
        told = {**os.environ, DOTENV: ""}
        told |= self.place.environment(who)
        with (self.place.base / words).open("ab") as output:
            return await start_child(command, output=output.fileno(), environment=told)

    async def _keep_crowd(self) -> None:
        """Have people at the run's side, who come again when they die."""
        bus = await self.bus()
        command = module("crowd", bus.run)
        while True:
            process = await self.start(command, "crowd", "crowd-words")
            self.crowd = process.pid
            try:
                code = await process.wait()
            finally:
                await stop_child(process, patience=0.0)
            if code == 0:
                return
            # As the launcher does for its roles.
            with suppress(HubbubError):
                await forget_the_dead(bus)

    # -- who is who

    def pids(self, who: str) -> list[int]:
        """The processes that play *who* now."""
        if who == "crowd":
            return [self.crowd] if self.crowd else []
        return [pid for pid in children(self.launcher.pid) if role(pid) == who]

    async def pick(self, who: str) -> int:
        """One of those who play *who*, once there is one; 0 when the run is over."""
        await self.until(lambda: bool(self.pids(who)))
        found = self.pids(who)
        return self.rng.choice(found) if found else 0

    async def host(self) -> tuple[int, set[str]]:
        """A worker that hosts seats, and which; 0 and none when the run is over."""
        while not self.over.is_set():
            pid = await self.pick("worker")
            if seats := await self.seats(pid):
                return pid, seats
            await anyio.sleep(LOOK)
        return 0, set()

    async def seats(self, pid: int) -> set[str]:
        """The seats that the process *pid* hosts."""
        bus = await self.bus()
        with suppress(HubbubError):
            living = await bus.living()
            mine = {holder for holder, known in living.items() if known.pid == pid}
            return {s for s, holder in (await bus.held()).items() if holder in mine}
        return set()

    def heard_by(self, ear: str) -> int:
        """How much the listener *ear* has heard, in bytes of its journal."""
        path = self.place.journals / f"{ear}.heard"
        return path.stat().st_size if path.exists() else 0

    async def leader(self) -> int:
        """Who conducts now, once somebody does."""
        bus = await self.bus()
        while not self.over.is_set():
            holder, living = (await bus.held()).get(CONDUCTOR), await bus.living()
            if holder in living:
                return living[holder].pid
            await anyio.sleep(LOOK)
        return 0

    async def until_lives(self, pid: int) -> None:
        """Wait until the process *pid* has said that it lives."""
        bus = await self.bus()
        while not self.over.is_set():
            if any(known.pid == pid for known in (await bus.living()).values()):
                return
            await anyio.sleep(LOOK)

    def leave(self, process: Process) -> None:
        """Let *process* end when it likes, at the latest with the run."""
        self._guests.append(process)

    # -- blows that every fault may use

    @contextmanager
    def stopped(self, pid: int) -> Generator[None]:
        """The process *pid* does nothing meanwhile; 0 is none."""
        _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pid, signal.SIGCONT)

    async def kill(self, pid: int) -> None:
        """Kill *pid* and wait until it is dead; 0 is none."""
        if _signal(pid, signal.SIGKILL):
            with anyio.move_on_after(5):
                while lives(pid):
                    await anyio.sleep(LOOK)

    def cut_power(self, files: Path) -> int:
        """Take from everything in *files* what was not on the disk."""
        found = [files] if files.is_file() else sorted(files.rglob("*"))
        return cut_power(found, self.place.synced, self.rng)


def _signal(pid: int, number: signal.Signals) -> bool:
    """Send *number* to *pid*; false if there is nobody."""
    # To the system, 0 would be all of us.
    if not pid:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
