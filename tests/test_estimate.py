"""What a run will come to is known within an interval before it is paid for."""

import random
from collections import Counter
from pathlib import Path
from statistics import fmean, variance

import anyio
import anyio.lowlevel
import msgspec
import pytest

from hubbub.chance import generator
from hubbub.dryrun import Kind, Rehearsal
from hubbub.errors import ModelError, UsageError
from hubbub.estimate import (
    Estimate,
    estimate,
    first_rehearsal,
    limits,
)
from hubbub.intervals import interval, student, weights
from hubbub.leaping import run_in_no_time
from hubbub.models import Model, Reply, Request, ScriptedModel
from hubbub.models.scripted import legal
from hubbub.pilot import EACH, Trial, choose, size_of, try_out
from hubbub.population import Cast, Group, Population
from hubbub.standins import filler
from hubbub.terms import Price

from .playing import play
from .test_dryrun import MODEL, party

GAME = Path(__file__).parents[1] / "docs" / "examples" / "commons.py"
PRICES = {MODEL: Price(input=1.0, output=8.0)}


class Talker(Model):
    """Speaks now briefly and now at length, and counts what it would be paid for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # How long it speaks is what the estimate has to find out.
        self._usual = random.Random(seed).uniform(3.0, 4.8)
        self.cost = 0.0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """As `Model.complete`; takes no time."""
        await anyio.lowlevel.checkpoint()
        rng = generator(self._seed, request.seed or 0, request.draw)
        said = msgspec.json.decode(legal(request))
        if "text" in said:
            length = min(200, 1 + int(rng.lognormvariate(self._usual, 0.7)))
            said = {"text": filler(length, rng), "leave": rng.random() < 0.2}
        text = msgspec.json.encode(said).decode()
        if rng.random() < 0.03:
            text = "I would rather not say."
        size = sum(len(prompt.content) for prompt in request.prompts)
        tokens_in = round(size * rng.uniform(0.2, 0.24)) + 30
        tokens_out = round(len(text) * rng.uniform(0.22, 0.28)) + 3
        self.cost += (tokens_in * 1.0 + tokens_out * 8.0) / 1e6
        return Reply(
            text=text, finish="stop", tokens_in=tokens_in, tokens_out=tokens_out
        )


def commons(seed: int) -> Cast:
    """Five seats that talk and give, four times."""
    group = Group(count=5, model=MODEL)
    return Cast(
        Population(
            scenario=str(GAME), seed=seed, parameters={"rounds": 4}, seats=(group,)
        )
    )


def try_some(cast: Cast, model: Model, count: int) -> tuple[Rehearsal, list[Trial]]:
    """The first rehearsal of *cast*, and a pilot of *count* calls."""
    first = first_rehearsal(cast)
    samples = choose(first, PRICES, count, random.Random(1))
    return first, anyio.run(try_out, samples, {MODEL: model}, PRICES)


def estimated(cast: Cast, model: Model, count: int = 8) -> Estimate:
    """What *cast*'s run is estimated to cost after a pilot of *count* calls."""
    return estimate(cast, *try_some(cast, model, count), PRICES, most=6)


def paid(cast: Cast, talker: Talker) -> float:
    """What *cast*'s run costs with *talker*."""

    async def run() -> None:
        await play(cast, models={MODEL: talker})

    run_in_no_time(run)
    return talker.cost


def test_the_interval_holds_what_the_run_then_costs() -> None:
    """In nine runs of ten or more, for a model that is unlike itself from run to run."""
    held = 0
    for seed in range(32):
        cast = commons(seed)
        found = estimated(cast, Talker(seed)).cost
        assert found is not None
        held += found.low <= paid(cast, Talker(seed)) <= found.high

    assert held >= 29, held


def test_a_larger_pilot_knows_more() -> None:
    """More calls make a narrower interval."""
    few, many = (estimated(commons(1), Talker(1), count).cost for count in (4, 30))

    assert few is not None
    assert many is not None
    assert many.high / many.low < few.high / few.low


def test_calls_that_are_no_matter_of_chance_are_known() -> None:
    """Where everybody is asked once, there is but the doubt whether all will answer."""
    calls = estimated(commons(1), ScriptedModel(legal), 30).models[MODEL].calls

    assert 40 <= calls.low <= calls.middle <= calls.high < 48


def test_a_model_that_does_not_listen_is_asked_again() -> None:
    """Three calls for each act, as in the run."""
    model = ScriptedModel(lambda request: "I would rather not say.")

    assert estimated(commons(1), model).models[MODEL].calls.middle == 3 * 40


def test_without_a_pilot_the_interval_is_wider() -> None:
    """From the shortest replies to the longest; it holds any interval with a pilot."""
    cast = commons(1)
    wide = limits(cast, first_rehearsal(cast), PRICES).cost
    found = estimated(cast, Talker(1)).cost

    assert wide is not None
    assert found is not None
    assert wide.low <= found.low < found.high <= wide.high
    assert wide.high / wide.low > 5 * found.high / found.low


def test_what_has_no_price_is_unknown() -> None:
    """Its tokens are estimated, and the whole cost is not."""
    cast = commons(1)
    first, trials = try_some(cast, Talker(1), 8)
    found = estimate(cast, first, trials, {})

    assert found.cost is None
    assert found.models[MODEL].cost is None
    assert found.models[MODEL].tokens_in.middle > 0


def test_a_server_that_counts_no_tokens_makes_a_wide_interval() -> None:
    """What nobody has counted is drawn, and the interval says so."""
    found = estimated(commons(1), ScriptedModel(legal)).models[MODEL]

    assert found.tokens_in.high > 1.5 * found.tokens_in.low


# -- the pilot


def test_a_pilot_is_spread_over_questions_and_seats() -> None:
    """Every question is tried, by as many seats as there are calls for it."""
    samples = choose(first_rehearsal(party()), PRICES, 9, random.Random(1))

    assert Counter(sample.kind.what for sample in samples) == {
        "chat": 3,
        "Invite": 3,
        "Accept": 3,
    }
    seats = {(sample.kind, sample.ask.seat) for sample in samples}
    assert len(seats) >= 8


def test_every_model_is_tried() -> None:
    """However few calls there are, no model is left out."""
    groups = [Group(names=(f"L{n}",), model=f"test/{n}") for n in range(3)]
    population = Population(scenario="cocktail-party", seats=tuple(groups))
    first = first_rehearsal(Cast(population))
    samples = choose(first, {}, 6, random.Random(1))

    assert Counter(sample.kind.model for sample in samples) == {
        "test/0": 2,
        "test/1": 2,
        "test/2": 2,
    }
    assert size_of(first, None) == 3 * EACH


def test_a_pilot_of_one_is_refused() -> None:
    """One call does not say how much calls differ; none is another matter."""
    first = first_rehearsal(party())

    with pytest.raises(UsageError, match="--pilot 2 or more"):
        size_of(first, 1)
    assert size_of(first, 0) == 0
    assert size_of(first, None) == 8


def test_a_pilot_says_what_it_has_cost() -> None:
    """Each call has its price, and whether it was an answer."""
    _, trials = try_some(commons(1), Talker(1), 8)

    assert len(trials) == 8
    assert all(trial.call.cost for trial in trials)
    assert sum(trial.legal for trial in trials) >= 6


def test_a_model_that_never_replies_ends_the_pilot() -> None:
    """Its own error is told, and nothing is estimated."""
    model = ScriptedModel([ModelError("auth", "HTTP 401: no")] * 8)
    with pytest.raises(ModelError, match="test/one") as caught:
        try_some(commons(1), model, 8)

    assert caught.value.kind == "auth"


def test_some_failures_do_not_end_it() -> None:
    """What did come back is used."""
    said = '{"text":"So it is.","leave":false}'
    model = ScriptedModel([ModelError("server", "HTTP 500"), *[said] * 7])
    first, trials = try_some(commons(1), model, 8)

    assert sum(trial.call.error == "server" for trial in trials) == 1
    assert estimate(commons(1), first, trials, PRICES).models[MODEL].calls.middle > 0


# -- figures


@pytest.mark.parametrize("count", [2, 3, 8])
def test_weighted_means_vary_as_means_do(count: int) -> None:
    """The variance that the weights give is the one that is estimated without bias."""
    rng = random.Random(count)
    values = [rng.random() for _ in range(count)]
    means = [
        sum(w * v for w, v in zip(weights(count, rng), values, strict=True))
        for _ in range(20_000)
    ]

    assert fmean(means) == pytest.approx(fmean(values), rel=0.05)
    assert variance(means) == pytest.approx(variance(values) / count, rel=0.08)


def test_one_call_has_all_the_weight() -> None:
    """There is nobody to share it with."""
    assert weights(1, random.Random(1)) == [1.0]


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.71), (5, 2.57), (10, 2.23), (11, 2.201), (30, 2.042), (1_000, 1.962)],
)
def test_students_t(freedom: float, quantile: float) -> None:
    """As the tables have it."""
    assert student(freedom) == pytest.approx(quantile, abs=0.005)


def test_an_interval_is_about_the_mean() -> None:
    """No end is below nothing; what never differs is exact."""
    found = interval([1.0, 2.0, 9.0], 20)

    assert 0 < found.low < found.middle == 4.0 < found.high
    assert interval([7.0, 7.0, 7.0], 20).high == 7.0


def test_kinds_tell_questions_apart() -> None:
    """By model and question, so that a pilot of one does not speak for another."""
    kinds = first_rehearsal(party()).tallies.keys()

    assert kinds == {Kind(MODEL, what) for what in ("Invite", "Accept", "chat")}
