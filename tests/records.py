"""Run folders and logs as a logger leaves them, and ways to damage them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hubbub.bus import MemoryBus
from hubbub.console.picture import Picture
from hubbub.folder import RunFolder, make_folder
from hubbub.launch import finish
from hubbub.log import GENESIS, chain, read_log, with_hash, without_hash
from hubbub.logger import Logger
from hubbub.messages import (
    Asked,
    Called,
    Contributed,
    Ended,
    Joined,
    Message,
    PhaseClosed,
    PhaseOpened,
    Said,
    Started,
)
from hubbub.models.base import Call, Request
from hubbub.names import CONDUCTOR, LEDGER, inbox
from hubbub.population import Group, Population

from .playing import Scribe, bus_with

POPULATION = Population(
    scenario="cocktail-party", seats=(Group(count=2, mind="uniform"),)
)


def call(ask: str, seat: str) -> Called:
    """A model call that failed, with its whole record."""
    request = Request(model="scripted/echo", prompts=())
    record = Call(call=f"{ask}/1", seat=seat, request=request, error="network")
    return Called(call=f"{ask}/1", record=msgspec.Raw(msgspec.json.encode(record)))


def tale(steps: int = 3) -> list[Message]:
    """A run with all that a log can hold: two seats are asked, call models and talk."""
    seats, scribe = ("L1", "L2"), Scribe()
    scribe.write(Started(scenario="cocktail-party", seed=0, seats=seats))
    scribe.write(Joined(seats=seats), room="hall")
    question = msgspec.Raw(b'{"type":"guess"}')
    for step in range(1, steps + 1):
        scribe.write(PhaseOpened(step=step, form="collect", what="Guess", seats=seats))
        for seat in seats:
            ask = f"{step}/{seat}"
            asked = Asked(ask=ask, step=step, question=question, reply="@x", budget=1.0)
            scribe.write(asked, room=inbox(seat))
            scribe.write(call(ask, seat), seat, LEDGER)
            given = Contributed(ask=ask, step=step, outcome="model_error")
            scribe.write(given, seat, inbox(CONDUCTOR))
            said = Said(text=f'{seat} says "\u2028é"', turn=f"{step}/{seat}/1")
            scribe.write(said, seat, "hall")
        scribe.write(PhaseClosed(step=step, why="all"))
    scribe.write(Ended(steps=steps))
    return scribe.messages


async def told(steps: int = 3) -> MemoryBus:
    """A bus with a whole tale."""
    return await bus_with(tale(steps))


async def kept(path: Path, bus: MemoryBus | None = None) -> RunFolder:
    """The folder, in *path*, of *bus*'s complete run."""
    bus = bus or await told()
    folder = make_folder(path, bus.run, "cocktail-party", POPULATION, {})
    await Logger(bus, path).run()
    picture = Picture()
    for message in read_log(folder.log):
        picture.apply(message)
    finish(folder, picture, 1.0)
    return folder


def edit(path: Path, deed: Callable[[list[bytes]], Sequence[bytes]]) -> None:
    """Rewrite the file at *path* by lines."""
    path.write_bytes(b"".join(deed(path.read_bytes().splitlines(keepends=True))))


def forge(path: Path, line: int, **changes: Any) -> None:
    """Change fields of *line*, from 1, and chain the log anew, as a liar would."""
    digest = GENESIS
    forged: list[bytes] = []
    for number, stored in enumerate(path.read_bytes().splitlines(), 1):
        bare, _ = without_hash(stored)
        if number == line:
            bare = json.dumps(json.loads(bare) | changes).encode()
        digest = chain(digest, bare)
        forged.append(with_hash(bare, digest))
    path.write_bytes(b"".join(forged))
