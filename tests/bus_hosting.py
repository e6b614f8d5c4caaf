"""What every bus promises to those who host seats."""

import anyio
import anyio.lowlevel
import pytest

from hubbub.bus import Bus, Role

from .bus_talk import HELLO, WORKER, speaker


class HostingContract:
    """A subclass's fixture *bus* is an empty run."""

    async def test_a_claim_is_a_new_incarnation(self, bus: Bus) -> None:
        """Also for the holder that had the seat."""
        await bus.beat("one", WORKER, 600)
        first = await bus.claim("one", ["ann", "bob"])
        again = await bus.claim("one", ["ann"])

        assert {seat: c.inc for seat, c in first.items()} == {"ann": 1, "bob": 1}
        assert again["ann"].inc == 2
        assert await bus.held() == {"ann": "one", "bob": "one"}

    async def test_the_living_keep_their_seats(self, bus: Bus) -> None:
        """A claim takes those that nobody living has, and only those."""
        await bus.beat("one", WORKER, 600)
        await bus.claim("one", ["ann"])

        assert list(await bus.claim("two", ["ann", "bob"])) == ["bob"]
        assert await bus.held() == {"ann": "one", "bob": "two"}

    async def test_a_seat_that_was_given_back_is_free(self, bus: Bus) -> None:
        """Only its holder can give it back."""
        await bus.beat("one", WORKER, 600)
        await bus.claim("one", ["ann"])
        await bus.release("two", ["ann", "nobody"])
        assert await bus.claim("two", ["ann"]) == {}

        await bus.release("one", ["ann"])
        assert await bus.held() == {"ann": ""}
        assert (await bus.claim("two", ["ann"]))["ann"].inc == 2

    @pytest.mark.parametrize("ended", ["rest", "expiry"])
    async def test_the_dead_lose_their_seats(self, bus: Bus, ended: str) -> None:
        """Whether they said so or were not heard of any more."""
        await bus.beat("one", WORKER, 600)
        await bus.claim("one", ["ann"])
        if ended == "rest":
            await bus.rest("one")
        else:
            await bus.beat("one", WORKER, 0.001)
        while await bus.living():
            await anyio.lowlevel.checkpoint()

        assert await bus.held() == {"ann": "one"}
        assert (await bus.claim("two", ["ann"]))["ann"].inc == 2

    async def test_the_living_are_known_by_their_roles(self, bus: Bus) -> None:
        """The latest beat is what holds."""
        conductor = Role(kind="conductor", host="there", pid=2)
        draining = Role(kind="worker", host="here", pid=1, draining=True)
        assert await bus.living() == {}
        await bus.beat("one", WORKER, 600)
        await bus.beat("two", conductor, 600)
        await bus.beat("one", draining, 600)

        assert await bus.living() == {"one": draining, "two": conductor}

    async def test_a_seat_goes_to_one_of_many_claimants(self, bus: Bus) -> None:
        """Claims at the same time never give a seat to two."""
        seats = [f"s{i}" for i in range(2500)]
        got: list[str] = []

        async def claim(holder: str) -> None:
            await bus.beat(holder, WORKER, 600)
            got.extend(await bus.claim(holder, seats))

        async with anyio.create_task_group() as tasks:
            for i in range(5):
                tasks.start_soon(claim, f"host-{i}")
        assert sorted(got) == sorted(seats)

    async def test_facts_are_kept(self, bus: Bus) -> None:
        """Beside those that the bus keeps itself."""
        assert await bus.meta() == {"seq": "0"}
        await (await speaker(bus, "ann")).say("hall", HELLO, seen=0)
        await bus.note(logged="1", scenario="a play")
        await bus.note(logged="2")

        assert await bus.meta() == {"seq": "1", "logged": "2", "scenario": "a play"}
