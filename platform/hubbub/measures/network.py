"""
The networks of a party: who invites whom, and who talks with whom.

The invitation network is directed: an edge i → j of weight ``w(i,j)``, how often i invited
j in the window, whether j accepted or not.  The conversation network is undirected:
``w(i,j) = w(j,i)`` is how many conversations the two held.  ``N`` is the number of seats,
``k(i)`` the degree (distinct others), ``s(i)`` the strength (sum of weights).

The source (arXiv 2402.12590) reports no network statistic, so the definitions are the
common ones, named at each function.  A measure takes the weights of windows,
``[…, seats, seats]``, and returns a `Ratio` over the leading axes; it is undefined where
its denominator is 0, for example in a window without edges.
"""

import numpy as np

from hubbub.measures.arrays import Counts, Floats, Ratio, add, add_defined, divide

#: Standard deviations above the mean strength from which a seat is a hub.
HUB = 2.0


def strength(weights: Counts) -> Floats:
    """``s(i)``: the sum of each seat's own row, in contacts per window."""
    return add(weights)


def degree(weights: Counts) -> Floats:
    """``k(i)``: how many others are in each seat's own row."""
    return add(weights > 0)


def mean_degree(weights: Counts) -> Ratio:
    """``Σ k(i) / N``, in seats; for a directed network the mean out-degree."""
    return _per_seat(add(degree(weights)), weights)


def mean_strength(weights: Counts) -> Ratio:
    """``Σ s(i) / N``, in contacts per seat and window."""
    return _per_seat(add(strength(weights)), weights)


def density(weights: Counts) -> Ratio:
    """Edges that there are of the ``N (N - 1)`` ordered pairs; undefined for N < 2."""
    size = weights.shape[-1]
    edges = add(degree(weights))
    return Ratio(edges, np.full(edges.shape, float(size * (size - 1))))


def isolates(weights: Counts) -> Ratio:
    """Seats without any edge, in or out, of all N."""
    alone = (degree(weights) == 0) & (degree(_turned(weights)) == 0)
    return _per_seat(add(alone), weights)


def hubs_by_seat(weights: Counts) -> Floats:
    """
    1 for a hub, else 0.

    A hub's strength, counting contacts that it receives, is above the mean by more than
    `HUB` population standard deviations.  There can be none where N < 6.
    """
    received = strength(_turned(weights))
    mean = np.mean(received, axis=-1, keepdims=True)
    spread = np.std(received, axis=-1, keepdims=True)
    return np.where(received > mean + HUB * spread, 1.0, 0.0)


def hubs(weights: Counts) -> Ratio:
    """Hubs (see `hubs_by_seat`) of all N."""
    return _per_seat(add(hubs_by_seat(weights)), weights)


def top_share(weights: Counts) -> Ratio:
    """The largest received strength, of the sum of all; from 1/N to 1."""
    received = strength(_turned(weights))
    return Ratio(np.max(received, axis=-1, initial=0.0), add(received))


def reciprocity(weights: Counts) -> Ratio:
    """Directed edges i → j with an edge j → i, of all directed edges (binary)."""
    edges, back = weights > 0, _turned(weights) > 0
    return Ratio(add(edges & back, (-2, -1)), add(edges, (-2, -1)))


def weighted_reciprocity(weights: Counts) -> Ratio:
    """``Σ min(w(i,j), w(j,i)) / Σ w(i,j)`` (Squartini et al. 2013, Sci. Rep. 3:2729)."""
    mutual = np.minimum(weights, _turned(weights))
    return Ratio(add(mutual, (-2, -1)), add(weights, (-2, -1)))


def transitivity(weights: Counts) -> Ratio:
    """
    Closed triples of all connected triples, each counted from its middle seat.

    Three times the triangles, divided by ``Σ k(i) (k(i) - 1) / 2``; undirected, binary.
    """
    closed, triples = _triples(weights)
    return Ratio(add(closed), add(triples))


def clustering(weights: Counts) -> Ratio:
    """
    The mean local clustering coefficient of seats that have two neighbours or more.

    A seat's coefficient is the share of its pairs of neighbours that are neighbours
    (Watts and Strogatz 1998); it is undefined for k(i) < 2, and such seats are left out
    rather than counted as 0.  Undirected, binary.
    """
    closed, triples = _triples(weights)
    return add_defined(divide(closed, triples))


def _triples(weights: Counts) -> tuple[Floats, Floats]:
    """Each seat's ordered pairs of neighbours: those that are neighbours, and all."""
    edges = np.where((weights > 0) | (_turned(weights) > 0), 1.0, 0.0)
    closed = add((edges @ edges) * edges)
    degrees = add(edges)
    return closed, degrees * (degrees - 1)


def _per_seat(total: Floats, weights: Counts) -> Ratio:
    return Ratio(total, np.full(total.shape, float(weights.shape[-1])))


def _turned(weights: Counts) -> Counts:
    return np.swapaxes(weights, -1, -2)
