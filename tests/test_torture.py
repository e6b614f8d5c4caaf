"""Whole runs under every fault: what is promised holds, and what is not is noticed."""

from collections.abc import Generator

import anyio
import pytest

from hubbub.bus import open_bus
from hubbub.messages import Said

from .bus_talk import speaker
from .servers import KINDS, binary_of, connect, open_test_server
from .torture.disks import HELD, LONG
from .torture.faults import GROUPS
from .torture.planted import PLANTS
from .torture.trial import Bench, draw, open_bench


@pytest.fixture(scope="module")
def bench() -> Generator[Bench]:
    """Where runs are tortured."""
    with open_bench() as bench:
        yield bench


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
def test_promises_hold(bench: Bench, group: str) -> None:
    """Nothing is lost, twice, from nobody or paid again, whatever is done to a run."""
    drawn = draw(group, seed=1)

    tally = anyio.run(bench.trial, group, drawn, 1)

    assert tally.good, (tally.line(), tally.told)
    assert tally.injected == len(drawn)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_caught(bench: Bench, name: str) -> None:
    """A suite that finds nothing is worth what it finds when there is something."""
    tally = anyio.run(bench.control, name, 1)

    assert not PLANTS[name].shows.isdisjoint(tally.violations), tally.line()


@pytest.mark.parametrize("kind", KINDS)
async def test_who_does_not_read_is_cut_off(kind: str) -> None:
    """However long the messages are that wait for it."""
    async with (
        open_test_server(binary_of(kind)) as server,
        open_bus(server.url, "deaf") as bus,
        connect(server.url) as client,
        connect(server.url) as deaf,
    ):
        hearing = deaf.pubsub()
        await hearing.subscribe("hub:{deaf.0}:room:hall")
        voice = await speaker(bus, "loud")
        for _ in range(HELD // len(LONG)):
            await voice.say("hall", Said(text=LONG), seen=0)

        assert await client.client_list(_type="pubsub") == []
