"""A seat at work: what it has heard when it acts, and how what it does is recorded."""

import random
from collections.abc import Callable, Sequence

import anyio
import msgspec
import pytest

from hubbub.bus import MemoryBus
from hubbub.bus.base import Bus, Receipt
from hubbub.conductor import Conductor
from hubbub.errors import ModelError
from hubbub.messages import (
    Called,
    Contributed,
    Draft,
    Faulted,
    Message,
    Passed,
    PhaseClosed,
    Said,
)
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Call, Model, Prompt, Reply, Request
from hubbub.models.scripted import ScriptedModel
from hubbub.questions import Speech, Turn
from hubbub.replay import replay
from hubbub.scenario import scenario
from hubbub.stage import Stage
from hubbub.tape import MemoryTape
from hubbub.worker import Worker

from .house import STUCK, House, Wire
from .leaping import in_no_time
from .playing import (
    Act,
    Guess,
    Number,
    Player,
    Troupe,
    always,
    bus_with,
    contributions,
    play,
    read_all,
    remember,
    seats,
)


@scenario(asks=[Guess])
async def guess(stage: Stage) -> None:
    """Everybody guesses, twice."""
    await stage.collect(Guess(), budget=10)
    await stage.collect(Guess(), budget=10)


@scenario(asks=[Guess])
async def talk(stage: Stage, turns: int = 2) -> None:
    """Everybody talks in the hall."""
    await stage.chat("hall", stage.seats, turns=turns, opener="L1")
    await stage.collect(Guess())


def request(ask: Ask, words: str = "Which?") -> Request:
    """What *ask* has a model complete."""
    prompts = (Prompt("user", f"{words} {ask.attempt}"),)
    return Request(model="fake/m", prompts=prompts, seed=ask.model_seed)


async def consult(player: Player, ask: Ask) -> object:
    """Answer with what a model says."""
    return Unparsed((await ask.complete(request(ask))).text)


def calls(messages: list[Message]) -> list[Call]:
    """The calls on record."""
    return [
        msgspec.json.decode(m.body.record, type=Call)
        for m in messages
        if isinstance(m.body, Called)
    ]


def ends(messages: list[Message]) -> list[Contributed]:
    """The contributions, in order."""
    return [m.body for m in messages if isinstance(m.body, Contributed)]


# -- hearing


@in_no_time
async def test_an_act_is_taken_at_a_definite_place() -> None:
    """A mind that acts has observed all its seat heard up to ``seen``, and no more."""
    heard: dict[str, int] = {}

    async def act(player: Player, ask: Ask) -> object:
        heard[ask.id] = player.events[-1].seq
        return await remember(player, ask)

    messages = await play(Troupe(talk, seats(3, act)))

    for m in messages:
        turn = m.body.turn if isinstance(m.body, Said) else ""
        if turn:
            own = [o for o in messages if o.room == "hall" and o.seq <= m.seen]
            assert heard[turn] == own[-1].seq


@in_no_time
async def test_a_seat_has_heard_its_own_last_word() -> None:
    """Before it acts again, what it said or answered last has come back to it."""
    last: list[bool] = []

    async def act(player: Player, ask: Ask) -> object:
        if ask.id == "2/L1":
            last.append(any(m.kind == "contribution" for m in player.events))
        return Number(1)

    await play(Troupe(guess, seats(1, act)))
    assert last == [True]


class Deaf(Player):
    """Cannot observe what it is asked."""

    def observe(self, event: Message) -> None:
        if event.kind == "ask":
            raise ValueError("too loud")
        super().observe(event)


class DeafTroupe(Troupe):
    """A troupe of the deaf."""

    def mind(self, seat: str) -> Player:
        return Deaf(super().mind(seat).part, remember)


@in_no_time
async def test_an_event_that_cannot_be_observed_is_owned_up_to() -> None:
    """The mind goes on without it, and the log says so."""
    messages = await play(DeafTroupe(guess, seats(1)))

    faults = [m.body for m in messages if isinstance(m.body, Faulted)]
    fault = Faulted(what="1 events could not be observed: ValueError")
    assert faults == [fault, fault]
    assert [end.outcome for end in ends(messages)] == ["answered", "answered"]


class Deafened(Player):
    """Hears what is said, and cannot stand it."""

    def observe(self, event: Message) -> None:
        super().observe(event)
        if event.kind == "say":
            raise ValueError("too loud")


class DeafenedTroupe(Troupe):
    """A troupe of the deafened, who do as *act* says."""

    def mind(self, seat: str) -> Player:
        return Deafened(super().mind(seat).part, self._acts[seat])


@in_no_time
async def test_owning_up_takes_time_and_no_act_is_of_two_moments() -> None:
    """Who leaves while a fault is posted is not there in the next act, nor half there."""

    async def act(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            others = " ".join(ask.question.others)
            return Speech(f"I see {others}", leave=ask.rng.random() < 0.3)
        return Number(1)

    bus = MemoryBus()
    troupe = DeafenedTroupe(talk, seats(9, act), turns=5)
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(troupe, tasks, bus, rng=random.Random(1))
            house.worker()
            house.worker()
            house.conductor()

    messages = await read_all(bus)
    assert any(isinstance(m.body, Faulted) for m in messages)
    assert (await replay(troupe, MemoryTape(messages))).acts > 9


# -- endings


@in_no_time
async def test_what_is_cut_off_is_late() -> None:
    """An act that outlives its phase is ended with it, and said to be late."""

    @scenario(asks=[Guess])
    async def hurry(stage: Stage) -> None:
        await stage.collect(Guess(), quorum=0.5, budget=1000)

    cut: list[bool] = []

    async def dawdle(player: Player, ask: Ask) -> object:
        try:
            await anyio.sleep(500)
        finally:
            cut.append(anyio.current_time() < 10)
        return Number(1)

    messages = await play(Troupe(hurry, {"L1": remember, "L2": dawdle}))

    assert cut == [True]
    assert [end.outcome for end in ends(messages)] == ["answered", "late"]


@in_no_time
async def test_an_ask_from_a_phase_that_has_closed_is_not_acted_on() -> None:
    """A new host owns up to what the one before had not done, and does not do it."""
    acted: list[str] = []

    async def act(player: Player, ask: Ask) -> object:
        acted.append(ask.id)
        return Number(1)

    messages = await play(Troupe(guess, seats(1)), workers=0)
    closed = next(m.seq for m in messages if isinstance(m.body, PhaseClosed))
    again = await play(Troupe(guess, seats(1, act)), await bus_with(messages[:closed]))

    assert acted == ["2/L1"]
    assert contributions(again)["1/L1"] == ("late", "null")


@in_no_time
async def test_what_is_no_answer_is_kept_as_it_came() -> None:
    """The raw text of an unparsable answer, or turn, is in the log."""
    acts = {"L1": always(Unparsed("{nonsense")), "L2": always(Unparsed("{nonsense"))}
    messages = await play(Troupe(talk, acts))

    fault = next(m.body for m in messages if isinstance(m.body, Faulted))
    passed = next(m.body for m in messages if isinstance(m.body, Passed))
    assert (fault.ask, fault.raw) == (passed.turn, "{nonsense") == ("1/L1/1", fault.raw)
    assert passed.outcome == "unparsable"
    assert {end.raw for end in ends(messages)} == {"{nonsense"}


@in_no_time
async def test_a_turn_that_fails_is_on_record() -> None:
    """A chat turn has an outcome as an ask has, whatever became of it."""

    async def fail(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            raise ModelError("rate_limit", "slow down")
        return Number(1)

    messages = await play(Troupe(talk, seats(2, fail)))

    passed = [m.body for m in messages if isinstance(m.body, Passed)]
    assert [body.outcome for body in passed] == ["model_error", "model_error"]
    assert "slow down" in passed[0].note


@in_no_time
async def test_a_turn_has_a_budget_of_its_own() -> None:
    """Who takes too long over a turn passes, and the others go on."""

    async def stall(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn) and player.seat == "L2":
            await anyio.sleep_forever()
        return await chat_or_guess(player, ask)

    messages = await play(Troupe(talk, seats(2, stall), turns=1))

    passed = next(m for m in messages if isinstance(m.body, Passed))
    assert passed.room == "hall"
    assert passed.body == Passed(
        turn="1/L2/1", outcome="late", note="no answer in 60 s"
    )


async def chat_or_guess(player: Player, ask: Ask) -> object:
    """Say something, or guess."""
    return Speech("hm") if isinstance(ask.question, Turn) else Number(1)


# -- models


class Slow(Model):
    """Takes *seconds* for what it says, and counts who asks."""

    def __init__(self, seconds: float) -> None:
        self.calls = 0
        self._seconds = seconds

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        self.calls += 1
        await anyio.sleep(self._seconds)
        return Reply(text='{"value": 7}')


@in_no_time
async def test_a_call_is_recorded_before_its_reply_is_used() -> None:
    """Request and reply are in the log when the mind gets to know them."""
    bus = MemoryBus()
    known: list[Call] = []

    async def act(player: Player, ask: Ask) -> object:
        reply = await ask.complete(request(ask))
        known.extend(calls(await bus.read(0)))
        return Unparsed(reply.text)

    model = ScriptedModel(['{"value": 1}', '{"value": 2}'])
    await play(Troupe(guess, seats(1, act)), bus, models={"fake/m": model})

    assert known[0].call == "1/L1/1"
    assert known[0].reply == Reply(text='{"value": 1}', finish="stop")


@in_no_time
async def test_calls_of_one_ask_are_numbered() -> None:
    """Every try of an ask is a call of its own on record, with what it was asked."""
    model = ScriptedModel(["no", '{"value": 1}', '{"value": 2}'])
    troupe = Troupe(guess, seats(1, consult))
    messages = await play(troupe, models={"fake/m": model})

    assert [call.call for call in calls(messages)] == ["1/L1/1", "1/L1/2", "2/L1/1"]
    words = [call.request.prompts[0].content for call in calls(messages)]
    assert words == ["Which? 1", "Which? 2", "Which? 1"]


@in_no_time
async def test_a_call_that_fails_is_on_record() -> None:
    """A failure has its kind, and ends the ask unless the mind knows better."""
    model = ScriptedModel([ModelError("server", "down"), ModelError("refused", "no")])
    troupe = Troupe(guess, seats(1, consult))
    messages = await play(troupe, models={"fake/m": model})

    assert [call.error for call in calls(messages)] == ["server", "refused"]
    assert [end.outcome for end in ends(messages)] == ["model_error", "refused"]


@in_no_time
async def test_a_call_that_is_cut_off_is_on_record() -> None:
    """What was paid for is known, even where nobody waited for it."""
    troupe = Troupe(guess, seats(1, consult))
    messages = await play(troupe, models={"fake/m": Slow(100)})

    assert [(c.error, c.took) for c in calls(messages)] == [("timeout", 10.0)] * 2
    assert [end.outcome for end in ends(messages)] == ["late", "late"]


def before_its_use(message: Message) -> bool:
    """Whether this is the record of a call."""
    return isinstance(message.body, Called)


async def killed_at(
    act: Act, model: Model, moment: Callable[[Message], bool]
) -> list[Message]:
    """Play with *model*, killing the first worker at *moment*."""
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            troupe = Troupe(guess, seats(1, act))
            house = House(troupe, tasks, bus, models={"fake/m": model})
            worker = house.worker()
            house.conductor()
            await house.until(moment)
            worker.kill()
            house.worker()
    return await read_all(bus)


@in_no_time
async def test_a_call_is_not_paid_for_twice() -> None:
    """A host that takes over uses what the one before it has recorded."""

    async def linger(player: Player, ask: Ask) -> object:
        reply = await ask.complete(request(ask))
        await anyio.sleep(1)
        return Unparsed(reply.text)

    model = Slow(1)
    messages = await killed_at(linger, model, before_its_use)

    assert model.calls == 2
    assert [call.call for call in calls(messages)] == ["1/L1/1", "2/L1/1"]
    assert {m.inc for m in messages if m.kind == "contribution"} == {2}


@in_no_time
async def test_a_recorded_failure_is_not_tried_again() -> None:
    """A failure on record is the answer, to a new host too."""

    async def linger(player: Player, ask: Ask) -> object:
        try:
            return Unparsed((await ask.complete(request(ask))).text)
        finally:
            await anyio.sleep(1)

    model = ScriptedModel([ModelError("server", "down"), '{"value": 2}'])
    messages = await killed_at(linger, model, before_its_use)

    assert model.calls == 2
    assert [end.outcome for end in ends(messages)] == ["model_error", "answered"]


@in_no_time
async def test_a_recorded_call_is_used_for_the_same_words_only() -> None:
    """A mind that asks for something else gets an answer of its own."""
    asked: list[int] = []

    async def fickle(player: Player, ask: Ask) -> object:
        asked.append(len(asked))
        reply = await ask.complete(request(ask, f"Which, for time {len(asked)}?"))
        await anyio.sleep(1)
        return Unparsed(reply.text)

    model = Slow(1)
    await killed_at(fickle, model, before_its_use)

    assert model.calls == 3


# -- moving, waiting


class Crossing(Wire):
    """Keeps back what is said in the hall until it is *released*."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.lag = 0.1
        self.released = anyio.Event()

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        if drafts[0].room == "hall":
            await self.released.wait()
        return await super().post(drafts)


@in_no_time
async def test_a_word_that_crossed_the_close_is_not_waited_for() -> None:
    """What a seat said into a room it had been led out of does not come back to it."""
    bus = MemoryBus()
    wire = Crossing(bus)

    async def act(player: Player, ask: Ask) -> object:
        if ask.id == "2/L2/1":
            wire.released.set()
            await anyio.sleep(1)
        return Speech("hm")

    @scenario()
    async def cross(stage: Stage) -> None:
        await stage.chat("hall", ["L1", "L2"], turns=2, opener="L1", limit=1)
        await stage.chats([("L2", "L1")], turns=1)

    troupe = Troupe(cross, seats(2, act))
    with anyio.fail_after(100):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Worker(wire, troupe, {}).run)
            tasks.start_soon(Conductor(bus, troupe).run)

    rooms = [m.room for m in await read_all(bus) if m.kind == "say"]
    assert rooms == ["hall", "chat-2-L2-L1", "chat-2-L2-L1"]


@in_no_time
async def test_a_seat_moves_between_two_acts() -> None:
    """Asked to resign, a seat first ends what it is about."""

    async def work(player: Player, ask: Ask) -> object:
        await anyio.sleep(5)
        return Number(1)

    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            troupe = Troupe(guess, seats(20, work))
            house = House(troupe, tasks, bus)
            house.worker()
            house.conductor()
            await bus.grown(21)
            house.worker()

    given = [m for m in await read_all(bus) if isinstance(m.body, Contributed)]
    assert {end.outcome for end in ends(given)} == {"answered"}
    assert [m.inc for m in given[:20]] == [1] * 20
    assert {m.inc for m in given[20:]} == {1, 2}


@pytest.mark.parametrize("pause", [0.0, 5.0])
@in_no_time
async def test_silence_is_the_same_for_all_runs(pause: float) -> None:
    """How long a seat bears silence is drawn from the seed, not from a clock."""

    @scenario()
    async def quiet(stage: Stage) -> None:
        await stage.chat("hall", ["L1", "L2"], turns=2, pause=pause)

    async def order() -> list[str]:
        troupe = Troupe(quiet, seats(2, always(Speech("hm"))))
        return [m.sender for m in await play(troupe) if m.kind == "say"]

    assert sorted(await order()) == ["L1", "L1", "L2", "L2"]
    if pause:
        assert await order() == await order()
