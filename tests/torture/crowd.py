"""
People who talk and listen at a run's side, as fast as its server lets them.

    python -m tests.torture.crowd RUN

They sit in rooms of their own, so that they change nothing of the game.
"""

import os
import random
from pathlib import Path
from uuid import uuid4

import anyio
import click

from hubbub.bus import Bus, Role, Voice, open_bus
from hubbub.errors import Fenced, RunOver
from hubbub.leases import TTL, role_of
from hubbub.messages import Ended, Said
from hubbub.names import PHASES

from .journals import Heard, Journal, keeping_journal, read_journal
from .place import read_place
from .planted import plant

TALKERS = [f"T{i}" for i in range(1, 9)]
ROOMS = [f"crowd-{i}" for i in range(1, 4)]
#: Seconds between two messages of a talker, and how many characters they have at most.
PAUSE, SIZE = 0.02, 200
#: What every listener hears.
LISTENED = [*ROOMS, PHASES]


class Crowd:
    """The talkers on *bus*."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._holder = f"crowd-{uuid4().hex[:8]}"
        self._role = Role(kind="crowd", host=role_of("").host, pid=os.getpid())

    async def talk(self) -> None:
        """Until the run is over."""
        async with anyio.create_task_group() as beating:
            beating.start_soon(self._beat)
            async with anyio.create_task_group() as talkers:
                for seat in TALKERS:
                    talkers.start_soon(self._sit, seat)
            beating.cancel_scope.cancel()

    async def _beat(self) -> None:
        while True:
            await self._bus.beat(self._holder, self._role, TTL)
            await anyio.sleep(TTL / 3)

    async def _sit(self, seat: str) -> None:
        """Talk whenever *seat* can be had."""
        while True:
            claims = await self._bus.claim(self._holder, [seat])
            try:
                if seat in claims:
                    await self._chatter(Voice(self._bus, seat, claims[seat]))
            except Fenced:
                pass
            except RunOver:
                return
            if "ended" in await self._bus.meta():
                return
            await anyio.sleep(0.1)

    async def _chatter(self, voice: Voice) -> None:
        rng = random.Random(f"{voice.seat} {voice.inc}")
        number = 0
        while True:
            number += 1
            words = f"{voice.seat} {voice.inc} {number} {'.' * rng.randrange(SIZE)}"
            await voice.say(rng.choice(ROOMS), Said(text=words), seen=0)
            await anyio.sleep(PAUSE)


async def listen(bus: Bus, path: Path) -> None:
    """Hear everything in `LISTENED`, going on after what the journal at *path* has."""
    after = 0
    if path.exists():
        for entry in read_journal(path):
            assert isinstance(entry, Heard)
            after = entry.seq
    journal = Journal(path)
    async with bus.subscribe(after) as subscription:
        await subscription.add(LISTENED, after=after)
        while True:
            page = await subscription.next()
            journal.heard(page)
            if any(isinstance(message.body, Ended) for message in page):
                return


@click.command()
@click.argument("run")
@click.option("--url", envvar="REDIS_URL", required=True)
@click.option("--ear", default="ear", help="The listener's name.")
@click.option("--mute", is_flag=True, help="Only listen.")
def main(run: str, url: str, ear: str, mute: bool) -> None:
    """Talk and listen until RUN is over."""
    place = read_place()
    plant(place.plant)

    async def sit() -> None:
        async with open_bus(url, run) as bus, anyio.create_task_group() as tasks:
            tasks.start_soon(listen, bus, place.journals / f"{ear}.heard")
            if not mute:
                tasks.start_soon(Crowd(bus).talk)

    with keeping_journal(place.journals / f"crowd-{os.getpid()}"):
        anyio.run(sit)


if __name__ == "__main__":
    main()
