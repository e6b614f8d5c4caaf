"""Replay: the run again from its record alone, or the first thing that is another."""

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import anyio
import msgspec
import pytest

from hubbub.errors import BudgetSpent, LogDamaged, ModelError, ReplayDiffers
from hubbub.leaping import run_in_no_time
from hubbub.logger import Logger
from hubbub.messages import (
    Body,
    Called,
    Contributed,
    Ended,
    Faulted,
    Message,
    Passed,
    Remembered,
    Resulted,
    Said,
)
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Model, Prompt, Reply, Request, View
from hubbub.models.scripted import ScriptedModel
from hubbub.questions import Speech, Turn
from hubbub.replay import Replayed, replay
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage
from hubbub.tape import LogTape, MemoryTape

from .leaping import in_no_time
from .playing import (
    Act,
    Guess,
    Number,
    Player,
    Troupe,
    always,
    bus_with,
    play,
    remember,
    seats,
)

Change = Callable[[list[bytes]], list[bytes]]


def evening(result: object = "over", bells: int = 2, last: int = 0) -> Scenario:
    """Everybody is asked, talks and is probed, in every round; then bells ring."""

    @scenario(asks=[Guess])
    async def evening(stage: Stage) -> None:
        await stage.open_room("hall", stage.seats)
        async for _ in stage.rounds(2):
            await stage.collect(Guess(), budget=5)
            await stage.chat("hall", stage.seats, turns=2, budget=5)
            await stage.chats([("L1", "L2")], turns=2)
            await stage.turns(Guess(), ["L2", "L1"], room="hall")
            await stage.probe(Guess(), ["L3"])
        for _ in range(bells):
            await stage.tick("hall", "bell", True)
        await stage.result("end", result)
        for _ in range(last):
            await stage.tick("hall", "bell", True)

    return evening


async def consult(player: Player, ask: Ask) -> object:
    """Ask a model what to make of all this, twice, and remember what it says."""
    words = f"{ask.id} {ask.attempt} {player.memory}"
    request = Request(model="fake/m", prompts=(Prompt("user", words),))
    heard = tuple(event.seq for event in player.events[-3:])
    first = await ask.complete(request, View(messages=heard))
    await ask.remember(Remembered(memory=f"{ask.id}/m1", form="note", text=first.text))
    try:
        second = await ask.complete(request)
    except ModelError as error:
        return Unparsed(str(error))
    if isinstance(ask.question, Turn):
        return Speech(f"{first.text} {second.text}")
    return Number(len(second.text))


def answer(request: Request) -> str:
    """Something of the request's own; now and then a failure."""
    words = request.prompts[0].content
    if request.draw == 2 and words[-1] in "02468":
        raise ModelError("server", "out of order")
    return words[-8:]


async def record(act: Act = remember, game: Scenario | None = None) -> list[Message]:
    """The log of an evening of three."""
    models: dict[str, Model] = {"fake/m": ScriptedModel(answer)}
    return await play(Troupe(game or evening(), seats(3, act)), models=models)


async def again(
    messages: Sequence[Message], act: Act = remember, game: Scenario | None = None
) -> Replayed:
    """The replay of *messages* by those who do as *act* says."""
    troupe = Troupe(game or evening(), seats(3, act))
    return await replay(troupe, MemoryTape(messages))


def first(messages: Sequence[Message], body: type[Body]) -> int:
    """The place of the first *body*."""
    return next(m.seq for m in messages if type(m.body) is body)


def edited(messages: Sequence[Message], seq: int, **fields: object) -> list[Message]:
    """*messages* with another body at *seq*."""
    old = messages[seq - 1]
    body = msgspec.structs.replace(old.body, **fields)
    new = msgspec.structs.replace(old, body=body)
    return [*messages[: seq - 1], new, *messages[seq:]]


# -- equal


@in_no_time
async def test_a_run_is_its_record() -> None:
    """Every ask and every turn comes out as it did, without anybody being asked."""
    messages = await record()
    done = await again(messages)

    ends = (Contributed, Said, Passed)
    acts = [m for m in messages if isinstance(m.body, ends) and m.sender != "conductor"]
    left = [m for m in messages if m.kind == "leave" and m.sender != "conductor"]
    assert done == Replayed(
        messages=len(messages),
        complete=True,
        acts=len(acts) + len(left),
        steps=messages[-1].body.steps if isinstance(messages[-1].body, Ended) else 0,
    )


@in_no_time
async def test_models_are_not_asked_again() -> None:
    """Replies and failures come from the record, to the same prompts and views."""
    messages = await record(consult)
    done = await again(messages, consult)

    assert done.calls == sum(m.kind == "call" for m in messages) > 50
    assert done.memories == sum(m.kind == "memory" for m in messages) > 20
    assert done.skipped == {}


@in_no_time
async def test_a_run_can_be_replayed_while_it_goes_on() -> None:
    """Whatever is in the log so far is done again; what has no end yet is counted."""
    messages = await record(consult)
    complete = [
        (await again(messages[:length], consult)).complete
        for length in range(len(messages) + 1)
    ]

    assert complete == [False] * len(messages) + [True]


@in_no_time
async def test_what_a_clock_has_ended_is_not_done_again() -> None:
    """It is counted, by outcome."""

    async def dawdle(player: Player, ask: Ask) -> object:
        if ask.id == "3/L1":
            await anyio.sleep_forever()
        if ask.id == "15/L3":
            raise BudgetSpent("nothing left")
        return await remember(player, ask)

    done = await again(await record(dawdle), dawdle)

    assert done.skipped == {"budget_stop": 1, "late": 1}


@in_no_time
async def test_patience_is_part_of_a_mind() -> None:
    """A call that its mind has not waited for is not waited for again."""

    class Slow(Model):
        async def complete(self, request: Request, *, deadline: float) -> Reply:
            await anyio.sleep(2)
            return Reply(text="too late")

    async def hurry(player: Player, ask: Ask) -> object:
        with anyio.move_on_after(1):
            return Unparsed((await ask.complete(Request(model="s/s", prompts=()))).text)
        return Number(1)

    @scenario(asks=[Guess])
    async def once(stage: Stage) -> None:
        await stage.collect(Guess())

    messages = await play(Troupe(once, seats(1, hurry)), models={"s/s": Slow()})
    done = await replay(Troupe(once, seats(1, hurry)), MemoryTape(messages))

    assert (done.acts, done.calls) == (1, 1)


@in_no_time
async def test_what_could_not_be_read_comes_out_the_same() -> None:
    """The raw text of a turn that was none is compared as well."""
    nonsense = always(Unparsed("nonsense"))
    messages = await record(nonsense)
    done = await again(messages, nonsense)

    assert done.acts > 10
    fault = first(messages, Faulted)
    with pytest.raises(ReplayDiffers, match="nonsense"):
        await again(edited(messages, fault, raw="sense"), nonsense)


# -- another


async def difference(
    messages: Sequence[Message], act: Act = remember, game: Scenario | None = None
) -> ReplayDiffers:
    """What the replay finds."""
    with pytest.raises(ReplayDiffers) as caught:
        await again(messages, act, game)
    return caught.value


@in_no_time
async def test_a_mind_that_is_no_function_of_its_record_is_caught() -> None:
    """A clock, the global generator: the first act that they have a part in is named."""
    ticks = count()

    async def moody(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(f"it is {next(ticks)}")
        return Number(1)

    messages = await record(moody)
    found = await difference(messages, moody)

    said = messages[first(messages, Said) - 1]
    assert (found.seq, found.seat) == (said.seq, said.sender)
    assert found.expected != found.found


@in_no_time
async def test_another_answer_on_record_is_found() -> None:
    """Nobody can put words into a seat's mouth and keep the replay equal."""
    messages = await record()
    seq = first(messages, Contributed)
    found = await difference(edited(messages, seq, answer=msgspec.Raw(b'{"value":7}')))

    assert (found.seq, found.seat) == (seq, messages[seq - 1].sender)
    assert '"value":7' in found.expected


@in_no_time
async def test_another_prompt_is_found() -> None:
    """A mind that would have asked its model something else is told apart by it."""

    async def other(player: Player, ask: Ask) -> object:
        ask.id += "!"
        return await consult(player, ask)

    messages = await record(consult)
    found = await difference(messages, other)

    assert found.seq == first(messages, Called)
    assert "!" in found.found


@in_no_time
async def test_calls_that_are_not_made_are_found() -> None:
    """All that is on record of an act belongs to it."""
    messages = await record(consult)
    found = await difference(messages, always(Number(1)))

    assert messages[found.seq - 1].kind == "call"
    assert found.found == "nothing"


@in_no_time
async def test_calls_that_are_not_on_record_are_found() -> None:
    """And nobody is called for them."""

    async def talkative(player: Player, ask: Ask) -> object:
        return Unparsed((await ask.complete(Request(model="fake/m", prompts=()))).text)

    messages = await record(always(Number(1)))
    found = await difference(messages, talkative)

    assert "call 1 of 3/L" in found.found


@in_no_time
async def test_another_memory_is_found() -> None:
    """A memory is made from what its seat had heard, like an answer."""
    messages = await record(consult)
    seq = first(messages, Remembered)
    found = await difference(edited(messages, seq, weight=1.0), consult)

    assert found.seq == seq
    assert "weight" in found.expected


@in_no_time
async def test_another_scenario_is_found() -> None:
    """Another result, an earlier and a later end: each is said with its place."""
    messages = await record()
    result = first(messages, Resulted)

    assert (await difference(messages, game=evening("other"))).seq == result
    assert (await difference(messages, game=evening(bells=1))).seq < result
    assert (await difference(messages, game=evening(bells=3))).seq == result


@in_no_time
async def test_a_scenario_that_goes_on_after_its_end_is_found() -> None:
    """The log's end is the play's."""

    longer = await difference(await record(), game=evening(last=1))
    shorter = await difference(await record(game=evening(last=1)))

    assert (longer.expected, longer.found) == ("the end", "a further tick")
    assert shorter.expected.startswith("tick bell in hall")
    assert shorter.found == "the end"


# -- files


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """A run with calls and memories."""
    return run_in_no_time(lambda: record(consult))


@pytest.fixture
async def folder(messages: list[Message], tmp_path: Path) -> Path:
    """It, as a logger leaves it."""
    await Logger(await bus_with(messages), tmp_path).run()
    return tmp_path


def open_tape(folder: Path) -> closing[LogTape]:
    """The tape of the run in *folder*."""
    return closing(LogTape(folder / "log.jsonl", folder / "calls.jsonl"))


def edit(file: Path, change: Change) -> None:
    """Change the lines of *file*."""
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(change(lines)))


def test_a_folder_is_read_from_its_two_files(
    folder: Path, messages: list[Message]
) -> None:
    """The records of calls are beside the log, which has their digests only."""
    memory = MemoryTape(messages)
    with open_tape(folder) as tape:
        assert [m.seq for m in tape] == [m.seq for m in messages]
        for m in messages:
            if isinstance(m.body, Called):
                assert tape.call(m.seq) == memory.call(m.seq)
            else:
                assert tape.message(m.seq).body == m.body
                assert tape.body(m.seq) == memory.body(m.seq)


def test_a_folder_is_replayed(folder: Path) -> None:
    """As the run was."""
    troupe = Troupe(evening(), seats(3, consult))
    with open_tape(folder) as tape:
        done = run_in_no_time(lambda: replay(troupe, tape))

    assert done.complete
    assert done.calls > 50


def test_a_folder_that_is_being_written_is_replayed(folder: Path) -> None:
    """Up to the last whole line, though there are more calls than the log has."""
    edit(folder / "log.jsonl", lambda lines: [*lines[:99], lines[99][:-9]])
    edit(folder / "calls.jsonl", lambda lines: [*lines, b'{"seq":'])
    troupe = Troupe(evening(), seats(3, consult))
    with open_tape(folder) as tape:
        done = run_in_no_time(lambda: replay(troupe, tape))

    assert (done.messages, done.complete) == (99, False)


DAMAGES: dict[str, tuple[str, Change]] = {
    "a line is missing": ("log.jsonl", lambda lines: [*lines[:9], *lines[10:]]),
    "a line was edited": (
        "log.jsonl",
        lambda lines: [lines[0].replace(b"L1", b"L9"), *lines[1:]],
    ),
    "the last call is missing": ("calls.jsonl", lambda lines: lines[:-1]),
    "the first call is missing": ("calls.jsonl", lambda lines: lines[1:]),
    "a call was edited": (
        "calls.jsonl",
        lambda lines: [lines[0].replace(b"user", b"usher"), *lines[1:]],
    ),
    "a call is none": ("calls.jsonl", lambda lines: [b"{}\n", *lines[1:]]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_not_replayed(folder: Path, damage: str) -> None:
    """What is not the record proves nothing."""
    file, change = DAMAGES[damage]
    edit(folder / file, change)

    with pytest.raises(LogDamaged, match=file):
        open_tape(folder)
