"""Rule minds as oracles: what is known of them must come out of whole runs."""

from collections.abc import Sequence

import numpy as np
import pytest

from hubbub.measures.arrays import Floats
from hubbub.measures.curves import Curve, Settings, contact_curves
from hubbub.measures.nulls import occupancy
from hubbub.measures.reading import read_party
from hubbub.measures.trend import mean_of_runs
from hubbub.population import Cast, Group, Population

from ..leaping import in_no_time
from ..playing import play

SEATS, WINDOW = 6, 5
SHARES = ("distinct_invitation_total", "distinct_conversation_total")


def runs(
    mind: str,
    seeds: int,
    seats: int = SEATS,
    rounds: int = 16,
    window: int = WINDOW,
    **options: float,
) -> list[dict[str, Curve]]:
    """The curves of as many parties of *mind* as *seeds*."""
    found: list[dict[str, Curve]] = []

    @in_no_time
    async def go() -> None:
        for seed in range(seeds):
            group = Group(count=seats, mind=mind, options=dict(options))
            parameters = {"rounds": rounds, "turns": 1}
            population = Population(
                scenario="cocktail-party",
                seed=seed,
                parameters=parameters,
                seats=(group,),
            )
            party = read_party(await play(Cast(population)))
            curves = contact_curves(party, Settings(window=window, draws=99))
            found.append({c.measure: c for c in curves if c.rounds != (None,)})

    go()
    return found


@pytest.fixture(scope="module")
def uniform() -> list[dict[str, Curve]]:
    return runs("uniform", 12)


@pytest.fixture(scope="module")
def reinforcement() -> list[dict[str, Curve]]:
    return runs("reinforcement", 6, focus=1.0)


@pytest.fixture(scope="module")
def narrowing() -> list[dict[str, Curve]]:
    return runs("reinforcement", 8, seats=8, rounds=24, window=8)


def values(runs: Sequence[dict[str, Curve]], measure: str) -> Floats:
    """One row a run."""
    return np.array([run[measure].ratio.value for run in runs])


def limits(runs: Sequence[dict[str, Curve]], measure: str) -> tuple[Floats, Floats]:
    bands = [run[measure].bands["uniform"] for run in runs]
    return np.array([b.low for b in bands]), np.array([b.high for b in bands])


def test_uniform_minds_invite_as_distinctly_as_the_formula_says(
    uniform: list[dict[str, Curve]],
) -> None:
    """Five invitations of five others: 0.672, within three standard errors."""
    means = values(uniform, "distinct_invitation_total").mean(axis=1)
    (expected,) = occupancy(np.array([float(WINDOW)]), SEATS - 1)[0] / WINDOW

    assert expected == pytest.approx(1 - 0.8**5)
    error = means.std(ddof=1) / len(means) ** 0.5
    assert abs(means.mean() - expected) < 3 * error


@pytest.mark.parametrize("measure", SHARES)
def test_uniform_minds_stay_in_the_band_of_chance(
    uniform: list[dict[str, Curve]], measure: str
) -> None:
    """At nearly all points of nearly all runs, as a band of 95 % must have it."""
    low, high = limits(uniform, measure)
    found = values(uniform, measure)

    assert np.mean((low - 1e-9 <= found) & (found <= high + 1e-9)) > 0.9


@pytest.mark.parametrize("measure", SHARES)
def test_uniform_minds_have_no_trend(
    uniform: list[dict[str, Curve]], measure: str
) -> None:
    """The population being the unit, 0 is in the interval of the slope."""
    slope = mean_of_runs([run[measure].slope for run in uniform])

    assert slope.low is not None
    assert slope.high is not None
    assert slope.low < 0 < slope.high


@pytest.mark.parametrize("measure", SHARES)
def test_reinforcement_keeps_to_fewer_than_chance(
    reinforcement: list[dict[str, Curve]], measure: str
) -> None:
    """The mean of every run is below what chance gives; many points are below the band."""
    found = values(reinforcement, measure)
    chance = np.array([run[measure].bands["uniform"].mean for run in reinforcement])
    low, _ = limits(reinforcement, measure)

    assert (found.mean(axis=1) < chance.mean(axis=1)).all()
    assert np.mean(found < low) > 0.1


@pytest.mark.parametrize("measure", SHARES)
def test_narrowing_minds_have_a_falling_slope(
    narrowing: list[dict[str, Curve]], measure: str
) -> None:
    """Whole circles narrow: the interval over runs lies below 0."""
    slope = mean_of_runs([run[measure].slope for run in narrowing])

    assert slope.high is not None
    assert slope.high < 0


def test_narrowing_is_told_from_steady_preferences(
    narrowing: list[dict[str, Curve]],
) -> None:
    """Against shuffled rounds: what is left is the order in time."""
    below = [
        run["distinct_invitation_total"].slope
        < run["distinct_invitation_total"].slope_bands["shuffled"].mean[0]
        for run in narrowing
    ]

    assert np.mean(below) > 0.7


@pytest.mark.parametrize(
    "measure",
    [
        "invitation_reciprocity",
        "invitation_modularity",
        "conversation_transitivity",
        "conversation_modularity",
        "conversation_density",
    ],
)
def test_uniform_minds_form_networks_of_chance(
    uniform: list[dict[str, Curve]], measure: str
) -> None:
    """A null that such minds left would be wrong."""
    low, high = limits(uniform, measure)
    found = values(uniform, measure)

    assert np.nanmean((low - 1e-9 <= found) & (found <= high + 1e-9)) > 0.9
