"""The stage: what each phase asks, who hears what, and when it is over."""

import random
from collections import Counter
from itertools import combinations, pairwise

import anyio
import pytest

from hubbub.errors import (
    BadName,
    HubbubError,
    ModelError,
    ScenarioFailed,
    UnknownName,
    first_error,
)
from hubbub.messages import (
    Asked,
    Contributed,
    Joined,
    Left,
    Message,
    Passed,
    PhaseClosed,
    Resulted,
    RoundBegan,
    Said,
    Ticked,
)
from hubbub.mind import Ask, Question, Unparsed
from hubbub.questions import Speech
from hubbub.scenario import Play, Scenario, scenario
from hubbub.stage import Stage

from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Troupe,
    always,
    asked,
    chatter,
    conversations,
    decline,
    play,
    ponder,
    remember,
    seats,
    views,
)


def game(play: Play) -> Scenario:
    """A scenario that asks for guesses."""
    return scenario(asks=[Guess])(play)


def closed(messages: list[Message], step: int = 1) -> tuple[int, PhaseClosed]:
    """Where *step* closed, and how."""
    return next(
        (m.seq, m.body)
        for m in messages
        if isinstance(m.body, PhaseClosed) and m.body.step == step
    )


def endings(messages: list[Message]) -> dict[str, tuple[int, str]]:
    """Where each seat's last ask ended, and how."""
    return {
        m.sender: (m.seq, m.body.outcome)
        for m in messages
        if isinstance(m.body, Contributed)
    }


async def fails(troupe: Troupe) -> HubbubError:
    """Play what must fail; with what it did."""
    with pytest.raises(ExceptionGroup) as raised:
        await play(troupe)
    error = first_error(raised.value)
    assert isinstance(error, HubbubError)
    return error


def heard_all(troupe: Troupe, messages: list[Message]) -> None:
    """Every mind has observed what membership gives it, in order, each once."""
    for seat, view in views(messages).items():
        if seat in troupe.names:
            events = troupe.player(seat).events
            assert events == view[: len(events)]
            last = max(m.seq for m in messages if isinstance(m.body, Asked))
            assert events[-1].seq >= min(last, view[-1].seq)


# -- collect


@in_no_time
async def test_answers_come_back_by_seat() -> None:
    """A collect gives the typed answers of those who answered."""

    @game
    async def guess(stage: Stage) -> None:
        found = await stage.collect(Guess())

        assert dict(found) == {"L1": Number(1), "L2": Number(2)}
        assert found.outcomes == {"L1": "answered", "L2": "answered", "L3": "passed"}

    acts = {"L1": always(Number(1)), "L2": always(Number(2)), "L3": decline}
    await play(Troupe(guess, acts))


@in_no_time
async def test_a_collect_is_sealed() -> None:
    """Nobody hears another's contribution, not even after the close."""

    @game
    async def guess(stage: Stage) -> None:
        await stage.collect(Guess())
        await stage.collect(Guess())

    troupe = Troupe(guess, seats(3))
    await play(troupe)

    for seat in troupe.names:
        events = troupe.player(seat).events
        assert {m.sender for m in events if m.kind == "contribution"} == {seat}


async def explode(player: Player, ask: Ask) -> object:
    raise RuntimeError("boom")


async def unserved(player: Player, ask: Ask) -> object:
    raise ModelError("server", "down")


async def filtered(player: Player, ask: Ask) -> object:
    raise ModelError("refused", "no")


@in_no_time
async def test_every_ask_has_its_outcome() -> None:
    """Whatever a mind does has a name, and never becomes an answer."""
    acts = {
        "answered": always(Number(1)),
        "passed": decline,
        "late": ponder,
        "unparsable": always(Unparsed("not JSON")),
        "crashed": explode,
        "model-error": unserved,
        "refused": filtered,
    }

    @game
    async def guess(stage: Stage) -> None:
        found = await stage.collect(Guess(), budget=5)

        assert found.outcomes == {seat: seat.replace("-", "_") for seat in acts}
        assert list(found) == ["answered"]

    await play(Troupe(guess, acts))


@in_no_time
async def test_a_quorum_closes_early() -> None:
    """With enough contributions the phase closes; the rest is late, after the close."""

    @game
    async def guess(stage: Stage) -> None:
        found = await stage.collect(Guess(), budget=1000, quorum=0.5)

        assert set(found) == {"L1", "L2"}
        assert found.outcomes["L3"] == "absent"

    acts = seats(2) | {"L3": ponder, "L4": ponder}
    messages = await play(Troupe(guess, acts))

    seq, close = closed(messages)
    assert close.why == "quorum"
    for seat in ("L3", "L4"):
        assert endings(messages)[seat] > (seq, "late")
        assert endings(messages)[seat][1] == "late"


@in_no_time
async def test_a_quorum_is_no_more_than_its_share() -> None:
    """0.28 of 25 seats are 7, whatever a product of floats says."""

    @game
    async def guess(stage: Stage) -> None:
        assert len(await stage.collect(Guess(), quorum=0.28)) == 7

    acts = {f"L{i}": remember if i <= 7 else ponder for i in range(1, 26)}
    messages = await play(Troupe(guess, acts))

    assert [end for _, end in endings(messages).values()].count("late") == 18


@in_no_time
async def test_a_budget_makes_a_seat_late() -> None:
    """A seat that takes longer than its budget is late; the others have answered."""

    @game
    async def guess(stage: Stage) -> None:
        before = anyio.current_time()
        found = await stage.collect(Guess(), budget=7)

        assert anyio.current_time() - before == pytest.approx(7, abs=0.1)
        assert found.outcomes == {"L1": "answered", "slow": "late"}

    messages = await play(Troupe(guess, {"L1": remember, "slow": ponder}))
    assert closed(messages)[1].why == "all"


@in_no_time
async def test_a_deadline_closes_without_the_absent() -> None:
    """Where nobody hosts a seat, the phase closes all the same."""

    @game
    async def guess(stage: Stage) -> None:
        found = await stage.collect(Guess(), budget=7)

        assert found.outcomes == {"L1": "absent", "L2": "absent"}
        assert not found

    messages = await play(Troupe(guess, seats(2)), workers=0)

    assert closed(messages)[1].why == "deadline"


@in_no_time
async def test_nobody_is_asked_for_an_empty_list() -> None:
    """No seats are no seats, and not all of them."""

    @game
    async def guess(stage: Stage) -> None:
        assert not (await stage.collect(Guess(), [])).outcomes
        assert not (await stage.collect({})).outcomes

    messages = await play(Troupe(guess, seats(2)))
    assert not [m for m in messages if m.kind == "ask"]


@in_no_time
async def test_questions_may_differ_by_seat() -> None:
    """A mapping asks those in it, or of them those named; a function asks anybody."""

    @game
    async def guess(stage: Stage) -> None:
        own = {seat: Guess(about=seat) for seat in ("L3", "L1")}
        await stage.collect(own)
        await stage.collect(own, ["L1"])
        await stage.collect(lambda seat: Guess(about=seat), ["L2", "L1"])

    messages = await play(Troupe(guess, seats(3)))

    assert [asked(messages, step) for step in (1, 2, 3)] == [
        ["L3", "L1"],
        ["L1"],
        ["L2", "L1"],
    ]
    for m in messages:
        if isinstance(m.body, Asked):
            assert m.room[1:] in bytes(m.body.question).decode()


@in_no_time
async def test_a_seat_that_is_not_there_cannot_be_asked() -> None:
    """A wrong name is said at once, with the right one."""

    @game
    async def guess(stage: Stage) -> None:
        await stage.collect(Guess(), ["Lisa"])

    error = await fails(Troupe(guess, {"Liza": remember}))

    assert isinstance(error, UnknownName)
    assert "'Liza'" in str(error)


class Undeclared(Question[Number], frozen=True, kw_only=True, tag="undeclared"):
    """A question that the scenario did not declare."""


@in_no_time
async def test_an_undeclared_question_is_not_asked() -> None:
    """What no host could read is found by the conductor, before it is in the log."""

    @game
    async def guess(stage: Stage) -> None:
        await stage.collect(Undeclared())

    assert isinstance(await fails(Troupe(guess, seats(1))), ScenarioFailed)


@in_no_time
async def test_what_nobody_could_read_is_not_posted() -> None:
    """A value of the wrong type is the scenario's mistake, not the log's end."""

    @game
    async def guess(stage: Stage) -> None:
        await stage.post("hall", 5)  # type: ignore[arg-type]

    assert "Expected `str`" in str(await fails(Troupe(guess, seats(1))))


# -- probe


@in_no_time
async def test_a_probe_leaves_no_trace() -> None:
    """A mind that was probed remembers what one that was not does."""

    @game
    async def guess(stage: Stage, probe: bool) -> None:
        await stage.collect(Guess())
        if probe:
            found = await stage.probe(Guess(about="the other"))
            assert len(found) == 2
        else:
            await stage.result("something", "else")
        await stage.collect(Guess())

    probed, left = (Troupe(guess, seats(2), probe=probe) for probe in (True, False))
    await play(probed)
    await play(left)

    for seat in ("L1", "L2"):
        assert probed.player(seat).memory == left.player(seat).memory


# -- turns


@in_no_time
async def test_turns_are_heard_by_those_after() -> None:
    """In ordered turns each hears what those before it said, and nothing else."""
    heard: dict[str, list[str]] = {}

    async def act(player: Player, ask: Ask) -> object:
        said = [m.sender for m in player.events if m.kind == "contribution"]
        heard[player.seat] = said
        return Number(1)

    @game
    async def guess(stage: Stage) -> None:
        await stage.open_room("hall", ["L1", "L2", "L3"])
        found = await stage.turns(Guess(), ["L3", "L1", "L2"], room="hall")
        assert list(found) == ["L3", "L1", "L2"]

    await play(Troupe(guess, seats(4, act)))
    assert heard == {"L3": [], "L1": ["L3"], "L2": ["L3", "L1"]}


@in_no_time
async def test_turns_go_by_the_order_of_seats() -> None:
    """With a question for each, it is still the seats that say who comes first."""

    @game
    async def guess(stage: Stage) -> None:
        own = {seat: Guess(about=seat) for seat in stage.seats}
        await stage.turns(own, ["L2", "L1"], room="hall")

    messages = await play(Troupe(guess, seats(3)))
    assert [asked(messages, step) for step in (1, 2)] == [["L2"], ["L1"]]


# -- chat


@in_no_time
async def test_the_opener_begins_and_they_alternate() -> None:
    """Two who talk take turns, and each at most as many as there are."""

    @game
    async def talk(stage: Stage) -> None:
        lines = await stage.chat("hall", ["L1", "L2"], turns=2, opener="L2")
        assert [*lines] == [
            ("L2", "L2 1"),
            ("L1", "L1 1"),
            ("L2", "L2 2"),
            ("L1", "L1 2"),
        ]

    messages = await play(Troupe(talk, seats(2, chatter())))

    words = [f"{seat} {turn}" for turn in (1, 2) for seat in ("L2", "L1")]
    assert [text for _, text in conversations(messages)["hall"]] == words
    assert closed(messages)[1].why == "over"


@in_no_time
async def test_who_leaves_has_a_last_word_and_so_has_the_other() -> None:
    """Leaving ends a conversation of two, after one more turn of who stays."""

    @game
    async def talk(stage: Stage) -> None:
        await stage.chat("hall", ["L1", "L2"], turns=9, opener="L1")

    acts = {"L1": chatter(2), "L2": chatter()}
    messages = await play(Troupe(talk, acts))

    words = [text for _, text in conversations(messages)["hall"]]
    assert words == ["L1 1", "L2 1", "L1 2", "L2 2"]
    heard_by_first = views(messages)["L1"]
    assert not [m for m in heard_by_first if m.body == Said(text="L2 2", turn="1/L2/2")]


@in_no_time
async def test_without_an_opener_everybody_may_begin() -> None:
    """Messages cross in a room of many: all speak before they have heard the others."""
    names = [f"L{i}" for i in range(1, 21)]

    async def slowly(player: Player, ask: Ask) -> object:
        await anyio.sleep(1)
        return Speech(player.memory)

    @game
    async def talk(stage: Stage) -> None:
        assert len(await stage.chat("hall", names, turns=3)) == 60
        await stage.collect(Guess())

    troupe = Troupe(talk, seats(20, slowly))
    messages = await play(troupe)

    said = [m for m in messages if m.kind == "say"]
    assert all(m.seen < said[0].seq for m in said[:20])
    assert Counter(m.sender for m in said) == dict.fromkeys(names, 3)
    heard_all(troupe, messages)


@in_no_time
async def test_silence_moves_a_seat_to_speak() -> None:
    """With a pause the room talks without an opener, at paces of its own."""

    @game
    async def talk(stage: Stage) -> None:
        before = anyio.current_time()
        lines = await stage.chat("hall", stage.seats, turns=3, pause=10.0)

        assert len(lines) == 9
        assert anyio.current_time() - before > 1

    await play(Troupe(talk, seats(3, chatter())))


@in_no_time
async def test_an_opener_begins_a_room_with_pauses_too() -> None:
    """Until the opener has spoken, silence moves nobody else."""

    @game
    async def talk(stage: Stage) -> None:
        await stage.chat("hall", stage.seats, turns=2, pause=0.0, opener="L3")

    messages = await play(Troupe(talk, seats(3, chatter())))
    assert conversations(messages)["hall"][0] == ("L3", "L3 1")


@in_no_time
async def test_a_chat_in_which_everybody_passes_is_over() -> None:
    """Who has passed waits for words; where none come, nobody is asked again."""

    @game
    async def talk(stage: Stage) -> None:
        assert len(await stage.chat("hall", stage.seats, turns=50, opener="L1")) == 0

    messages = await play(Troupe(talk, seats(3, decline)))

    passes = [m.sender for m in messages if m.kind == "pass"]
    assert passes[0] == "L1"
    assert sorted(passes) == ["L1", "L2", "L3"]
    assert closed(messages)[1].why == "over"


@in_no_time
async def test_a_deadline_cuts_a_chat_off() -> None:
    """Turns in flight at the deadline are logged as late, and nobody hears them."""

    @game
    async def talk(stage: Stage) -> None:
        assert len(await stage.chat("hall", stage.seats, turns=5, limit=5)) == 0

    messages = await play(Troupe(talk, seats(2, ponder)))

    seq, close = closed(messages)
    late = [m for m in messages if isinstance(m.body, Passed)]
    assert close.why == "deadline"
    assert {m.sender: m.body for m in late} == {
        seat: Passed(turn=f"1/{seat}/1", outcome="late") for seat in ("L1", "L2")
    }
    assert all(m.seq > seq and m.room == "@conductor" for m in late)


@in_no_time
async def test_nobody_speaks_in_a_chat_without_turns() -> None:
    """No turns are a chat that is over at once."""

    @game
    async def talk(stage: Stage) -> None:
        assert len(await stage.chat("hall", stage.seats, turns=0)) == 0

    await play(Troupe(talk, seats(2, chatter())))


@in_no_time
async def test_a_chat_leaves_a_room_as_it_was() -> None:
    """Members from before stay; who came for the chat leaves with it."""

    @game
    async def talk(stage: Stage) -> None:
        await stage.open_room("hall", ["L1"])
        await stage.chat("hall", ["L1", "L2"], turns=1, opener="L1")
        await stage.post("hall", "who is still here?")
        await stage.collect(Guess())

    troupe = Troupe(talk, seats(2))
    messages = await play(troupe)

    late = {seat: [m.body for m in view] for seat, view in views(messages).items()}
    said = Said(text="who is still here?", step=3)
    assert said in late["L1"]
    assert said not in late["L2"]
    heard_all(troupe, messages)


@in_no_time
async def test_only_who_is_there_can_open() -> None:
    """An opener from elsewhere would leave the room silent: it is refused."""

    @game
    async def talk(stage: Stage) -> None:
        await stage.chat("hall", ["L1", "L2"], turns=1, opener="L3")

    assert isinstance(await fails(Troupe(talk, seats(3))), UnknownName)


# -- chats


def stays(messages: list[Message], seat: str) -> list[tuple[int, int, str]]:
    """From when to when *seat* was in which conversation."""
    came: dict[str, int] = {}
    found: list[tuple[int, int, str]] = []
    for m in messages:
        match m.body:
            case Joined(seats=names) if seat in names:
                came[m.room] = m.seq
            case Left(seats=names) if seat in names:
                found.append((came[m.room], m.seq, m.room))
            case _:
                pass
    return found


async def dyads(pairs: list[tuple[str, str]]) -> list[Message]:
    """Let *pairs* of ten seats talk."""

    @game
    async def talk(stage: Stage) -> None:
        await stage.chats(pairs, turns=3)

    return await play(Troupe(talk, seats(10)))


def some_pairs(count: int) -> list[tuple[str, str]]:
    """*count* pairs of ten seats."""
    names = [f"L{i}" for i in range(1, 11)]
    return random.Random(count).sample(list(combinations(names, 2)), count)


@in_no_time
async def test_nobody_is_in_two_conversations() -> None:
    """A seat has left one conversation before it joins the next."""
    messages = await dyads(some_pairs(30))

    for i in range(1, 11):
        for (_, left, _), (came, _, _) in pairwise(stays(messages, f"L{i}")):
            assert left < came


@in_no_time
async def test_a_seat_talks_in_the_order_of_the_pairs() -> None:
    """Whose turn comes first is the scenario's, not the clock's."""
    pairs = some_pairs(30)
    messages = await dyads(pairs)

    for i in range(1, 11):
        rooms = [f"chat-{n}-{'-'.join(p)}" for n, p in enumerate(pairs, 1)]
        own = [room for room, p in zip(rooms, pairs, strict=True) if f"L{i}" in p]
        assert [room for _, _, room in stays(messages, f"L{i}")] == own


@in_no_time
async def test_those_who_can_talk_at_once_do() -> None:
    """Conversations that share nobody all begin before any of them ends."""
    messages = await dyads([(f"L{i}", f"L{i + 1}") for i in range(1, 11, 2)])

    kinds = [m.kind for m in messages if m.kind.startswith("phase.")]
    assert kinds == ["phase.open"] * 5 + ["phase.close"] * 5


# -- rooms, words, the environment, results


@in_no_time
async def test_membership_decides_who_hears_what() -> None:
    """Over a game of every phase each mind observes its rooms, in order and once."""

    @game
    async def everything(stage: Stage) -> None:
        await stage.open_room("hall", ["L1", "L2", "L3"])
        await stage.post("hall", "welcome")
        await stage.collect(Guess())
        await stage.tick("hall", "weather", "rain")
        await stage.dismiss("hall", ["L2"])
        await stage.turns(Guess(), ["L2", "L3", "L1"], room="hall")
        await stage.probe(Guess())
        await stage.chat("hall", ["L3", "L4", "L5"], turns=3)
        await stage.chats([("L1", "L2"), ("L2", "L4"), ("L5", "L3")], turns=2)
        await stage.open_room("hall", ["L2"])
        await stage.post("hall", "farewell")
        await stage.collect(Guess())

    troupe = Troupe(everything, seats(5))
    messages = await play(troupe, workers=2)

    heard_all(troupe, messages)


@in_no_time
async def test_an_inbox_is_heard_by_its_seat_alone() -> None:
    """What is posted to a seat's inbox is between the two."""

    @game
    async def whisper(stage: Stage) -> None:
        await stage.post("@L1", "psst")

    messages = await play(Troupe(whisper, seats(2)))

    told = [seat for seat, view in views(messages).items() if "say" in kinds_of(view)]
    assert told == ["L1"]


def kinds_of(messages: list[Message]) -> set[str]:
    """The kinds of *messages*."""
    return {m.kind for m in messages}


@pytest.mark.parametrize("room", ["@L1", "@phases", "two words", ""])
@in_no_time
async def test_only_rooms_can_be_opened(room: str) -> None:
    """Nobody is let into another's inbox, nor into the platform's own rooms."""

    @game
    async def open_all(stage: Stage) -> None:
        await stage.open_room(room, ["L2"])

    assert isinstance(await fails(Troupe(open_all, seats(2))), BadName)


@in_no_time
async def test_facts_and_results_are_kept_as_given() -> None:
    """A tick and a result carry any value, whatever is in its text."""

    @game
    async def facts(stage: Stage) -> None:
        await stage.tick("hall", "prices", {"fish": 3, "\x1b[2J": None})
        await stage.result("winner", ["L1", 0.5])

    messages = await play(Troupe(facts, seats(1)))

    values = {
        m.body.name: bytes(m.body.value)
        for m in messages
        if isinstance(m.body, Ticked | Resulted)
    }
    assert values["prices"] == rb'{"fish":3,"\u001b[2J":null}'
    assert values["winner"] == b'["L1",0.5]'


@in_no_time
async def test_rounds_are_marked() -> None:
    """Each round is in the log, with how many there are."""

    @game
    async def count(stage: Stage) -> None:
        assert [number async for number in stage.rounds(2)] == [1, 2]

    messages = await play(Troupe(count, seats(1)))
    marks = [m.body for m in messages if isinstance(m.body, RoundBegan)]
    assert marks == [RoundBegan(step=i, round=i, of=2) for i in (1, 2)]


@in_no_time
async def test_chance_is_the_seeds() -> None:
    """The scenario's generator gives the same for the same seed, and another's else."""

    @game
    async def draw(stage: Stage) -> None:
        await stage.result("drawn", stage.rng.random())

    async def drawn(seed: int) -> bytes:
        bodies = [m.body for m in await play(Troupe(draw, seats(1), seed=seed))]
        return next(bytes(b.value) for b in bodies if isinstance(b, Resulted))

    assert await drawn(1) == await drawn(1) != await drawn(2)
