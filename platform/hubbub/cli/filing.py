"""The logger's run folder: one logger keeps it, others stand by, the last word is filed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from hubbub.bus import Bus
from hubbub.chaos import strike
from hubbub.cli.made import jsonable
from hubbub.console.picture import Picture
from hubbub.folder import RunFolder, make_folder, point_latest
from hubbub.launch import file_stop, finish, read_cast, read_terms
from hubbub.leases import TTL, new_holder, role_of
from hubbub.log import read_log
from hubbub.logfile import read_tail
from hubbub.logger import Logger

#: What a logger claims, so that one at a time keeps the folder.
SEAT = "logger"


async def keep_folder(bus: Bus, path: Path) -> None:
    """
    Keep the run folder in *path*, from its first line to its complete manifest.

    For a process that does nothing else; what is to come over loggers comes over it.
    Run as many as you like: one keeps the folder, the others stand by.  Until the
    manifest is complete the run counts as unfinished, also when it has ended.
    """
    holder = new_holder("logger")
    async with _alive(bus, holder):
        while SEAT not in await bus.claim(holder, [SEAT]):
            await anyio.sleep(TTL / 3)
        folder = await _open_folder(bus, path)
        point_latest(path)
        if folder.manifest.state != "complete":
            await bus.note(filed="no")
            terms = await read_terms(bus)
            again = {"terms": terms, "state": "running", "why": ""}
            folder.save(msgspec.structs.replace(folder.manifest, **again))
            await _fill(bus, folder)
        await bus.note(filed="yes")


async def _fill(bus: Bus, folder: RunFolder) -> None:
    began = anyio.current_time()
    await Logger(bus, folder.path, strike=strike).run()
    why = (await bus.meta()).get("stopped")
    if why and not read_tail(folder.log).ended:
        file_stop(folder, why)
        return
    picture = Picture()
    for message in read_log(folder.log):
        picture.apply(message)
    finish(folder, picture, anyio.current_time() - began)


async def _open_folder(bus: Bus, path: Path) -> RunFolder:
    if (path / "manifest.json").exists():
        return RunFolder(path)
    cast = await read_cast(bus)
    parameters = jsonable(cast.parameters)
    folder = make_folder(path, bus.run, cast.scenario.name, cast.population, parameters)
    server = (await bus.meta()).get("server", "")
    folder.save(msgspec.structs.replace(folder.manifest, server=server))
    return folder


@asynccontextmanager
async def _alive(bus: Bus, holder: str) -> AsyncGenerator[None]:
    """Be alive as *holder*."""
    role = role_of("logger", alone=True)

    async def beat() -> None:
        while True:
            await anyio.sleep(TTL / 3)
            await bus.beat(holder, role, TTL)

    try:
        await bus.beat(holder, role, TTL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(beat)
            yield
            tasks.cancel_scope.cancel()
    finally:
        with anyio.move_on_after(2, shield=True):
            await bus.rest(holder)
