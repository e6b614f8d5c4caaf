"""A rehearsal plays the whole run in no time, keeps nothing and is bounded."""

from collections import Counter

import anyio
import pytest

from hubbub.dryrun import KEPT, Kind, TooLong, rehearse
from hubbub.leaping import run_in_no_time
from hubbub.population import Cast, Group, Population
from hubbub.standins import StandIn

MODEL = "test/one"


def party(seats: int = 6, rounds: int = 2, model: str = MODEL, seed: int = 0) -> Cast:
    """A cocktail party of models."""
    return Cast(
        Population(
            scenario="cocktail-party",
            seed=seed,
            parameters={"rounds": rounds},
            seats=(Group(count=seats, model=model),),
        )
    )


def talk(seats: int, acts: int, pause: float = 0.0) -> Cast:
    """A room in which everybody talks."""
    return Cast(
        Population(
            scenario="open-room",
            parameters={"acts": acts, "pause": pause},
            seats=(Group(count=seats, model=MODEL),),
        )
    )


def test_a_rehearsal_counts_the_calls_of_a_whole_run() -> None:
    """Each invitation is a call, and what comes of them is played as well."""
    cast = party()
    tallies = rehearse(cast, {}, StandIn(cast.names), 1, 60).tallies

    assert tallies[Kind(MODEL, "Invite")].calls == 6 * 2
    assert tallies[Kind(MODEL, "chat")].calls > 0
    assert all(tally.prompt > 100 * tally.calls for tally in tallies.values())


def test_prompts_grow_with_what_is_said() -> None:
    """Who says more makes all later prompts longer."""
    cast = talk(5, 4)
    short, long = (
        rehearse(cast, {}, StandIn(cast.names, length=n, company=1.0), 1, 60).tallies
        for n in (5, 200)
    )
    kind = Kind(MODEL, "chat")

    assert short[kind].calls == long[kind].calls == 20
    assert long[kind].prompt > short[kind].prompt * 1.5


def test_the_number_is_the_rehearsals_own_chance() -> None:
    """The same number is the same rehearsal; another one another."""
    cast = party()
    once, again, other = (
        rehearse(cast, {}, StandIn(cast.names), number, 60).tallies
        for number in (1, 1, 2)
    )

    assert once == again != other


def test_pauses_take_no_time() -> None:
    """A day of silences is over at once."""
    cast = talk(3, 5, pause=3_000.0)

    assert rehearse(cast, {}, StandIn(cast.names), 1, 60).tallies


def test_models_are_told_apart() -> None:
    """Each model has calls of its own, and what is said for one is not for another."""
    groups = (
        Group(names=("ann", "bob"), model="test/one"),
        Group(names=("cleo",), model="test/two"),
        Group(names=("dov",), mind="uniform"),
    )
    parameters = {"rounds": 2}
    cast = Cast(
        Population(scenario="cocktail-party", parameters=parameters, seats=groups)
    )
    tallies = rehearse(cast, {}, StandIn(cast.names), 1, 60).tallies

    assert tallies[Kind("test/one", "Invite")].calls == 4
    assert tallies[Kind("test/two", "Invite")].calls == 2


def test_some_requests_are_kept_and_no_more() -> None:
    """A pilot needs some; a run of thousands of calls does not fill the memory."""
    cast = talk(10, 10)
    rehearsal = rehearse(cast, {}, StandIn(cast.names, company=1.0), 1, 60)
    kept = rehearsal.samples[Kind(MODEL, "chat")]

    assert len(kept) == KEPT
    assert len(Counter(sample.ask.seat for sample in kept)) > 3


def test_what_is_too_large_is_refused_with_words() -> None:
    """Nobody waits for an estimate for ever; the message says how far it came."""
    cast = talk(50, 50)
    with pytest.raises(TooLong, match=r"too large to be rehearsed.*fewer --agents"):
        rehearse(cast, {}, StandIn(cast.names, company=1.0), 1, 0.0)


def test_leaping_time_is_the_loops_own() -> None:
    """An hour is over at once, and is an hour."""

    async def wait() -> float:
        await anyio.sleep(3_600)
        return anyio.current_time()

    assert run_in_no_time(wait) == pytest.approx(3_600)
