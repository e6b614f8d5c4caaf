"""The roles as processes of their own: ``worker``, ``conductor``, ``logger``."""

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import click
import structlog

from hubbub.bus import RedisBus, open_bus
from hubbub.bus.directory import current_run, open_client
from hubbub.bus.settings import check_server
from hubbub.cli.interrupt import interrupt
from hubbub.cli.play import RUNS, build, jsonable, made_of
from hubbub.conductor import Conductor
from hubbub.console.picture import Picture
from hubbub.errors import BusUnavailable
from hubbub.folder import RunFolder, make_folder, new_run_id, now, point_latest
from hubbub.launch import enter_run, finish, read_cast
from hubbub.log import read_log
from hubbub.logger import Logger
from hubbub.logs import configure
from hubbub.models.catalogue import open_models
from hubbub.population import Cast
from hubbub.worker import Worker

log = structlog.get_logger()

#: Seconds between two looks for a run that has not begun.
LOOK = 0.25
#: Seconds a role waits for its server at the start.
PATIENCE = 60.0


def on_server(command: Any) -> Any:
    """The options of every role."""
    options = [
        click.option(
            "--redis",
            "url",
            envvar="REDIS_URL",
            required=True,
            metavar="URL",
            help="The server.",
        ),
        click.option(
            "--run",
            "run_id",
            default="",
            metavar="ID",
            help="The run (default: the server's current one).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@on_server
def worker(url: str, run_id: str) -> None:
    """Host seats of a run until it ends."""

    async def work(bus: RedisBus) -> None:
        cast = await read_cast(bus)
        async with open_models(cast.population.models(), os.environ) as models:
            await Worker(bus, cast, models).run()

    _serve("worker", url, run_id, work)


@click.command()
@on_server
@click.option(
    "--scenario",
    envvar="HUBBUB_SCENARIO",
    default="",
    metavar="NAME",
    help="Begin a run of this if the server has no unfinished one.",
)
@made_of
def conductor(
    url: str,
    run_id: str,
    scenario: str,
    agents: int | None,
    mind: str,
    model: str,
    settings: Sequence[str],
    seed: int | None,
) -> None:
    """Conduct a run to its end, or stand by while another conductor does."""
    population = (
        Cast(build(scenario, agents, mind, model, settings, seed)).population
        if scenario
        else None
    )

    async def conduct(bus: RedisBus) -> None:
        await Conductor(bus, await read_cast(bus)).run()

    async def begin() -> str:
        async with open_client(url) as client:
            found = await _unfinished(client, url)
        if found or population is None:
            return found
        new = new_run_id(Cast(population).scenario.name)
        await enter_run(url, new, population, now())
        return new

    _serve("conductor", url, run_id, conduct, begin)


@click.command()
@on_server
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The run folder (default: runs/ID).",
)
def logger(url: str, run_id: str, out: Path | None) -> None:
    """Keep every message of a run until it ends."""

    async def keep(bus: RedisBus) -> None:
        began = anyio.current_time()
        path = out or RUNS / bus.run
        folder = await _folder(bus, path)
        if out is None:
            point_latest(path)
        await Logger(bus, path).run()
        if out is None:
            picture = Picture()
            for message in read_log(folder.log):
                picture.apply(message)
            finish(folder, picture, anyio.current_time() - began)

    _serve("logger", url, run_id, keep)


async def _folder(bus: RedisBus, path: Path) -> RunFolder:
    if (path / "manifest.json").exists():
        return RunFolder(path)
    cast = await read_cast(bus)
    return make_folder(
        path, bus.run, cast.scenario.name, cast.population, jsonable(cast.parameters)
    )


def _serve(
    role: str,
    url: str,
    run_id: str,
    serve: Callable[[RedisBus], Awaitable[None]],
    begin: Callable[[], Awaitable[str]] | None = None,
) -> None:
    """Wait for server and run, then serve until the run ends or we are told to stop."""
    configure(os.environ.get("HUBBUB_LOG", "info"))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(interrupt)
            await _wait_for_server(url)
            run = run_id or (await begin() if begin else "") or await _wait_for_run(url)
            with structlog.contextvars.bound_contextvars(role=role, run=run):
                async with open_bus(url, run) as bus:
                    await serve(bus)
                log.info("the run has ended")
            tasks.cancel_scope.cancel()

    anyio.run(main)


async def _wait_for_server(url: str) -> None:
    deadline = anyio.current_time() + PATIENCE
    while True:
        try:
            async with open_client(url) as client:
                await check_server(client)
            return
        except BusUnavailable:
            if anyio.current_time() > deadline:
                raise
        await anyio.sleep(LOOK)


async def _wait_for_run(url: str) -> str:
    async with open_client(url) as client:
        while not (run := await _unfinished(client, url)):
            await anyio.sleep(LOOK)
    return run


async def _unfinished(client: Any, url: str) -> str:
    """The server's current run, unless it is over and logged."""
    run = await current_run(client)
    if not run:
        return ""
    async with open_bus(url, run) as bus:
        facts = await bus.meta()
    over = "ended" in facts and facts.get("logged") == facts["seq"]
    return "" if over else run
