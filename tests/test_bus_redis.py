"""The bus on Valkey and on Redis keeps the contract, and stores what memory stores."""

from collections.abc import AsyncGenerator
from itertools import count

import pytest
import pytest_asyncio

from hubbub.bus import Bus, MemoryBus, open_bus
from hubbub.messages import Contributed, Joined, Said

from .bus_contract import BusContract
from .bus_talk import NASTY, draft, without_time
from .servers import KINDS, binary_of, running_server

_runs = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def url(request: pytest.FixtureRequest) -> AsyncGenerator[str]:
    """One server of each kind for all tests; each test has a run of its own."""
    async with running_server(binary_of(request.param)) as url:
        yield url


@pytest.fixture
async def bus(url: str) -> AsyncGenerator[Bus]:
    """An empty run."""
    async with open_bus(url, f"run-{next(_runs)}") as bus:
        yield bus


class TestRedisBus(BusContract):
    """The contract, on real servers."""


async def test_all_buses_store_the_same_bytes(bus: Bus) -> None:
    """But for the time, a line does not say which bus kept it."""
    memory = MemoryBus()
    said = [Said(text=text, turn="t", step=3) for text in NASTY]
    drafts = [draft("ann", no, body) for no, body in enumerate(said, start=1)]
    given = Contributed(ask="1", step=1, outcome="answered", raw="é\x00")
    drafts.append(draft("bob", 1, given, room="@conductor"))
    drafts.append(draft("bob", 2, Joined(seats=("ann", "bob")), room="a"))
    for each in (bus, memory):
        await each.claim("host", ["ann", "bob"])
        await each.post(drafts)

    ours, theirs = await bus.lines(0), await memory.lines(0)
    assert [(seq, without_time(line)) for seq, line in ours] == [
        (seq, without_time(line)) for seq, line in theirs
    ]
