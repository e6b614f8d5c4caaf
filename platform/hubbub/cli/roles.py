"""
The roles as processes of their own: ``worker``, ``conductor``, ``logger``.

They find each other by the server alone.  ``begin`` gives them a run to serve.
"""

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click
import msgspec
import structlog

from hubbub.bus import RedisBus, open_bus
from hubbub.bus.directory import (
    current_run,
    facts_of,
    is_unfinished,
    open_client,
    succeed,
)
from hubbub.bus.settings import check_server
from hubbub.chaos import strike
from hubbub.cli.filing import keep_folder
from hubbub.cli.interrupt import interrupt
from hubbub.cli.made import build, made_of, runs
from hubbub.cli.spend import Spend, higher, spending
from hubbub.conductor import Conductor
from hubbub.errors import BudgetSpent, BusUnavailable, UsageError, first_error
from hubbub.folder import new_run_id, now
from hubbub.heap import give_back
from hubbub.launch import read_cast, read_terms
from hubbub.logger import Logger
from hubbub.logs import configure
from hubbub.models.catalogue import open_models, opening
from hubbub.population import Cast, Population
from hubbub.purse import count_spent
from hubbub.terms import on_terms, terms_in
from hubbub.worker import Worker

log = structlog.get_logger()

#: Seconds between two looks for a server that is away, or a run that has not begun.
LOOK = 0.25
#: Seconds for which a server may be away.
PATIENCE = 60.0

Serve = Callable[[RedisBus], Awaitable[None]]
Look = Callable[[], Awaitable[str]]

on_server = click.option(
    "--redis",
    "url",
    envvar="REDIS_URL",
    required=True,
    metavar="URL",
    help="The server.",
)
of_run = click.option(
    "--run",
    "run_id",
    default="",
    metavar="ID",
    help="The run (default: the server's unfinished one).",
)
if_any = click.option(
    "--if-any",
    is_flag=True,
    help="Do not wait for a run to begin: without one there is nothing to do.",
)
of_scenario = click.option(
    "--scenario",
    envvar="HUBBUB_SCENARIO",
    default="",
    metavar="NAME",
    help="Begin a run of this unless the server has an unfinished one.",
)


@click.command()
@on_server
@of_run
@if_any
def worker(url: str, run_id: str, if_any: bool) -> None:
    """Host seats of a run until it ends."""

    async def work(bus: RedisBus) -> None:
        cast, terms = await read_cast(bus), await read_terms(bus)
        names = cast.population.models()
        async with open_models(
            names, os.environ, terms.cache, replicate=terms.replicate
        ) as models:
            more = opening(os.environ, terms.cache, replicate=terms.replicate)
            worker = Worker(bus, cast, models, terms=terms, opening=more, strike=strike)
            await worker.run()

    serve_run("worker", lambda: find_run(url, run_id), if_any, url, work)


@click.command()
@on_server
@of_run
@if_any
@of_scenario
@made_of
@spending
def conductor(
    url: str, run_id: str, if_any: bool, scenario: str, spend: Spend, **made: Any
) -> None:
    """Conduct a run to its end, or stand by while another conductor does."""

    async def conduct(bus: RedisBus) -> None:
        try:
            await Conductor(bus, await read_cast(bus), strike=strike).run()
        except* BudgetSpent as spent:
            # No failure of this process: to start it again would change nothing.
            log.warning(str(first_error(spent)), mend="begin it again with more")

    if scenario and not run_id:
        population = _population(scenario, made)
        look = partial(_begin, url, population, spend)
        serve_run("conductor", look, if_any, url, conduct)
    else:
        serve_run("conductor", lambda: find_run(url, run_id), if_any, url, conduct)


@click.command()
@on_server
@of_run
@if_any
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the messages there and leave the manifest alone (default: runs/ID).",
)
def logger(url: str, run_id: str, if_any: bool, out: Path | None) -> None:
    """Keep every message of a run until it ends."""

    async def keep(bus: RedisBus) -> None:
        if out is None:
            await keep_folder(bus, runs() / bus.run)
        else:
            await Logger(bus, out, strike=strike).run()

    serve_run("logger", lambda: find_run(url, run_id), if_any, url, keep)


@click.command()
@on_server
@of_scenario
@made_of
@spending
def begin(url: str, scenario: str, spend: Spend, **made: Any) -> None:
    """
    Begin a run that roles on the server will serve; print its id.

    An unfinished one goes on instead, also one that has stopped at its budget, if it
    gets a higher one.
    """
    configure(_level())
    if not scenario:
        raise click.UsageError("name a --scenario")
    population = _population(scenario, made)
    click.echo(anyio.run(_patiently, partial(_begin, url, population, spend)))


@click.command(hidden=True)
@on_server
def alive(url: str) -> None:
    """Exit 0 if a role of this host has a lease in the server's run, else 1."""
    if not anyio.run(_lives_here, url):
        sys.exit(1)


async def _lives_here(url: str) -> bool:
    async with open_client(url) as client:
        run = await current_run(client)
    if not run:
        return False
    async with open_bus(url, run, patience=1.0) as bus:
        living = await bus.living()
    return any(role.host == socket.gethostname() for role in living.values())


def _population(scenario: str, made: dict[str, Any]) -> Population:
    population = Cast(build(scenario, **made)).population
    if population.clock == "virtual":
        raise UsageError(
            "on the virtual clock all roles are in one process: play it with hubbub run"
        )
    return population


def _level() -> str:
    return os.environ.get("HUBBUB_LOG") or "info"


def serve_run(role: str, look: Look, if_any: bool, url: str, serve: Serve) -> None:
    """Serve the run that *look* finds until it ends or we are told to stop."""
    configure(_level())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(interrupt)
            tasks.start_soon(give_back)
            while not (run := await _patiently(look)) and not if_any:
                await anyio.sleep(LOOK)
            if run:
                with structlog.contextvars.bound_contextvars(run=run):
                    async with open_bus(url, run) as bus:
                        await serve(bus)
                    log.info("nothing is left to do")
            else:
                log.info("no run to serve")
            tasks.cancel_scope.cancel()

    with structlog.contextvars.bound_contextvars(role=role):
        anyio.run(main)


async def _patiently(look: Look) -> str:
    """What *look* finds, once the server answers; `BusUnavailable` if it never does."""
    deadline = anyio.current_time() + PATIENCE
    while True:
        try:
            return await look()
        except BusUnavailable:
            if anyio.current_time() > deadline:
                raise
        await anyio.sleep(LOOK)


async def find_run(url: str, run_id: str) -> str:
    """The run to serve, empty for none."""
    async with open_client(url) as client:
        await check_server(client)
        run = run_id or await current_run(client)
    return run if run_id or is_unfinished(await facts_of(url, run)) else ""


async def _begin(url: str, population: Population, spend: Spend) -> str:
    """The server's unfinished run; without one, a new one."""
    async with open_client(url) as client:
        facts = await check_server(client)
        last = await current_run(client)
        if await _goes_on(url, last, spend):
            log.info("an unfinished run goes on", run=last)
            return last
        terms = spend.terms(population.models())
        run = new_run_id(Cast(population).scenario.name)
        # Known before it is current: whoever finds a run can read what is played.
        async with open_bus(url, run) as bus:
            await bus.note(
                population=msgspec.json.encode(population).decode(),
                server=f"{facts.name} {facts.version}",
                **on_terms(terms),
            )
        run = await succeed(client, last, run, now())
    log.info("a run begins", run=run)
    return run


async def _goes_on(url: str, run: str, spend: Spend) -> bool:
    """Whether *run* is unfinished, and then goes on on what *spend* makes of its terms."""
    facts = await facts_of(url, run)
    if not is_unfinished({**facts, "stopped": ""}):
        return False
    had = terms_in(facts)
    async with open_bus(url, run) as bus:
        terms = spend.terms((await read_cast(bus)).population.models(), had)
        if facts.get("stopped") and terms.limits == had.limits:
            more = higher(had, await bus.spent())
            raise BudgetSpent(f"{facts['stopped']}; it goes on with {more}")
        await bus.note(**on_terms(terms))
        if terms.limits:
            await count_spent(bus)
    return True
