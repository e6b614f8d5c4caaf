"""The budget of a run: it stops between two phases, whole, and goes on with more."""

from collections import Counter

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.errors import BudgetSpent, first_error
from hubbub.messages import (
    Budgeted,
    Contributed,
    Message,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    Stopped,
)
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Model, Prompt, Reply, Request, Sampling
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage
from hubbub.terms import Price, Terms, on_terms, terms_in

from .house import House
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Troupe,
    bus_with,
    contributions,
    play,
    read_all,
    seats,
)

#: What a call takes at most, and what it comes to.
MOST, TAKES = 11, 10
#: A token costs a dollar.
PRICES = {"a/b": Price(input=1_000_000, output=1_000_000)}


class Metered(Model):
    """Answers with a number; counts its calls, and those that are in flight."""

    def __init__(self) -> None:
        self.calls = self.flying = self.most = 0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        self.calls += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        await anyio.sleep(1)
        self.flying -= 1
        return Reply(text='{"value":1}', tokens_in=TAKES - 1, tokens_out=1)


async def consult(player: Player, ask: Ask) -> object:
    """Answer with what the model says, in a chat in words of one's own."""
    prompts = (Prompt("user", "1"),)
    sampling = Sampling(max_tokens=MOST - 9)
    reply = await ask.complete(Request(model="a/b", prompts=prompts, sampling=sampling))
    return Speech("yes") if isinstance(ask.question, Turn) else Unparsed(reply.text)


def rounds(count: int = 4) -> Scenario:
    """A game of some rounds, each of which ends with a result."""

    @scenario(asks=[Guess])
    async def rounds(stage: Stage) -> None:
        async for _ in stage.rounds(count):
            found = await stage.collect(Guess())
            await stage.result("sum", sum(n.value for n in found.values()))

    return rounds


class Sitting:
    """A game of *count* consulting seats on one bus, played as far as terms allow."""

    def __init__(
        self, game: Scenario | None = None, count: int = 3, bus: MemoryBus | None = None
    ) -> None:
        self.model = Metered()
        self.bus = bus or MemoryBus()
        self._game = game or rounds()
        self._count = count

    async def play(self, terms: Terms, workers: int = 1) -> list[Message]:
        """The log to which a sitting on *terms* leads, with its `why` if it stops."""
        troupe = Troupe(self._game, seats(self._count, consult))
        self.why = ""
        for seat, holder in (await self.bus.held()).items():
            # The hosts of the last sitting are gone, and ours are called as they were.
            await self.bus.release(holder, [seat])
        try:
            await play(
                troupe,
                self.bus,
                workers=workers,
                models={"a/b": self.model},
                terms=terms,
            )
        except* BudgetSpent as spent:
            self.why = str(first_error(spent))
        return await read_all(self.bus)


def tokens(count: int) -> Terms:
    """Terms that bound tokens."""
    return Terms(tokens=count, prices=PRICES)


def money(dollars: float) -> Terms:
    """Terms that bound money."""
    return Terms(money=dollars, prices=PRICES)


def outcomes(messages: list[Message]) -> Counter[str]:
    """How asks and turns that did not bring words ended."""
    return Counter(
        m.body.outcome for m in messages if isinstance(m.body, (Contributed, Passed))
    )


def kinds(messages: list[Message], *of: type) -> list[object]:
    """The bodies among *messages* that are one of these."""
    return [m.body for m in messages if isinstance(m.body, of)]


@in_no_time
async def test_a_run_stops_between_two_phases() -> None:
    """The phase in which somebody was refused closes as ever, and its result is told."""
    sitting = Sitting()
    messages = await sitting.play(tokens(45))

    opened, closed = (kinds(messages, b) for b in (PhaseOpened, PhaseClosed))
    assert outcomes(messages) == {"answered": 4, "budget_stop": 2}
    assert (len(opened), len(closed), len(kinds(messages, Resulted))) == (2, 2, 2)
    assert messages[-1].kind == "stop"
    assert sitting.why == "the run has stopped at its budget: 40 of 45 tokens spent"


@in_no_time
async def test_it_goes_on_with_more() -> None:
    """From where it stopped, to its end; and the log says what it might spend when."""
    sitting = Sitting()
    await sitting.play(tokens(45))
    messages = await sitting.play(tokens(1000))

    assert sitting.why == ""
    assert outcomes(messages) == {"answered": 10, "budget_stop": 2}
    assert sitting.model.calls == 10
    assert kinds(messages, Budgeted, Stopped) == [
        Budgeted(tokens=45),
        Stopped(why="the run has stopped at its budget: 40 of 45 tokens spent"),
        Budgeted(tokens=1000),
    ]
    assert messages[-1].kind == "end"


@pytest.mark.parametrize("terms", [tokens(45), tokens(40), tokens(44)])
@in_no_time
async def test_without_more_it_stops_at_once(terms: Terms) -> None:
    """Nobody is asked, nothing is said, and the words are the same."""
    sitting = Sitting()
    before = await sitting.play(tokens(45))
    words = sitting.why.partition(" of ")[0]

    assert await sitting.play(terms) == before
    assert sitting.why.startswith(words)
    assert (await sitting.bus.meta())["stopped"] == sitting.why


@in_no_time
async def test_more_of_the_other_does_not_help() -> None:
    """Who has run out of tokens needs tokens."""
    sitting = Sitting()
    before = await sitting.play(Terms(tokens=45, money=500, prices=PRICES))
    more = Terms(tokens=45, money=900, prices=PRICES)

    assert await sitting.play(more) == before
    assert sitting.why.endswith("$40.00 of $900.00 and 40 of 45 tokens spent")


@in_no_time
async def test_no_budget_is_more_than_any() -> None:
    """A run goes on without one, and the log says so."""
    sitting = Sitting()
    await sitting.play(money(45))
    messages = await sitting.play(Terms())

    assert kinds(messages, Budgeted) == [Budgeted(money=45), Budgeted()]
    assert messages[-1].kind == "end"


@in_no_time
async def test_a_run_without_a_budget_says_nothing_of_it() -> None:
    """Its log is as it always was."""
    messages = await Sitting().play(Terms(prices=PRICES))

    assert kinds(messages, Budgeted, Stopped) == []


@in_no_time
async def test_a_budget_that_lasts_is_said_once() -> None:
    """Also where several conductors have had their turn."""
    messages = await Sitting().play(tokens(1000), workers=2)

    assert kinds(messages, Budgeted, Stopped) == [Budgeted(tokens=1000)]
    assert outcomes(messages) == {"answered": 12}


@in_no_time
async def test_the_last_phase_has_nothing_behind_it() -> None:
    """A run that runs short in its last phase is complete, and its outcomes say how."""
    sitting = Sitting(rounds(2))
    messages = await sitting.play(tokens(45))

    assert sitting.why == ""
    assert outcomes(messages) == {"answered": 4, "budget_stop": 2}
    assert messages[-1].kind == "end"


@in_no_time
async def test_conversations_under_way_are_held_to_their_end() -> None:
    """None is torn; those that had not begun do not begin."""

    @scenario(asks=[Guess])
    async def party(stage: Stage) -> None:
        pairs = [("L1", "L2"), ("L3", "L4"), ("L1", "L3"), ("L2", "L4")]
        await stage.chats(pairs, turns=2)
        await stage.collect(Guess())

    sitting = Sitting(party, count=4)
    messages = await sitting.play(tokens(35))
    opened = {
        b.step for b in kinds(messages, PhaseOpened) if isinstance(b, PhaseOpened)
    }
    closed = {
        b.step for b in kinds(messages, PhaseClosed) if isinstance(b, PhaseClosed)
    }
    assert opened == closed == {1, 2}
    assert sitting.why

    messages = await sitting.play(tokens(1000))
    assert Counter(m.kind for m in messages)["phase.close"] == 5
    assert messages[-1].kind == "end"


@in_no_time
async def test_a_stopped_run_goes_on_from_any_prefix_of_its_log() -> None:
    """Wherever everything died, before or after the stop, it comes to the same."""
    sitting = Sitting()
    stopped = await sitting.play(tokens(45))
    whole = await sitting.play(tokens(1000))
    first = contributions(stopped).keys()

    for cut in range(len(stopped), len(whole)):
        again = Sitting(bus=await bus_with(whole[:cut]))
        messages = await again.play(tokens(1000))
        assert contributions(messages) == contributions(whole)
        assert first < contributions(messages).keys()
        assert set(Counter(kinds(messages, Budgeted)).values()) == {1}


@in_no_time
async def test_a_standby_stops_with_the_same_words() -> None:
    """And says nothing more in the log."""
    bus = MemoryBus()
    sitting = Sitting(bus=bus)
    before = await sitting.play(tokens(45))
    words = sitting.why
    with pytest.raises(ExceptionGroup) as raised:
        async with anyio.create_task_group() as tasks:
            House(Troupe(rounds(), seats(3, consult)), tasks, bus).conductor()

    assert str(first_error(raised.value)) == words
    assert await read_all(bus) == before


@in_no_time
async def test_workers_leave_a_run_that_has_stopped() -> None:
    """They are processes of their own, and nobody else tells them."""
    terms = tokens(45)
    sitting = Sitting()
    await sitting.play(terms)
    async with anyio.create_task_group() as tasks:
        cast = Troupe(rounds(), seats(3, consult))
        house = House(cast, tasks, sitting.bus, terms=terms)
        worker = house.worker()
        with anyio.fail_after(60):
            await worker.over.wait()


@pytest.mark.parametrize("bound", ["money", "tokens"])
@pytest.mark.parametrize("workers", [1, 3])
@in_no_time
async def test_no_more_is_spent_than_there_is(bound: str, workers: int) -> None:
    """To the last call, for any budget, and all of it that a call fits in."""
    for budget in (0, 5, 10, 11, 12, 33, 34, 76, 100, 121):
        if bound == "tokens" and not budget:
            continue
        terms = tokens(budget) if bound == "tokens" else money(budget)
        sitting = Sitting(rounds(6))
        messages = await sitting.play(terms, workers)
        spent = TAKES * sitting.model.calls

        assert spent <= budget
        assert spent > budget - MOST * (1 + sitting.model.most)
        assert outcomes(messages)["answered"] == sitting.model.calls


@in_no_time
async def test_what_servers_charge_above_is_bounded_by_what_flies() -> None:
    """A budget is passed by the calls in flight at most, each by what it adds."""

    class Dear(Metered):
        async def complete(self, request: Request, *, deadline: float) -> Reply:
            reply = await super().complete(request, deadline=deadline)
            return Reply(text=reply.text, tokens_in=50, tokens_out=50)

    sitting = Sitting(rounds(50), count=5)
    sitting.model = Dear()
    await sitting.play(tokens(1000))
    spent = (await sitting.bus.spent())["tokens"]

    assert spent == 100 * sitting.model.calls
    assert spent - 1000 <= 100 * sitting.model.most


async def test_a_mind_may_live_with_it() -> None:
    """One that catches the error can answer without a model; then nothing stops."""

    async def careful(player: Player, ask: Ask) -> object:
        try:
            return await consult(player, ask)
        except BudgetSpent:
            return Number(0)

    troupe = Troupe(rounds(), seats(2, careful))
    messages = await play(
        troupe, models={"a/b": Metered()}, terms=Terms(tokens=1, prices=PRICES)
    )

    assert outcomes(messages) == {"answered": 8}


def test_terms_travel() -> None:
    """From who sets them to who needs them, as they were."""
    terms = Terms(money=1.5, tokens=7, prices=PRICES, cache="use", allow_unknown=True)

    assert terms_in(on_terms(terms)) == terms
    assert terms_in({}) == Terms()
    assert terms.limits == {"money": 1_500_000_000, "tokens": 7}
