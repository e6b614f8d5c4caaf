"""The run that a command means which reaches into one that goes on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import click

from hubbub.bus import RedisBus, open_bus
from hubbub.bus.acl import url_file
from hubbub.bus.directory import all_runs, current_run, open_client
from hubbub.cli.look import find_folder
from hubbub.errors import RunOver, UnknownName, UsageError
from hubbub.sitting import SERVER

#: Seconds for which a server may be away.
PATIENCE = 5.0

#: The run that is meant, and the server that it is on.
of_live_run = click.argument("run", default="")
on_live_server = click.option(
    "--redis",
    "url",
    envvar="REDIS_URL",
    default="",
    metavar="URL",
    help="The run is on this server: RUN is its id (default: the current one).",
)


async def find_live(run: str, url: str, role: str) -> tuple[str, str]:
    """
    The address for *role* and the id of the live run that is meant.

    *run* is an id on the server at *url*, else a folder, or the id of one, with a server
    of its own; empty for the current or the latest one.  Raises `UsageError`, and
    `RunOver` for a run that has ended.
    """
    if not url:
        folder = find_folder(run)
        if folder.manifest.state == "complete":
            raise RunOver(f"run {folder.run} has ended")
        if folder.manifest.server == SERVER:
            raise UsageError(
                f"{folder.path} is played on the virtual clock, where nothing comes from "
                "outside: declare it in the population file, or fork the run with it"
            )
        place = url_file(folder.server, role)
        if not place.exists():
            raise UsageError(
                f"{folder.path} has no server of its own: say with --redis where it is"
            )
        return place.read_text().strip(), folder.run
    async with open_client(url) as client:
        known = await all_runs(client)
        run = run or await current_run(client)
    if run not in known:
        raise UnknownName("run on this server", run, sorted(known)[-9:])
    return url, run


@asynccontextmanager
async def open_live(run: str, url: str, role: str) -> AsyncGenerator[RedisBus]:
    """The bus of the run that `find_live` finds, as *role*."""
    place, run = await find_live(run, url, role)
    async with open_bus(place, run, patience=PATIENCE) as bus:
        yield bus
