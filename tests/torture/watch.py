"""Who watches a tortured run: sees all of it live, and how long it takes to go on."""

import time
from asyncio.subprocess import Process
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio

from hubbub.bus import Bus, open_bus
from hubbub.errors import BusRefused, HubbubError
from hubbub.folder import RunFolder
from hubbub.messages import Ended, Message
from hubbub.names import CONDUCTOR

from .crowd import TALKERS
from .place import Place
from .tally import Tally

#: Seconds without what must come after which a run stands still.
STUCK = 40.0
#: Seconds for which a deed waits for a server: at the run's end it goes for good.
PATIENCE = 10.0
#: Seconds between two looks.
LOOK = 0.005

Found = Callable[[Message], bool]


class StandsStill(Exception):
    """What must come has not come."""


class Watch:
    """
    Follows the run at *place* from its server's log, past all proxies.

    What is found goes to *tally*.
    """

    #: The process of ``hubbub run``.
    launcher: Process

    def __init__(self, place: Place, tally: Tally) -> None:
        self.place = place
        self.tally = tally
        #: What the log has had, as it came.
        self.seen: list[Message] = []
        self.over = anyio.Event()
        self._begun = anyio.Event()
        #: Messages that were not the crowd's.
        self._moves = 0
        # What is planted may well bring a run to a stand.
        self._patience = STUCK / 5 if place.plant else STUCK
        self._incs: dict[str, int] = {}
        self._watches: list[tuple[Found, anyio.Event]] = []
        self._bus: Bus | None = None

    async def finish(self) -> None:
        """Wait for the run's end, and see that it was a good one."""
        if not self.tally.good:
            return
        code = await self._ended()
        words = (self.place.base / "words").read_text(errors="replace")[-300:]
        self.tally.expect(code == 0, "ended", f"with code {code}: {words}")
        if code == 0:
            with anyio.move_on_after(self._patience):
                await self.over.wait()

    async def _ended(self) -> int:
        """Not while it moves is it given up."""
        while True:
            known = self._moves
            with anyio.move_on_after(self._patience):
                return await self.launcher.wait()
            if self._moves == known:
                raise StandsStill("the run does not end")

    @property
    def complete(self) -> bool:
        """Whether the run says so itself."""
        made = (self.place.folder / "manifest.json").exists()
        return made and RunFolder(self.place.folder).manifest.state == "complete"

    async def bus(self) -> Bus:
        """The run's bus for deeds, past all proxies, once it is there."""
        while self._bus is None:
            await anyio.sleep(LOOK)
        return self._bus

    async def follow(self) -> None:
        made = self.place.folder / "manifest.json"
        while not (made.exists() and self.place.server.exists()):
            await anyio.sleep(LOOK)
        run = RunFolder(self.place.folder).run
        while not self.over.is_set():
            try:
                url = self.place.url("launcher")
                async with (
                    open_bus(url, run) as bus,
                    open_bus(url, run, patience=PATIENCE) as self._bus,
                ):
                    await self._read(bus)
            except BusRefused:
                # A power cut may take the passwords; then there are new ones.
                await anyio.sleep(LOOK)
            except HubbubError as error:
                # A server that has forgotten what it said, or is gone for good.
                self.tally.wrong("reader", str(error))
                self.over.set()

    async def _read(self, bus: Bus) -> None:
        while not self.over.is_set():
            for message in await bus.read(len(self.seen), wait=1.0):
                self._see(message)

    async def check_seen(self) -> None:
        """What was seen is still there: see that nothing has been taken back."""
        bus, place = await self.bus(), 0
        known = [(m.seq, m.sender, m.inc, m.no) for m in self.seen]
        try:
            while place < len(known) and (page := await bus.read(place)):
                new = [(m.seq, m.sender, m.inc, m.no) for m in page]
                if new[: len(known) - place] != known[place : place + len(new)]:
                    break
                place += len(new)
        except HubbubError:
            # Where there is no server, nothing can be said of what it has.
            return
        self.tally.expect(place >= len(known), "taken back", f"after seq {place}")

    def _see(self, message: Message) -> None:
        self.seen.append(message)
        for found, event in self._watches:
            if not event.is_set() and found(message):
                event.set()
        self._incs[message.sender] = message.inc
        if message.sender not in TALKERS:
            self._moves += 1
        if self._is_game(message):
            self._begun.set()
        if isinstance(message.body, Ended):
            self.over.set()

    async def moving(self) -> None:
        """Wait until the game has begun."""
        await self.until(self._begun.is_set)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something *holds*, or the run is over."""
        with anyio.move_on_after(self._patience):
            while not (holds() or self.over.is_set()):
                if self.launcher.returncode is not None:
                    return
                await anyio.sleep(LOOK)
            return
        raise StandsStill("what was waited for has not come")

    @contextmanager
    def _watching(self, found: Found) -> Generator[anyio.Event]:
        event = anyio.Event()
        self._watches.append((found, event))
        try:
            yield event
        finally:
            self._watches.remove((found, event))

    async def recover(self, found: Found, *, skew: int = 0) -> bool:
        """
        Note how long it takes from now to the next message that is *found*.

        False if the run is over before that.  Only what was posted from now on counts;
        *skew* is how wrong the clock of the server is, in seconds.
        """
        since, began = (time.time() + skew) * 1000, time.monotonic()
        with self._watching(lambda m: m.at >= since - 1 and found(m)) as event:
            await self.until(event.is_set)
        if event.is_set():
            self.tally.recoveries.append(time.monotonic() - began)
        return event.is_set()

    async def recover_log(self) -> None:
        """As `recover`, to the next line of the log's file."""
        path, began = self.place.folder / "log.jsonl", time.monotonic()
        size = path.stat().st_size if path.exists() else 0
        await self.until(lambda: path.exists() and path.stat().st_size > size)
        if path.exists() and path.stat().st_size > size:
            self.tally.recoveries.append(time.monotonic() - began)

    def heir_of(self, seats: set[str]) -> Found:
        """What says that one of *seats* has been taken over."""
        incs = {seat: self._incs.get(seat, 0) for seat in seats}

        def found(message: Message) -> bool:
            known = incs.get(message.sender)
            return known is not None and message.inc > known

        return found if seats else self._is_game

    def _is_game(self, message: Message) -> bool:
        return message.sender not in (*TALKERS, CONDUCTOR)

    def voice_of(self, who: str) -> Found:
        """What says that *who* speaks."""
        if who == "crowd":
            return lambda message: message.sender in TALKERS
        if who == "conductor":
            return lambda message: message.sender == CONDUCTOR
        return self._is_game if who == "worker" else bool
