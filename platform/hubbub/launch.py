"""Launching a run: all roles in this process, or each in one of its own."""

import os
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import structlog

from hubbub.bus import Bus, open_bus
from hubbub.bus.directory import announce, open_client
from hubbub.bus.server import Server, open_server
from hubbub.bus.settings import check_server
from hubbub.children import start_child, stop_child
from hubbub.conductor import Conductor
from hubbub.console.live import TICK, LiveView
from hubbub.console.picture import Picture
from hubbub.errors import RunFailed
from hubbub.folder import RunFolder, now
from hubbub.log import read_tail
from hubbub.logger import Logger
from hubbub.models.catalogue import LOCAL_URL, open_models
from hubbub.models.local import open_local
from hubbub.population import Cast, Population
from hubbub.worker import Worker

log = structlog.get_logger()

#: A role that dies this often within seconds of its start is not started again.
LIVES = 5
#: Seconds after which a start counts as a good one.
GOOD_START = 2.0
#: Exit codes of a role that starting again would not help: wrong use, a failed run.
HOPELESS = (2, 3)


async def enter_run(url: str, run: str, population: Population, created: str) -> str:
    """
    Make *run* known on the server at *url* and return the server's name and version.

    Raises `BusUnsafe` where the server would lose messages.
    """
    async with open_client(url) as client:
        facts = await check_server(client)
        await announce(client, run, created)
    async with open_bus(url, run) as bus:
        await bus.note(population=msgspec.json.encode(population).decode())
    return f"{facts.name} {facts.version}"


async def read_cast(bus: Bus) -> Cast:
    """The cast of a run that has been entered; raises `UsageError` for one that has not."""
    encoded = (await bus.meta()).get("population", "")
    if not encoded:
        raise RunFailed(f"run {bus.run} is not on this server")
    return Cast(msgspec.json.decode(encoded, type=Population))


async def launch(
    folder: RunFolder,
    cast: Cast,
    view: LiveView,
    *,
    url: str = "",
    workers: int = 0,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """
    Play *folder*'s run to its end and write its manifest.

    On the server at *url*, else on an embedded one that is kept alive.  With *workers*,
    every role is a process of its own and is started again when it dies.  Raises
    whatever ends a run early; the same call goes on with it.
    """
    began = anyio.current_time()
    async with _server(folder, url) as place:
        server = await enter_run(
            place, folder.run, cast.population, folder.manifest.created
        )
        folder.save(msgspec.structs.replace(folder.manifest, server=server))
        async with (
            open_bus(place, folder.run) as bus,
            _ticking(view),
            anyio.create_task_group() as roles,
        ):
            roles.start_soon(_watch, bus, view, read_tail(folder.log)[0])
            if workers:
                where = ["--redis", place, "--run", folder.run]
                roles.start_soon(
                    _supervise_all, folder, cast, where, workers, environment
                )
            else:
                roles.start_soon(_play, folder, cast, bus, environment)
    finish(folder, view.picture, anyio.current_time() - began)


def finish(folder: RunFolder, picture: Picture, wall: float) -> None:
    """
    The log is whole: say so in the manifest, and let go of the server's copy.

    *picture* is of the whole run, *wall* in seconds.
    """
    seq, digest, _ = read_tail(folder.log)
    folder.save(
        msgspec.structs.replace(
            folder.manifest,
            state="complete",
            ended=now(),
            messages=seq,
            asks=picture.asks,
            outcomes=dict(sorted(picture.outcomes.items())),
            last_hash=digest,
            wall=round(wall, 3),
        )
    )
    if folder.server.exists():
        shutil.rmtree(folder.server)


@asynccontextmanager
async def _server(folder: RunFolder, url: str) -> AsyncGenerator[str]:
    if url:
        yield url
        return
    async with open_server(folder.server) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_serving, server)
        yield server.url
        tasks.cancel_scope.cancel()


async def _keep_serving(server: Server) -> None:
    while True:
        code = await server.wait()
        log.warning("the server died; starting it again", code=code)
        await server.restart()


async def _watch(bus: Bus, view: LiveView, known: int) -> None:
    """Show the run as it goes; what an earlier sitting has logged is only counted."""
    cursor = 0
    while view.picture.state != "complete":
        for message in await bus.read(cursor, wait=5.0):
            cursor = message.seq
            if cursor <= known:
                view.picture.apply(message)
            else:
                view.show(message)


@asynccontextmanager
async def _ticking(view: LiveView) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, view)
        yield
        tasks.cancel_scope.cancel()


async def _tick(view: LiveView) -> None:
    while True:
        await anyio.to_thread.run_sync(view.tick, anyio.current_time())
        await anyio.sleep(TICK)


async def _play(
    folder: RunFolder, cast: Cast, bus: Bus, environment: Mapping[str, str]
) -> None:
    """All roles in this process."""
    names = cast.population.models()
    async with (
        open_models(names, environment) as models,
        anyio.create_task_group() as roles,
    ):
        roles.start_soon(Logger(bus, folder.path).run)
        roles.start_soon(Worker(bus, cast, models).run)
        roles.start_soon(Conductor(bus, cast).run)


async def _supervise_all(
    folder: RunFolder,
    cast: Cast,
    place: Sequence[str],
    workers: int,
    environment: Mapping[str, str],
) -> None:
    async with AsyncExitStack() as stack:
        shared = dict(environment)
        local = [m for m in cast.population.models() if m.startswith("local/")]
        if local and LOCAL_URL not in shared:
            name = local[0].removeprefix("local/")
            shared[LOCAL_URL] = await stack.enter_async_context(
                open_local(name, shared)
            )
        commands = [
            ["logger", *place, "--out", str(folder.path)],
            *(["worker", *place] for _ in range(workers)),
            ["conductor", *place],
        ]
        async with anyio.create_task_group() as tasks:
            for command in commands:
                tasks.start_soon(_supervise, command, folder.path, shared)


async def _supervise(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> None:
    """Keep one role alive until it ends by itself."""
    lives = LIVES
    while True:
        began = anyio.current_time()
        with (folder / "roles.log").open("ab") as output:
            child = await start_child(
                [sys.executable, "-m", "hubbub", *command],
                output=output.fileno(),
                environment=environment,
            )
        try:
            code = await child.wait()
        finally:
            await stop_child(child)
        if code == 0:
            return
        lives = LIVES if anyio.current_time() - began > GOOD_START else lives - 1
        if code in HOPELESS or not lives:
            raise RunFailed(
                f"the {command[0]} ended with code {code}; its last words are in "
                f"{folder / 'roles.log'}"
            )
        log.warning("a role died; starting it again", role=command[0], code=code)
