"""What every bus promises to those who pay from its purse."""

import anyio

from hubbub.bus import Bus

LIMITS = {"money": 100, "tokens": 10}


class PayingContract:
    """A subclass's fixture *bus* is an empty run."""

    async def test_what_is_reserved_counts_as_spent(self, bus: Bus) -> None:
        """From the moment on that it is."""
        assert await bus.spent() == {}
        assert await bus.reserve("a", {"money": 60, "tokens": 4}, LIMITS) == ""
        assert await bus.reserve("b", {"money": 40}, LIMITS) == ""

        assert await bus.spent() == {"money": 100, "tokens": 4}

    async def test_a_limit_is_not_passed(self, bus: Bus) -> None:
        """What would is named, and nothing of it counts."""
        await bus.reserve("a", {"money": 60, "tokens": 4}, LIMITS)

        assert await bus.reserve("b", {"tokens": 6, "money": 41}, LIMITS) == "money"
        assert await bus.reserve("c", {"money": 1, "tokens": 7}, LIMITS) == "tokens"
        assert await bus.spent() == {"money": 60, "tokens": 4}

    async def test_what_it_came_to_takes_its_place(self, bus: Bus) -> None:
        """Less, more than a limit, or nothing at all."""
        for id, came_to in (("a", 5), ("b", 120), ("c", 0)):
            await bus.reserve(id, {"money": 60}, {"money": 1000})
            await bus.settle(id, {"money": came_to} if came_to else {})

        assert await bus.spent() == {"money": 125}
        assert await bus.reserve("d", {"money": 1}, LIMITS) == "money"

    async def test_a_deed_done_twice_is_done_once(self, bus: Bus) -> None:
        """Who got no answer does it again."""
        for _ in range(2):
            assert await bus.reserve("a", {"money": 60}, LIMITS) == ""
        for _ in range(2):
            await bus.settle("a", {"money": 7})

        assert await bus.spent() == {"money": 7}

    async def test_what_was_not_reserved_is_not_settled(self, bus: Bus) -> None:
        """It was refused, or never asked for."""
        await bus.settle("a", {"money": 7})

        assert await bus.spent() == {}

    async def test_what_is_reserved_is_known_until_it_is_settled(
        self, bus: Bus
    ) -> None:
        """It may yet come to less."""
        assert await bus.reserved() == {}
        await bus.reserve("a", {"money": 60, "tokens": 4}, LIMITS)
        await bus.reserve("b", {"money": 10}, LIMITS)
        await bus.settle("a", {"money": 1, "tokens": 1})

        assert await bus.reserved() == {"money": 10}

    async def test_large_amounts_are_exact(self, bus: Bus) -> None:
        """A million dollars, to the nano-dollar."""
        limits = {"money": 10**15}
        await bus.reserve("a", {"money": 10**15 - 1}, limits)

        assert await bus.reserve("b", {"money": 2}, limits) == "money"
        assert await bus.reserve("b", {"money": 1}, limits) == ""
        await bus.settle("a", {"money": 10**15 - 2})
        assert await bus.spent() == {"money": 10**15 - 1}

    async def test_what_is_known_to_be_spent_counts(self, bus: Bus) -> None:
        """It raises what counts, and never lowers it."""
        await bus.reserve("a", {"money": 60}, LIMITS)
        await bus.count({"money": 70, "tokens": 0})
        await bus.count({"money": 20, "tokens": 3})

        assert await bus.spent() == {"money": 70, "tokens": 3}

    async def test_many_who_pay_at_once_do_not_pass_a_limit(self, bus: Bus) -> None:
        """Of a hundred that want a third each, three get it."""
        granted: list[str] = []

        async def pay(id: str) -> None:
            if not await bus.reserve(id, {"money": 33}, LIMITS):
                granted.append(id)

        async with anyio.create_task_group() as tasks:
            for i in range(100):
                tasks.start_soon(pay, f"p{i}")

        assert len(granted) == 3
        assert await bus.spent() == {"money": 99}
