"""On the virtual clock a run is its seed's alone, and lasts as long as is drawn for it."""

import subprocess
import sys
from collections.abc import Sequence

import anyio
import msgspec
import pytest

from hubbub.chance import generator
from hubbub.errors import ModelError, RunFailed, ScenarioFailed, UsageError
from hubbub.latency import Latency
from hubbub.messages import (
    Called,
    Contributed,
    Ejected,
    Injected,
    Lifted,
    Message,
    Onset,
    encode_body,
)
from hubbub.mind import Ask
from hubbub.models import Prompt, Request, ScriptedModel
from hubbub.models.base import Call
from hubbub.names import OPERATOR, TRUTH
from hubbub.population import Cast, Group, Population
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage
from hubbub.virtual import simulate

from .playing import Act, Guess, Number, Player, Troupe, always, ponder, seats

PARTY = Population(
    scenario="cocktail-party",
    seed=5,
    parameters={"rounds": 3},
    seats=(Group(count=8, mind="uniform"),),
)
REQUEST = Request(model="fake/m", prompts=(Prompt("user", "a number"),))
NEWCOMER = Injected(
    id="x",
    surface="participant",
    seats=("L9",),
    group=msgspec.Raw(b'{"mind":"uniform"}'),
)


@scenario(asks=[Guess])
async def collect(stage: Stage, quorum: float = 1.0, budget: float = 60.0) -> None:
    """Everybody guesses, once."""
    await stage.collect(Guess(), quorum=quorum, budget=budget)


def calling(times: int) -> Act:
    """Call a model so many times before answering."""

    async def act(player: Player, ask: Ask) -> object:
        for _ in range(times):
            await ask.complete(REQUEST)
        return Number(times)

    return act


def told(messages: Sequence[Message]) -> list[tuple[object, ...]]:
    """All of *messages*, to be compared."""
    return [
        (*(getattr(m, field) for field in Message.__struct_fields__[:-1]), body)
        for m in messages
        for body in [encode_body(m.body)]
    ]


def ends(messages: Sequence[Message]) -> dict[str, tuple[str, int]]:
    """How each seat's last ask ended, and when, in ms."""
    return {
        m.sender: (m.body.outcome, m.at)
        for m in messages
        if isinstance(m.body, Contributed)
    }


def drawn(seat: str, *numbers: int, ask: str = "1") -> int:
    """The sum of these latencies of an act of *seat*, in ms, in a run of seed 1."""
    return int(
        1000
        * sum(
            Latency().draw(generator(1, seat, f"{ask}/{seat}", "latency", k))
            for k in numbers
        )
    )


def test_the_same_seed_is_the_same_run() -> None:
    """To the byte, times included; another seed is another one."""
    other = msgspec.structs.replace(PARTY, seed=6)
    once, again = simulate(Cast(PARTY)), simulate(Cast(PARTY))

    assert told(once) == told(again)
    assert told(once) != told(simulate(Cast(other)))


def test_no_hash_has_a_part_in_it() -> None:
    """Processes in which sets and dictionaries of names are in another order agree."""
    code = (
        "import hashlib; from tests.test_virtual import *\n"
        "print(hashlib.sha256(repr(told(simulate(Cast(PARTY)))).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for number in ("1", "2")
    }

    assert len(found) == 1


def test_an_act_lasts_as_long_as_is_drawn_for_it() -> None:
    """Whatever its mind does; all of a phase think at the same time."""
    found = ends(simulate(Troupe(collect, seats(3, always(Number(1))))))

    assert found == {f"L{i}": ("answered", drawn(f"L{i}", 1)) for i in (1, 2, 3)}


def test_an_act_lasts_as_long_as_its_calls() -> None:
    """The k-th of them as long as the k-th that is drawn, and nothing more."""
    model = ScriptedModel(["x"] * 9)
    cast = Troupe(collect, {"L1": calling(3), "L2": calling(1)})
    found = simulate(cast, models={"fake/m": model})
    calls = [m for m in found if isinstance(m.body, Called) and m.sender == "L1"]

    assert ends(found)["L1"] == ("answered", drawn("L1", 1, 2, 3))
    assert [m.at for m in calls] == [drawn("L1", *range(1, k)) for k in (2, 3, 4)]
    assert ends(found)["L2"] == ("answered", drawn("L2", 1))


def test_who_takes_longer_than_it_has_is_late() -> None:
    """At the end of its time, as by the clock on the wall."""
    found = ends(simulate(Troupe(collect, seats(1, always(Number(1))), budget=0.25)))

    assert found == {"L1": ("late", 250)}


def test_a_call_that_takes_too_long_fails() -> None:
    """A little before the act's end; what may have been charged is reckoned."""
    cast = Troupe(collect, {"L1": calling(1)}, budget=0.25)
    found = simulate(cast, models={"fake/m": ScriptedModel(["x"])})
    (record,) = [m.body.record for m in found if isinstance(m.body, Called)]
    call = msgspec.json.decode(record, type=Call)

    assert (call.error, call.took, call.estimated) == ("timeout", 0.2375, True)
    assert ends(found) == {"L1": ("model_error", 237)}


def test_who_is_too_slow_for_a_quorum_is_stopped() -> None:
    """The call that it made is on record, as cut off."""
    cast = Troupe(collect, {"L1": calling(1), "L2": calling(9)}, quorum=0.5)
    found = simulate(cast, models={"fake/m": ScriptedModel(["x"] * 10)})

    assert ends(found)["L1"] == ("answered", drawn("L1", 1))
    assert ends(found)["L2"] == ("late", drawn("L1", 1))


def test_a_failed_call_is_an_outcome() -> None:
    """Of any kind that there is."""
    model = ScriptedModel([ModelError("refused", "no")])
    found = simulate(Troupe(collect, {"L1": calling(1)}), models={"fake/m": model})

    assert ends(found)["L1"][0] == "refused"


def test_what_an_operator_says_comes_right_after() -> None:
    """Before anything else; and everything before is as it was."""
    plain = simulate(Cast(PARTY))
    found = simulate(Cast(PARTY), interventions={40: [NEWCOMER, Ejected(id="x")]})
    asked = found[40:42]

    assert told(found[:40]) == told(plain[:40])
    assert [(m.sender, m.room, m.no, m.inc, m.seen) for m in asked] == [
        (OPERATOR, TRUTH, 1, 1, 40),
        (OPERATOR, TRUTH, 2, 1, 40),
    ]
    assert [m.body for m in asked] == [NEWCOMER, Ejected(id="x")]


def test_whoever_is_injected_comes_and_goes() -> None:
    """At the very moment, and it does what it came for."""
    found = simulate(
        Cast(PARTY), interventions={40: [NEWCOMER], 120: [Ejected(id="x")]}
    )
    on = [m for m in found if isinstance(m.body, Onset | Lifted)]

    assert [m.at for m in on] == [found[39].at, found[119].at]
    assert found[-1].kind == "end"


def test_twins_have_the_same_latencies() -> None:
    """What is drawn for a seat depends on nobody else."""
    alone = ends(simulate(Troupe(collect, seats(2, always(Number(1))))))
    among = ends(simulate(Troupe(collect, seats(9, always(Number(1))))))

    assert {seat: among[seat] for seat in alone} == alone


def test_an_injection_that_cannot_be_is_refused() -> None:
    """Before anything is played."""
    unknown = msgspec.structs.replace(NEWCOMER, group=msgspec.Raw(b'{"mind":"x"}'))

    with pytest.raises(UsageError, match="unknown mind 'x'"):
        simulate(Cast(PARTY), interventions={1: [unknown]})


def stuck() -> Scenario:
    """A scenario that waits for what never comes."""

    @scenario()
    async def game(stage: Stage) -> None:
        """Wait."""
        await anyio.sleep_forever()

    return game


def test_a_run_that_is_stuck_says_so() -> None:
    """Nothing comes from outside that anybody could wait for."""
    with pytest.raises(RunFailed, match="is stuck: everybody waits"):
        simulate(Troupe(stuck(), seats(2)))


def test_a_mind_that_waits_for_ever_is_late() -> None:
    """It does not hold up the others."""
    found = simulate(Troupe(collect, {"L1": ponder, "L2": always(Number(2))}))

    assert ends(found) == {
        "L1": ("late", 60_000),
        "L2": ("answered", drawn("L2", 1)),
    }


def test_what_a_scenario_raises_is_raised() -> None:
    """Alone, as one error."""

    @scenario()
    async def game(stage: Stage) -> None:
        """Fail."""
        raise KeyError("oh")

    with pytest.raises(ScenarioFailed, match="raised KeyError"):
        simulate(Troupe(game, seats(1)))
