"""What every bus promises to those who read and hear."""

from random import Random

import anyio
import anyio.lowlevel

from hubbub.bus import Bus, Voice
from hubbub.messages import Body, Contributed, Joined, Left, Message, Said

from .bus_talk import HELLO, Wanderer, chatter, hear, places, speaker, whole, words

#: After how many turns of the loop a call is cut off.
CUTS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55)


class HearingContract:
    """A subclass's fixture *bus* is an empty run."""

    # -- reading

    async def test_lines_are_read_in_pages(self, bus: Bus) -> None:
        """At most *limit* of them, after any place, and none after the last."""
        await (await speaker(bus, "ann")).say_all([("hall", HELLO)] * 7, seen=0)

        assert [seq for seq, _ in await bus.lines(0)] == [1, 2, 3, 4, 5, 6, 7]
        assert [seq for seq, _ in await bus.lines(2, limit=3)] == [3, 4, 5]
        assert [seq for seq, _ in await bus.lines(5, limit=9, wait=60)] == [6, 7]
        assert await bus.lines(7) == []
        assert await bus.lines(99) == []

    async def test_a_reader_waits_for_the_first_line(self, bus: Bus) -> None:
        """It has it as soon as it is there, and nothing when its time is up."""
        ann = await speaker(bus, "ann")
        assert await bus.read(0, wait=0.01) == []
        found: list[Message] = []

        async def read() -> None:
            found.extend(await bus.read(1, wait=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await ann.say_all([("hall", HELLO)] * 2, seen=0)
        assert places(found) == [2]

    # -- hearing

    async def test_a_subscription_hears_its_rooms(self, bus: Bus) -> None:
        """All of them and no other, in the order of the run, from the log and live."""
        ann = await speaker(bus, "ann")
        for _ in range(2):
            start = int((await bus.meta())["seq"])
            async with bus.subscribe(start) as subscription:
                await subscription.add(["a", "b"], after=start)
                await ann.say_all([(room, HELLO) for room in "acbcab"], seen=0)
                first = await hear(subscription, 4)
                await ann.say_all([(room, HELLO) for room in "cacb"], seen=0)
                heard = first + await hear(subscription, 2)

            assert [m.room for m in heard] == list("ababab")
            assert places(heard) == [start + at for at in (1, 3, 5, 6, 8, 10)]

    async def test_joins_and_leaves_are_heard_from_everywhere(self, bus: Bus) -> None:
        """They say which rooms there are to add."""
        ann = await speaker(bus, "ann")
        body: list[Body] = [Joined(seats=("bob",)), HELLO, Left(seats=("bob",))]
        async with bus.subscribe(0) as subscription:
            await ann.say_all([("a", b) for b in body], seen=0)
            first = await hear(subscription, 2)
            await ann.say_all([("b", b) for b in body], seen=0)
            heard = first + await hear(subscription, 2)

        assert [m.kind for m in heard] == ["join", "leave"] * 2
        assert places(heard) == [1, 3, 4, 6]

    async def test_a_seat_hears_its_own_contributions(self, bus: Bus) -> None:
        """They go to a room it is not in; nobody else's are heard."""
        ann, bob = await speaker(bus, "ann"), await speaker(bus, "bob")
        given = Contributed(ask="1", step=1, outcome="passed")
        async with bus.subscribe(0) as subscription:
            await subscription.add(["@ann"], after=0)
            for _ in range(2):
                await bob.say("@conductor", given, seen=0)
                await bob.say("@ann", HELLO, seen=0)
                await ann.say("@conductor", HELLO, seen=0)
                await ann.say("@conductor", given, seen=0)
                heard = await hear(subscription, 2)
                assert [(m.sender, m.kind) for m in heard] == [
                    ("bob", "say"),
                    ("ann", "contribution"),
                ]

    async def test_a_subscription_begins_after_its_start(self, bus: Bus) -> None:
        """What is before is not heard, unless a room is added from there on."""
        ann = await speaker(bus, "ann")
        await ann.say_all([("a", HELLO)] * 3 + [("b", HELLO)] * 3, seen=0)
        async with bus.subscribe(4) as subscription:
            await subscription.add(["a", "b"], after=4)
            assert places(await hear(subscription, 2)) == [5, 6]
            assert subscription.cursor == 6

    async def test_adding_a_room_goes_back(self, bus: Bus) -> None:
        """Everything is heard again from there on, so that the order is the run's."""
        ann = await speaker(bus, "ann")
        async with bus.subscribe(0) as subscription:
            await subscription.add(["a"], after=0)
            await ann.say_all([(room, HELLO) for room in "ababab"], seen=0)
            await hear(subscription, 3)
            await subscription.add(["b"], after=2)
            assert places(await hear(subscription, 4)) == [3, 4, 5, 6]

            await subscription.add([], after=4)
            await ann.say("b", HELLO, seen=0)
            assert places(await hear(subscription, 3)) == [5, 6, 7]

    async def test_adding_never_goes_forward(self, bus: Bus) -> None:
        """What has not been heard yet is not passed over."""
        ann = await speaker(bus, "ann")
        await ann.say_all([("a", HELLO)] * 3, seen=0)
        async with bus.subscribe(0) as subscription:
            await subscription.add(["a"], after=2)
            assert places(await hear(subscription, 3)) == [1, 2, 3]

    async def test_a_discarded_room_is_heard_no_more(self, bus: Bus) -> None:
        """Until it is added again; discarding what was not added is nothing."""
        ann = await speaker(bus, "ann")
        async with bus.subscribe(0) as subscription:
            await subscription.add(["a", "b"], after=0)
            await ann.say_all([("a", HELLO), ("b", HELLO)], seen=0)
            await hear(subscription, 2)
            await ann.say("a", HELLO, seen=0)
            await subscription.discard(["a", "c"])
            await ann.say_all([("a", HELLO), ("b", HELLO)], seen=0)
            assert places(await hear(subscription, 1)) == [5]

            await subscription.add(["a"], after=5)
            await ann.say("a", HELLO, seen=0)
            assert places(await hear(subscription, 1)) == [6]

    async def test_another_room_is_not_overheard(self, bus: Bus) -> None:
        """Not when reading on, not live, not by going back, not by a prefix of it."""
        ann = await speaker(bus, "ann")
        async with bus.subscribe(0) as subscription:
            await subscription.add(["hall"], after=0)
            for turn in range(3):
                for room in ("hall2", "hal", "@hall", "@ann", "HALL"):
                    await ann.say(room, Said(text="secret"), seen=0)
                await ann.say("hall", Said(text=str(turn)), seen=0)
                assert words(await hear(subscription, 1)) == [str(turn)]
            await subscription.add(["yard"], after=0)
            assert words(await hear(subscription, 3)) == ["0", "1", "2"]

    async def test_rooms_come_and_go_while_many_speak(self, bus: Bus) -> None:
        """From where a room is added nothing of it is missing, and order is kept."""
        rooms = [f"r{i}" for i in range(8)]
        async with bus.subscribe(0) as subscription:
            wanderer = Wanderer(subscription, rooms)
            async with anyio.create_task_group() as tasks:
                for i in range(8):
                    tasks.start_soon(chatter, await speaker(bus, f"s{i}"), rooms, 100)
                await wanderer.wander(800)
            assert wanderer.heard == wanderer.due(await whole(bus))

    async def test_a_cancelled_next_loses_nothing(self, bus: Bus) -> None:
        """Wherever it is cut off, the next one goes on from there."""
        chance, cuts = Random(7), 0
        heard: list[Message] = []

        async def speak(voice: Voice) -> None:
            # Some so long that a call is cut off in the middle of one.
            while cuts < 300:
                size = 300_000 if chance.random() < 0.05 else 1
                await voice.say("ab"[cuts % 2], Said(text="x" * size), seen=0)

        async def cut(after: int, scope: anyio.CancelScope) -> None:
            for _ in range(after):
                await anyio.lowlevel.checkpoint()
            scope.cancel()

        async with bus.subscribe(0) as subscription:
            await subscription.add(["a", "b"], after=0)
            async with anyio.create_task_group() as tasks:
                for i in range(4):
                    tasks.start_soon(speak, await speaker(bus, f"s{i}"))
                while cuts < 300:
                    with anyio.CancelScope() as scope:
                        tasks.start_soon(cut, chance.choice(CUTS), scope)
                        heard += await subscription.next()
                    cuts += scope.cancelled_caught
            last = int((await bus.meta())["seq"])
            heard += await hear(subscription, last - len(heard))
        assert places(heard) == list(range(1, last + 1))
