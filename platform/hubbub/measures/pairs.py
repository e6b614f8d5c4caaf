"""
Tight and loose pairs, and how far their talk is from everybody's.

Source: arXiv 2402.12590, section 2 and appendix D.1.  Two are a tight pair if they held
more than five conversations in the whole run; all others that talked are loose.  For each
window, each pair's talk becomes a vector, ``e(p)``; a group's distance is the mean over its
pairs that talked in the window of the distance between ``e(p)`` and the mean vector of all
pairs that did.  What the paper leaves open is a choice here:

* the distance: ``cosine``, ``1 - cos(e(p), mean)``, from 0 to 2, or ``euclidean``;
* the unit of text: ``window`` embeds all that a pair said in the window as one text, which
  is the paper's wording and which short-sighted embedders cut off; ``conversation`` embeds
  each conversation, adds up and scales to length 1.

"Tight" is known only afterwards, from the run as a whole, and a pair with many
conversations averages over many: compare a distance with its null, not with 0.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from hubbub.errors import UsageError
from hubbub.measures.arrays import Floats, Ratio, add, add_defined, divide
from hubbub.measures.nulls import rng
from hubbub.measures.party import Conversation, Party
from hubbub.models.embeddings import Embedder

#: More conversations in a run than this make a pair tight.
TIGHT = 5
#: Seconds for all of a party's texts.
DEADLINE = 600.0

Unit = Literal["conversation", "window"]
Distance = Literal["cosine", "euclidean"]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two that held *conversations* in a run, in the order of seats."""

    one: str
    other: str
    conversations: int
    tight: bool


class Vectors(NamedTuple):
    """Vectors of length 1 by text, and the name of the *embedder* that made them."""

    embedder: str
    of: Mapping[str, Floats]


class Distances(NamedTuple):
    """Each pair's distance in each window, ``[windows, pairs]``; NaN if it was silent."""

    pairs: tuple[Pair, ...]
    values: Floats


def find_pairs(party: Party, more_than: int = TIGHT) -> tuple[Pair, ...]:
    """All pairs of *party* that held a conversation."""
    place = {seat: i for i, seat in enumerate(party.seats)}
    count: dict[tuple[int, int], int] = {}
    for talk in party.held:
        one, other = sorted((place[talk.inviter], place[talk.partner]))
        count[one, other] = count.get((one, other), 0) + 1
    return tuple(
        Pair(
            one=party.seats[one],
            other=party.seats[other],
            conversations=times,
            tight=times > more_than,
        )
        for (one, other), times in sorted(count.items())
    )


def texts(party: Party, width: int, unit: Unit = "conversation") -> tuple[str, ...]:
    """The texts that `distances` needs vectors of, each once."""
    if unit == "conversation":
        return tuple(dict.fromkeys(talk.text for talk in party.held))
    found = (
        _said(talks)
        for last in range(width, party.rounds + 1)
        for talks in _by_pair(party, last, width).values()
    )
    return tuple(dict.fromkeys(found))


async def embed_texts(
    texts: Sequence[str], embedder: Embedder, *, deadline: float = DEADLINE
) -> Vectors:
    """
    Vectors of *texts* from *embedder*, within *deadline* seconds.

    Raises `ModelError`, and `UsageError` if a vector is zero: it has no direction.
    """
    made = await embedder.embed(list(texts), deadline=deadline)
    found = {text: unit_vector(v) for text, v in zip(texts, made, strict=True)}
    return Vectors(embedder.name, found)


def unit_vector(vector: Sequence[float] | Floats) -> Floats:
    """*vector* scaled to length 1; `UsageError` if that cannot be done."""
    array = np.asarray(vector, float)
    length = float(np.linalg.norm(array))
    if not (0 < length < np.inf):
        raise UsageError(f"an embedding of length {length:g} has no direction")
    return array / length


def distances(
    party: Party,
    vectors: Vectors,
    width: int,
    *,
    unit: Unit = "conversation",
    distance: Distance = "cosine",
    more_than: int = TIGHT,
) -> Distances:
    """Each pair's distance from the mean of all, in every window of *width* rounds."""
    pairs = find_pairs(party, more_than)
    if unit == "conversation":
        rounds = _by_round(party, pairs, _matrix(party, vectors))
        return Distances(pairs, _windowed(rounds, width, distance))
    last = range(width, party.rounds + 1)
    values = [
        _from_mean(_of_window(party, pairs, vectors, t, width), distance) for t in last
    ]
    return Distances(pairs, np.array(values, float).reshape(len(last), len(pairs)))


def shuffled_words(
    party: Party,
    vectors: Vectors,
    width: int,
    *,
    draws: int,
    seed: int,
    distance: Distance = "cosine",
    more_than: int = TIGHT,
) -> Floats:
    """
    The null of `distances` with the unit ``conversation``: ``[draws, windows, pairs]``.

    Within each round, which conversation had which words is drawn anew.  Who met whom
    and when stays, and so does any drift that is common to all.
    """
    pairs, said, chance = find_pairs(party, more_than), party.held, rng(seed, "words")
    matrix = _matrix(party, vectors)
    places = [
        np.array([i for i, talk in enumerate(said) if talk.round == number], int)
        for number in range(1, party.rounds + 1)
    ]
    values: list[Floats] = []
    for _ in range(draws):
        mixed = matrix.copy()
        for place in places:
            mixed[place] = matrix[chance.permutation(place)]
        values.append(_windowed(_by_round(party, pairs, mixed), width, distance))
    return np.array(values)


def group(values: Floats, pairs: Sequence[Pair], *, tight: bool) -> Ratio:
    """The mean of *values*, ``[…, pairs]``, over tight (or loose) pairs that spoke."""
    chosen = np.array([pair.tight == tight for pair in pairs], bool)
    return add_defined(np.where(chosen, values, np.nan))


def _matrix(party: Party, vectors: Vectors) -> Floats:
    """The vector of each conversation held, ``[conversations, dimensions]``."""
    rows = [vectors.of[talk.text] for talk in party.held]
    return np.array(rows) if rows else np.zeros((0, 1))


def _by_round(party: Party, pairs: Sequence[Pair], matrix: Floats) -> Floats:
    """Sums of the rows of *matrix*, ``[rounds, pairs, dimensions]``."""
    place = {frozenset((pair.one, pair.other)): i for i, pair in enumerate(pairs)}
    sums = np.zeros((party.rounds, len(pairs), matrix.shape[-1]))
    for row, talk in zip(matrix, party.held, strict=True):
        sums[talk.round - 1, place[talk.pair]] += row
    return sums


def _windowed(rounds: Floats, width: int, distance: Distance) -> Floats:
    last = range(width, len(rounds) + 1)
    values = [
        _from_mean(_units(rounds[t - width : t].sum(axis=0)), distance) for t in last
    ]
    return np.array(values, float).reshape(len(last), rounds.shape[1])


def _units(sums: Floats) -> Floats:
    """Rows scaled to length 1; NaN for a pair that was silent."""
    return divide(sums, np.linalg.norm(sums, axis=-1, keepdims=True))


def _from_mean(rows: Floats, distance: Distance) -> Floats:
    """Each row's distance from the mean row; NaN rows were silent."""
    spoke = ~np.isnan(rows).any(axis=-1)
    if not spoke.any():
        return np.full(len(rows), np.nan)
    mean = rows[spoke].mean(axis=0)
    if distance == "euclidean":
        return np.sqrt(add((rows - mean) ** 2))
    return 1 - divide(rows @ mean, np.linalg.norm(mean))


def _of_window(
    party: Party, pairs: Sequence[Pair], vectors: Vectors, last: int, width: int
) -> Floats:
    talks = _by_pair(party, last, width)
    size = len(next(iter(vectors.of.values()), np.zeros(1)))
    rows = np.full((len(pairs), size), np.nan)
    for row, pair in zip(rows, pairs, strict=True):
        if said := talks.get(frozenset((pair.one, pair.other))):
            row[:] = vectors.of[_said(said)]
    return rows


def _by_pair(
    party: Party, last: int, width: int
) -> dict[frozenset[str], list[Conversation]]:
    """The conversations of the window that ends with round *last*, by pair."""
    found: dict[frozenset[str], list[Conversation]] = {}
    for talk in party.held:
        if last - width < talk.round <= last:
            found.setdefault(talk.pair, []).append(talk)
    return found


def _said(talks: Sequence[Conversation]) -> str:
    return "\n".join(talk.text for talk in talks)
