"""What every bus promises to those who post."""

import unicodedata
from collections import Counter

import anyio
import anyio.lowlevel
import msgspec
import pytest

from hubbub.bus import Bus, Receipt
from hubbub.errors import BadName, BusRefused, Fenced, MessageTooLarge, RunOver
from hubbub.messages import MAX_BODY, Said

from .bus_talk import END, HELLO, NASTY, chatter, draft, speaker, whole, words

#: No name may have these: they end a JSON string, a line, a key, a glob or a name.
HOSTILE = ["", "@", "@@a", "a b", 'a"', "a\n", "a\\", "a:b", "a*", "é", "-a", "a" * 65]


class PostingContract:
    """A subclass's fixture *bus* is an empty run."""

    async def test_places_are_dense(self, bus: Bus) -> None:
        """``seq`` counts the run's messages from 1, ``n`` each room's."""
        ann, bob = await speaker(bus, "ann"), await speaker(bus, "bob")
        for room in ("hall", "yard", "hall", "@ann", "yard", "hall"):
            await ann.say(room, HELLO, seen=0)
            await bob.say(room, HELLO, seen=0)

        log = await whole(bus)
        assert len(log) == 12
        assert Counter(m.room for m in log) == {"hall": 6, "yard": 4, "@ann": 2}

    async def test_a_receipt_says_where_the_message_stands(self, bus: Bus) -> None:
        """Its ``seq``, ``n`` and ``at`` are those of the line."""
        ann = await speaker(bus, "ann")
        receipts = await ann.say_all([("a", HELLO), ("b", HELLO), ("a", HELLO)], seen=7)

        log = await whole(bus)
        assert receipts == [Receipt(m.seq, m.n, m.at) for m in log]
        assert [(m.sender, m.inc, m.no, m.seen) for m in log] == [
            ("ann", 1, no, 7) for no in (1, 2, 3)
        ]

    async def test_an_empty_post_is_nothing(self, bus: Bus) -> None:
        """There is nothing to wait for and nothing to refuse."""
        assert await bus.post([]) == []

    async def test_a_repeated_number_is_the_same_message(self, bus: Bus) -> None:
        """It gets the receipt it had, and nothing more is in the log."""
        await bus.claim("host", ["ann"])
        first = await bus.post([draft("ann", 1)])
        again = await bus.post([draft("ann", 1, Said(text="not hello"))])

        assert again == [msgspec.structs.replace(first[0], dup=True)]
        assert words(await whole(bus)) == ["hello"]

    async def test_a_repeated_batch_is_found_behind_others(self, bus: Bus) -> None:
        """A batch whose reply was lost is sent again, however much came since."""
        await bus.claim("host", ["ann", "bob"])
        batch = [draft("ann", no, room="ab"[no % 2]) for no in range(1, 201)]
        first = await bus.post(batch)
        await bus.post([draft("bob", no) for no in range(1, 101)])

        again = await bus.post([*batch, draft("ann", 201)])
        assert again[:200] == [msgspec.structs.replace(r, dup=True) for r in first]
        assert again[200] == Receipt(301, 101, again[200].at)

    async def test_a_number_may_be_twice_in_one_call(self, bus: Bus) -> None:
        """The second is the first again."""
        await bus.claim("host", ["ann"])
        first, second = await bus.post([draft("ann", 1), draft("ann", 1)])

        assert (first.dup, second) == (False, msgspec.structs.replace(first, dup=True))

    async def test_a_skipped_number_is_refused(self, bus: Bus) -> None:
        """What a sender said before is in the log before."""
        await bus.claim("host", ["ann"])
        with pytest.raises(BusRefused, match="ann skipped a number before 2"):
            await bus.post([draft("ann", 2)])

        assert not (await bus.post([draft("ann", 1)]))[0].dup

    @pytest.mark.parametrize(("no", "inc"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
    async def test_numbers_begin_at_one(self, bus: Bus, no: int, inc: int) -> None:
        """Nothing below is looked for in the log."""
        await bus.claim("host", ["ann"])
        with pytest.raises(BusRefused, match="begin at 1"):
            await bus.post([draft("ann", no, inc=inc)])

    async def test_an_old_incarnation_is_fenced(self, bus: Bus) -> None:
        """Whoever claims a seat silences those who had it, for repeats as well."""
        ann = await speaker(bus, "ann")
        await ann.say("hall", HELLO, seen=0)
        await speaker(bus, "ann")

        for no in (1, 2):
            with pytest.raises(Fenced, match="incarnation 1 has been taken over"):
                await bus.post([draft("ann", no)])
        assert len(await whole(bus)) == 1

    async def test_a_new_incarnation_goes_on_counting(self, bus: Bus) -> None:
        """A claim says which number was the last; the old numbers are dups."""
        await (await speaker(bus, "ann")).say_all([("hall", HELLO)] * 3, seen=0)
        claim = (await bus.claim("host", ["ann"]))["ann"]

        assert (claim.inc, claim.no) == (2, 3)
        third, fourth = await bus.post([draft("ann", no, inc=2) for no in (3, 4)])
        assert (third.seq, third.dup, fourth.seq, fourth.dup) == (3, True, 4, False)

    @pytest.mark.parametrize("inc", [1, 2])
    async def test_a_seat_that_nobody_claimed_is_fenced(
        self, bus: Bus, inc: int
    ) -> None:
        """No incarnation of it can speak."""
        with pytest.raises(Fenced):
            await bus.post([draft("ann", 1, inc=inc)])

    async def test_nothing_comes_after_the_end(self, bus: Bus) -> None:
        """Not in the same call, not later, not from anybody."""
        await bus.claim("host", ["ann", "bob"])
        with pytest.raises(RunOver, match=f"run {bus.run} has ended"):
            await bus.post([draft("ann", 1), draft("ann", 2, END), draft("ann", 3)])
        with pytest.raises(RunOver):
            await bus.post([draft("bob", 1)])

        assert [m.kind for m in await whole(bus)] == ["say", "end"]
        assert (await bus.meta())["ended"] == "2"

    async def test_the_end_may_be_repeated(self, bus: Bus) -> None:
        """As may all that came before it."""
        await bus.claim("host", ["ann"])
        batch = [draft("ann", 1), draft("ann", 2, END)]
        first = await bus.post(batch)

        again = await bus.post(batch)
        assert again == [msgspec.structs.replace(r, dup=True) for r in first]

    async def test_a_refused_draft_stops_no_other(self, bus: Bus) -> None:
        """Each is judged by itself; the first refusal is raised in the end."""
        await bus.claim("host", ["ann", "bob"])
        with pytest.raises(BusRefused, match="bob skipped a number before 5"):
            await bus.post(
                [
                    draft("ann", 1, Said(text="1")),
                    draft("bob", 5),
                    draft("ann", 2, Said(text="2")),
                    draft("ann", 3, inc=4),
                    draft("bob", 1, Said(text="3")),
                    draft("bob", 6),
                    draft("eve", 1),
                ]
            )

        assert words(await whole(bus)) == ["1", "2", "3"]

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_what_is_no_name_is_refused(self, bus: Bus, name: str) -> None:
        """Rooms and senders go into lines and keys: nothing of the call is posted."""
        await bus.claim("host", ["ann", name])
        for bad in (draft("ann", 2, room=name), draft(name, 1)):
            with pytest.raises(BadName):
                await bus.post([draft("ann", 1), bad])

        assert await whole(bus) == []

    async def test_an_inbox_is_no_sender(self, bus: Bus) -> None:
        """``@ann`` is a room, and a room says nothing."""
        await bus.claim("host", ["@ann"])
        with pytest.raises(BadName):
            await bus.post([draft("@ann", 1)])

    async def test_a_body_has_a_limit(self, bus: Bus) -> None:
        """One at the limit is kept; one above is refused with all of its call."""
        fits = Said(text="x" * (MAX_BODY - len('{"text":""}')))
        ann = await speaker(bus, "ann")
        with pytest.raises(MessageTooLarge):
            await ann.say_all([("a", HELLO), ("a", Said(text=fits.text + "x"))], seen=0)
        await ann.say("hall", fits, seen=0)

        assert [m.body for m in await whole(bus)] == [fits]

    async def test_a_voice_survives_what_was_never_posted(self, bus: Bus) -> None:
        """A name, a size or a text that cannot be costs no number."""
        ann = await speaker(bus, "ann")
        with pytest.raises(BadName):
            await ann.say("no room", HELLO, seen=0)
        with pytest.raises(UnicodeEncodeError):
            await ann.say("hall", Said(text="\ud800"), seen=0)

        assert (await ann.say("hall", HELLO, seen=0)).seq == 1

    @pytest.mark.parametrize("text", NASTY)
    async def test_any_text_comes_back_from_an_inert_line(
        self, bus: Bus, text: str
    ) -> None:
        """No stored line has a character that a terminal or a line reader obeys."""
        await (await speaker(bus, "ann")).say("hall", Said(text=text), seen=0)

        [(_, line)] = await bus.lines(0)
        assert words(await bus.read(0)) == [text]
        assert all(
            unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"}
            for c in line.decode()
        )

    async def test_many_may_post_at_once(self, bus: Bus) -> None:
        """Everything is in the log once, and each sender's words in its order."""
        async with anyio.create_task_group() as tasks:
            for i in range(50):
                voice = await speaker(bus, f"s{i}")
                tasks.start_soon(chatter, voice, ["a", "b", "c"], 20)

        log = await whole(bus)
        for i in range(50):
            own = [m for m in log if m.sender == f"s{i}"]
            assert [m.no for m in own] == list(range(1, 21))

    async def test_a_post_is_not_cut_off(self, bus: Bus) -> None:
        """Who is cancelled meanwhile has its receipts first."""
        ann = await speaker(bus, "ann")
        receipts: list[Receipt] = []
        with anyio.CancelScope() as scope:
            scope.cancel()
            receipts += await ann.say_all([("hall", HELLO)] * 300, seen=0)
            await anyio.lowlevel.checkpoint()

        assert scope.cancelled_caught
        assert [r.seq for r in receipts] == list(range(1, 301))
        assert (await ann.say("hall", HELLO, seen=0)).seq == 301
