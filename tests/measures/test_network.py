"""Network measures of planted networks, and against an independent library."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.measures import network
from hubbub.measures.arrays import Counts, Ratio
from hubbub.measures.communities import communities, modularity

#: Its types are too loose for ours.
nx: Any = import_module("networkx")


def matrix(size: int, *edges: tuple[int, int, int]) -> Counts:
    """Weights of directed *edges*."""
    weights = np.zeros((size, size), np.int64)
    for one, other, weight in edges:
        weights[one, other] = weight
    return weights


def both_ways(weights: Counts) -> Counts:
    return weights + weights.T


#: 0 ⇄ 1 with weights 3 and 1, 0 → 2, 2 → 3; 4 is alone.
DIRECTED = matrix(5, (0, 1, 3), (1, 0, 1), (0, 2, 2), (2, 3, 1))
#: A triangle of 0, 1 and 2, with 3 hanging on 0; 4 is alone.
TRIANGLE = both_ways(matrix(5, (0, 1, 2), (1, 2, 1), (0, 2, 1), (0, 3, 4)))
EMPTY = matrix(5)


def parts(ratio: Ratio) -> tuple[float, float]:
    return float(ratio.numerator), float(ratio.denominator)


@pytest.mark.parametrize(
    ("measure", "weights", "wanted"),
    [
        (network.density, DIRECTED, (4, 20)),
        (network.density, TRIANGLE, (8, 20)),
        (network.mean_degree, DIRECTED, (4, 5)),
        (network.mean_strength, DIRECTED, (7, 5)),
        (network.isolates, DIRECTED, (1, 5)),
        (network.reciprocity, DIRECTED, (2, 4)),
        (network.weighted_reciprocity, DIRECTED, (2, 7)),
        (network.top_share, DIRECTED, (3, 7)),
        (network.top_share, TRIANGLE, (7, 16)),
        (network.transitivity, TRIANGLE, (6, 10)),
        (network.clustering, TRIANGLE, (1 / 3 + 1 + 1, 3)),
        (network.hubs, TRIANGLE, (0, 5)),
    ],
)
def test_planted_networks_have_exact_values(
    measure: Callable[[Counts], Ratio], weights: Counts, wanted: tuple[float, float]
) -> None:
    """Numerator and denominator, counted by hand."""
    assert parts(measure(weights)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "measure",
    [
        network.reciprocity,
        network.weighted_reciprocity,
        network.top_share,
        network.transitivity,
        network.clustering,
        partial(modularity, seed=1),
    ],
)
def test_a_network_without_edges_has_no_value(
    measure: Callable[[Counts], Ratio],
) -> None:
    """It is undefined and not 0."""
    assert np.isnan(measure(EMPTY).value)


def test_a_network_without_edges_is_all_isolates() -> None:
    """What can be counted, is."""
    assert network.isolates(EMPTY).value == 1
    assert network.density(EMPTY).value == 0
    assert network.hubs(EMPTY).value == 0
    assert np.isnan(network.density(matrix(1)).value)


def test_a_hub_receives_far_more_than_others() -> None:
    """A star of seven has one; inviting much makes none."""
    star = matrix(7, *[(i, 0, 1) for i in range(1, 7)])

    assert network.hubs_by_seat(star).tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert not network.hubs_by_seat(star.T).any()


_weights = st.integers(2, 7).flatmap(
    lambda n: st.lists(st.integers(0, 2), min_size=n * n, max_size=n * n).map(
        lambda cells: np.array(cells).reshape(n, n) * (1 - np.eye(n, dtype=int))
    )
)


@given(weights=_weights)
@settings(max_examples=60)
def test_an_independent_library_agrees(weights: Counts) -> None:
    """On reciprocity, transitivity, clustering and modularity of any network."""
    directed = nx.from_numpy_array(weights, create_using=nx.DiGraph)
    graph = nx.from_numpy_array(both_ways(weights))
    found = communities(weights, seed=1)
    groups = [set(np.flatnonzero(found == label).tolist()) for label in set(found)]
    some = [i for i in graph if graph.degree(i) > 1]
    local: dict[int, float] = nx.clustering(graph, some) if some else {}

    if weights.any():
        wanted = nx.overall_reciprocity(directed)
        assert network.reciprocity(weights).value == pytest.approx(wanted)
        q = nx.community.modularity(graph, groups)
        assert modularity(weights, seed=1).value == pytest.approx(q)
    if some:
        wanted = nx.transitivity(graph)
        assert network.transitivity(weights).value == pytest.approx(wanted)
        wanted = np.mean([local[i] for i in some])
        assert network.clustering(weights).value == pytest.approx(wanted)


def partitions(size: int) -> list[list[int]]:
    """Every way to put *size* seats into communities."""
    found = [[0]]
    for _ in range(size - 1):
        found = [[*part, label] for part in found for label in range(max(part) + 2)]
    return found


def test_the_search_nearly_always_finds_the_best_communities() -> None:
    """Of 60 random networks of six, against all 203 partitions of each."""
    chance = np.random.default_rng(1)
    drawn = chance.poisson(0.6, size=(60, 6, 6)) * (1 - np.eye(6, dtype=int))
    found = modularity(drawn, seed=1).value
    best: list[float] = []
    for weights in drawn:
        both = both_ways(weights).astype(float)
        total, own = both.sum(), both.sum(axis=0)
        gain = (both - np.outer(own, own) / total) / total
        best.append(
            max(gain[np.equal.outer(p, p)].sum() for p in map(np.array, partitions(6)))
        )

    assert (found <= np.array(best) + 1e-9).all()
    assert np.mean(found > np.array(best) - 1e-9) > 0.9
    assert found.mean() == pytest.approx(np.mean(best), rel=0.02)


def test_the_search_is_as_good_as_another_ones() -> None:
    """On networks the size of a party's, on average."""
    chance = np.random.default_rng(2)
    drawn = chance.poisson(0.5, size=(40, 12, 12)) * (1 - np.eye(12, dtype=int))
    theirs: list[float] = []
    for weights in drawn:
        graph = nx.from_numpy_array(both_ways(weights))
        groups = nx.community.louvain_communities(graph, seed=1)
        theirs.append(nx.community.modularity(graph, groups))

    assert modularity(drawn, seed=1).value.mean() >= np.mean(theirs) - 0.002


def test_no_single_step_betters_what_is_found() -> None:
    """No seat gains by moving, and no two communities by merging."""
    chance = np.random.default_rng(4)
    drawn = chance.poisson(0.8, size=(150, 9, 9)) * (1 - np.eye(9, dtype=int))
    for weights, found in zip(drawn, communities(drawn, seed=1), strict=True):
        both = both_ways(weights).astype(float)
        own = both.sum(axis=0)
        gain = both - np.outer(own, own) / both.sum()
        steps: list[Counts] = [
            np.where(found == one, other, found) for one in found for other in found
        ]
        for seat in range(9):
            steps += [np.where(np.arange(9) == seat, to, found) for to in (*found, 99)]
        best = max(gain[np.equal.outer(step, step)].sum() for step in steps)

        assert best <= gain[np.equal.outer(found, found)].sum() + 1e-9


def test_two_cliques_are_two_communities() -> None:
    """Named by their first members; who is alone is one, too."""
    cliques = both_ways(
        matrix(7, (0, 2, 1), (0, 5, 1), (2, 5, 1), (1, 3, 1), (1, 4, 1), (3, 4, 1))
    )

    assert communities(cliques, seed=1).tolist() == [1, 2, 1, 2, 2, 1, 7]
    assert modularity(cliques, seed=1).value == pytest.approx(0.5)


def test_a_network_is_searched_as_it_would_be_alone() -> None:
    """Whatever others are searched beside it."""
    chance = np.random.default_rng(3)
    drawn = chance.poisson(0.7, size=(30, 9, 9)) * (1 - np.eye(9, dtype=int))
    alone = [communities(weights, seed=5).tolist() for weights in drawn]

    assert communities(drawn, seed=5).tolist() == alone
    assert communities(drawn.reshape(5, 6, 9, 9), seed=5).shape == (5, 6, 9)
