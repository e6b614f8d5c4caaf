"""Launching a run: all roles in this process, or each in one of its own."""

import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import anyio.to_thread
import msgspec
import structlog

from hubbub.bus import Bus, open_bus
from hubbub.bus.acl import same_access
from hubbub.bus.directory import announce, open_client
from hubbub.bus.server import Server, open_server
from hubbub.bus.settings import check_server
from hubbub.conductor import Conductor
from hubbub.console.live import TICK, LiveView
from hubbub.console.picture import Picture
from hubbub.errors import (
    BudgetSpent,
    BusUnavailable,
    LogDamaged,
    RunFailed,
    ServerFailed,
    first_error,
)
from hubbub.folder import RunFolder, now
from hubbub.fork import ask
from hubbub.heap import give_back
from hubbub.logfile import read_tail
from hubbub.logger import Logger
from hubbub.models.catalogue import LOCAL_URL, open_models, opening
from hubbub.models.local import open_local
from hubbub.population import Cast, Population
from hubbub.purse import count_spent
from hubbub.restore import restore
from hubbub.sitting import check_alone, check_budget, sit
from hubbub.supervise import Supervisor, forget_the_dead
from hubbub.terms import Terms, on_terms, terms_in
from hubbub.worker import UNBOUNDED, Worker

log = structlog.get_logger()

#: Seconds for which a server of our own may be away at the start.
PATIENCE = 60.0
#: Seconds between two tries to start a server again.
SERVER_WAIT = 1.0


async def enter_run(
    url: str,
    run: str,
    population: Population,
    created: str,
    *,
    terms: Terms = UNBOUNDED,
    patience: float = 0.0,
) -> str:
    """
    Make *run* known on the server at *url* and return the server's name and version.

    From then on it goes on *terms*, and if it had stopped it has not.

    A server that does not answer is asked again for *patience* seconds.  Raises
    `BusUnavailable`, or `BusUnsafe` where the server would lose messages.
    """
    deadline = anyio.current_time() + patience
    while True:
        try:
            async with open_client(url) as client, open_bus(url, run) as bus:
                facts = await check_server(client)
                # Whoever finds the run must find what it is made from.
                await bus.note(
                    population=msgspec.json.encode(population).decode(),
                    **on_terms(terms),
                )
                await announce(client, run, created)
            break
        except BusUnavailable:
            if anyio.current_time() >= deadline:
                raise
        await anyio.sleep(SERVER_WAIT / 10)
    return f"{facts.name} {facts.version}"


async def read_terms(bus: Bus) -> Terms:
    """On what terms a run goes that has been entered."""
    return terms_in(await bus.meta())


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
    terms: Terms = UNBOUNDED,
    url: str = "",
    workers: int = 0,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """
    Play *folder*'s run to its end, on *terms*, and write its manifest.

    On the server at *url*, else on an embedded one that is kept alive.  With *workers*,
    every role is a process of its own and is started again when it dies.  On the virtual
    clock it has neither, see `hubbub.sitting`.  Raises
    whatever ends a run early; the same call goes on with it.  `BudgetSpent` is raised
    alone, and the manifest says so too.
    """
    check_alone(cast, url, workers)
    if cast.population.clock == "virtual":
        check_budget(folder, terms)
    began = anyio.current_time()
    view.picture.shared = folder.shared
    folder.save(
        msgspec.structs.replace(folder.manifest, terms=terms, state="running", why="")
    )
    try:
        if cast.population.clock == "virtual":
            async with _ticking(view):
                await sit(folder, cast, view, terms, environment)
        else:
            await _launch(folder, cast, view, terms, url, workers, environment)
    except BaseExceptionGroup as group:
        stop = first_error(group)
        if not isinstance(stop, BudgetSpent):
            raise
        file_stop(folder, str(stop))
        raise stop from None
    finish(folder, view.picture, anyio.current_time() - began)


async def _launch(
    folder: RunFolder,
    cast: Cast,
    view: LiveView,
    terms: Terms,
    url: str,
    workers: int,
    environment: Mapping[str, str],
) -> None:
    async with _server(folder, url) as urls:
        place = urls["launcher"]
        server = await enter_run(
            place,
            folder.run,
            cast.population,
            folder.manifest.created,
            terms=terms,
            patience=0.0 if url else PATIENCE,
        )
        folder.save(msgspec.structs.replace(folder.manifest, server=server))
        async with (
            open_bus(place, folder.run) as bus,
            _ticking(view),
            anyio.create_task_group() as roles,
        ):
            await restore(bus, folder)
            if folder.manifest.origin is not None:
                await ask(bus, folder.manifest.origin, cast)
            if terms.limits:
                await count_spent(bus, after=folder.shared)
            await forget_the_dead(bus)
            roles.start_soon(_watch, bus, view, read_tail(folder.log).seq)
            if workers:
                roles.start_soon(
                    _supervise, folder, cast, bus, view, urls, workers, environment
                )
            else:
                roles.start_soon(_play, folder, cast, bus, terms, environment)


def file_stop(folder: RunFolder, why: str) -> None:
    """Say in the manifest that the run has stopped, and *why*."""
    folder.save(msgspec.structs.replace(folder.manifest, state="stopped", why=why))


def finish(folder: RunFolder, picture: Picture, wall: float) -> None:
    """
    The log is whole: say so in the manifest, and let go of the server's copy.

    *picture* is of the whole run, *wall* in seconds.
    """
    tail = read_tail(folder.log)
    if not tail.ended:
        raise LogDamaged(folder.log, tail.seq, "the run's end is missing")
    folder.save(
        msgspec.structs.replace(
            folder.manifest,
            state="complete",
            ended=now(),
            messages=tail.seq,
            asks=picture.asks,
            outcomes=dict(sorted(picture.outcomes.items())),
            last_hash=tail.digest,
            wall=round(wall, 3),
        )
    )
    if folder.server.exists():
        shutil.rmtree(folder.server)


@asynccontextmanager
async def _server(folder: RunFolder, url: str) -> AsyncGenerator[Mapping[str, str]]:
    """Each role's address of the server."""
    if url:
        yield same_access(url)
        return
    async with open_server(folder.server) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_serving, server)
        yield server.urls
        tasks.cancel_scope.cancel()


async def _keep_serving(server: Server) -> None:
    """Start the server again whenever it dies; how long is the clients' patience."""
    while True:
        code = await server.wait()
        log.warning("the server died; starting it again", code=code)
        try:
            await server.restart()
        except (ServerFailed, OSError) as error:
            log.error("the server does not start", error=str(error))
            await anyio.sleep(SERVER_WAIT)


async def _watch(bus: Bus, view: LiveView, known: int) -> None:
    """Show the run as it goes; what an earlier sitting has logged is only counted."""
    cursor = 0
    while view.picture.state != "complete":
        for message in await bus.read(cursor, wait=5.0):
            cursor = message.seq
            if cursor <= known:
                view.recall(message)
            else:
                view.show(message)


@asynccontextmanager
async def _ticking(view: LiveView) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, view)
        tasks.start_soon(give_back)
        yield
        tasks.cancel_scope.cancel()


async def _tick(view: LiveView) -> None:
    while True:
        await anyio.to_thread.run_sync(view.tick, anyio.current_time())
        await anyio.sleep(TICK)


async def _play(
    folder: RunFolder,
    cast: Cast,
    bus: Bus,
    terms: Terms,
    environment: Mapping[str, str],
) -> None:
    """All roles in this process."""
    names = cast.population.models()
    async with (
        open_models(
            names, environment, terms.cache, replicate=terms.replicate
        ) as models,
        anyio.create_task_group() as roles,
    ):
        roles.start_soon(Logger(bus, folder.path).run)
        more = opening(environment, terms.cache, replicate=terms.replicate)
        roles.start_soon(Worker(bus, cast, models, terms=terms, opening=more).run)
        roles.start_soon(Conductor(bus, cast).run)


async def _supervise(
    folder: RunFolder,
    cast: Cast,
    bus: Bus,
    view: LiveView,
    urls: Mapping[str, str],
    workers: int,
    environment: Mapping[str, str],
) -> None:
    """Each role in a process of its own."""
    async with AsyncExitStack() as stack:
        shared = dict(environment)
        run = ["--run", folder.run]
        local = [m for m in cast.population.models() if m.startswith("local/")]
        cached = folder.manifest.terms.cache == "only"
        if local and LOCAL_URL not in shared and not cached:
            name = local[0].removeprefix("local/")
            shared[LOCAL_URL] = await stack.enter_async_context(
                open_local(name, shared)
            )
        commands = [
            ["logger", *run, "--out", str(folder.path)],
            *(["worker", *run] for _ in range(workers)),
            ["conductor", *run],
        ]
        output = folder.path / "roles.log"
        supervisor = Supervisor(
            bus, output, shared, urls, lambda: view.picture.messages
        )
        await supervisor.run(commands)
    if why := (await bus.meta()).get("stopped"):
        raise BudgetSpent(why)
