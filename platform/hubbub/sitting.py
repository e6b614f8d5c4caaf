"""
A sitting of a run on the virtual clock: models, people and signals here, all roles in a
thread whose time leaps.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, closing, suppress
from typing import NamedTuple

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec
import structlog
from anyio.from_thread import BlockingPortal

from hubbub.chronicle import Chronicle, sittings
from hubbub.clock import completed
from hubbub.console.live import LiveView
from hubbub.endings import Endings
from hubbub.errors import RunFailed, UsageError
from hubbub.folder import RunFolder
from hubbub.leaping import LeapingLoop, landed
from hubbub.log import read_log
from hubbub.models.base import Call
from hubbub.models.catalogue import open_models, opening
from hubbub.models.shelf import Shelf
from hubbub.population import Cast
from hubbub.terms import Terms
from hubbub.virtual import (
    PATIENCE,
    Pending,
    VirtualBus,
    VirtualClock,
    run_virtually,
)

log = structlog.get_logger()

#: What the manifest names as the server of such a run.
SERVER = "virtual clock"


def check_alone(cast: Cast, url: str, workers: int) -> None:
    """Raise `UsageError` where *cast*'s run needs one process and is to have more."""
    if cast.population.clock == "wall":
        return
    if url or workers:
        other = "--workers" if workers else "--redis (or REDIS_URL)"
        raise UsageError(
            "on the virtual clock a run is played in one process, without a server: "
            f"leave {other} out, or play it with --clock wall"
        )
    for seat in filter(cast.is_remote, cast.names):
        raise UsageError(
            f"on the virtual clock nobody comes from outside, and {seat} would: fill it "
            "with a mind, or play the run with --clock wall"
        )


def check_budget(folder: RunFolder, terms: Terms) -> None:
    """Raise `UsageError` where *folder*'s run cannot go on on *terms*."""
    if folder.log.exists():
        sittings(read_log(folder.log), terms)


async def sit(
    folder: RunFolder,
    cast: Cast,
    view: LiveView,
    terms: Terms,
    environment: Mapping[str, str],
) -> None:
    """
    Play *folder*'s run to its end, or on from where its files end, and show it in *view*.

    Models' replies are waited for when they are due, and for `PATIENCE` seconds at most;
    until then the others go on.  Cancelled, it leaves a run that can be gone on with.
    Raises what ends a run early, `ReplayDiffers` where the run is not what is on record.
    """
    folder.save(msgspec.structs.replace(folder.manifest, server=SERVER))
    with closing(await anyio.to_thread.run_sync(Chronicle, folder, view)) as chronicle:
        if chronicle.last:
            log.info("playing again what is on record", messages=chronicle.last)
        bus = VirtualBus(
            folder.run, chronicle.said(cast), keep=chronicle.take, paid=folder.shared
        )
        endings = Endings(folder.path)
        async with _models(folder, terms, environment) as models:
            line = _Line(models, endings, chronicle, bus)
            clock = VirtualClock(cast, line.begin)
            await _leap(cast, bus, clock, chronicle, chronicle.sittings(terms))
        endings.forget()


async def _leap(
    cast: Cast,
    bus: VirtualBus,
    clock: VirtualClock,
    chronicle: Chronicle,
    terms: Sequence[Terms],
) -> None:
    """Play in a thread whose time leaps, until the end or until we are cancelled."""
    with closing(LeapingLoop()) as loop:

        def leap() -> None:
            try:
                run_virtually(cast, bus, clock, *terms, loop=lambda: loop)
            finally:
                chronicle.flush()

        async with _halting(bus, loop):
            await anyio.to_thread.run_sync(leap)
    # Whoever was halted is not at the run's end.
    await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def _halting(bus: VirtualBus, loop: LeapingLoop) -> AsyncGenerator[None]:
    """Halt *bus*, which is played on *loop* in another thread, if we are cancelled."""

    async def halt() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            # At the end the loop is closed, and there is nothing to halt.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(bus.halt)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(halt)
        yield
        tasks.cancel_scope.cancel()


# -- models, which know nothing of the virtual clock


class _Models(NamedTuple):
    """The models of a run, and the way into the loop where they are open."""

    shelf: Shelf
    portal: BlockingPortal


@asynccontextmanager
async def _models(
    folder: RunFolder, terms: Terms, environment: Mapping[str, str]
) -> AsyncGenerator[_Models]:
    names, replicate = folder.models(), terms.replicate
    more = opening(environment, terms.cache, replicate=replicate)
    async with (
        open_models(names, environment, terms.cache, replicate=replicate) as models,
        anyio.create_task_group() as tasks,
        BlockingPortal() as portal,
    ):
        shelf = Shelf(models, more)
        tasks.start_soon(shelf.run)
        yield _Models(shelf, portal)
        tasks.cancel_scope.cancel()


class _Line:
    """The way to *models*, from the thread whose time leaps."""

    def __init__(
        self, models: _Models, endings: Endings, chronicle: Chronicle, bus: VirtualBus
    ) -> None:
        self._models = models
        self._endings = endings
        self._chronicle = chronicle
        self._bus = bus

    def begin(self, call: Call) -> Pending:
        """Begin *call*; one that has ended before is not made."""
        if (known := self._endings.find(call)) is not None:
            return _Known(known)
        made = self._models.portal.start_task_soon(self._make, call)
        return _Made(made, self._chronicle, self._bus)

    async def _make(self, call: Call) -> Call:
        call = await completed(self._models.shelf, call, PATIENCE)
        await self._endings.keep(call)
        return call


class _Known(Pending):
    """A call that is on record."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def come(self) -> Call:
        return self._call

    def drop(self) -> None:
        return


class _Made(Pending):
    """A call that is made now."""

    def __init__(
        self, future: "Future[Call]", chronicle: Chronicle, bus: VirtualBus
    ) -> None:
        self._future = future
        self._chronicle = chronicle
        self._bus = bus

    async def come(self) -> Call:
        try:
            if not self._future.done():
                # Whoever looks into the files meanwhile finds everything there.
                self._chronicle.flush()
            return await landed(self._future)
        except CancelledError:
            self._bus.halt()
        except RunFailed as error:
            self._bus.halt(error)
        # What would come next must not be said: this call's reply comes before it.
        await anyio.sleep_forever()
        raise AssertionError

    def drop(self) -> None:
        self._future.cancel()
