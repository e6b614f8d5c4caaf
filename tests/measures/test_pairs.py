"""Tight and loose pairs, and the distance of what they say from everybody's."""

from math import sqrt

import numpy as np
import pytest

from hubbub.errors import UsageError
from hubbub.measures.pairs import (
    Vectors,
    distances,
    embed_texts,
    find_pairs,
    group,
    shuffled_words,
    texts,
)
from hubbub.measures.party import Party
from hubbub.models.embeddings import HashedNgrams

from .hosting import party

X, Y, Z = np.eye(3)


def vectors(**of: object) -> Vectors:
    """Planted vectors."""
    return Vectors("planted", {k: np.array(v, float) for k, v in of.items()})


def talking(*rounds: list[str], **words: str) -> Party:
    """A party of four; what a pair says in a round is *words* of the round and pair."""
    text = {key.removeprefix("r"): value for key, value in words.items()}
    return party("abcd", *rounds, text=text)


def test_more_than_five_conversations_make_a_pair_tight() -> None:
    """In the whole run, whoever invited; five do not."""
    guests = party("abc", *[["ab!"]] * 3, *[["ba!"]] * 3, *[["bc!", "ab"]] * 5)
    found = find_pairs(guests)

    assert [(p.one, p.other, p.conversations, p.tight) for p in found] == [
        ("a", "b", 6, True),
        ("b", "c", 5, False),
    ]


def test_the_boundary_is_a_choice() -> None:
    """For runs of other lengths."""
    guests = party("ab", ["ab!"], ["ba!"])

    assert [find_pairs(guests, more_than=n)[0].tight for n in (1, 2)] == [True, False]


def test_a_distance_is_from_the_mean_of_all_pairs() -> None:
    """Two pairs at a right angle: their mean is halfway, by 1 - 1/√2 from each."""
    guests = talking(["ab!", "cd!"], r1ab="x", r1cd="y")
    found = distances(guests, vectors(x=X, y=Y), 1)

    assert found.values.tolist() == [pytest.approx([1 - 1 / sqrt(2)] * 2)]


def test_a_pair_counts_once_however_much_it_talks() -> None:
    """Two conversations of one pair are one vector, of length 1 again."""
    guests = talking(["ab!", "cd!"], ["ba!"], r1ab="x", r1cd="y", r2ba="x")
    found = distances(guests, vectors(x=X, y=Y), 2)

    assert found.values.tolist() == [pytest.approx([1 - 1 / sqrt(2)] * 2)]


def test_a_pair_that_is_silent_in_a_window_has_no_distance() -> None:
    """None, and not 0; the others' mean is without it."""
    guests = talking(["ab!", "cd!"], ["ab!"], r1ab="x", r1cd="y", r2ab="x")
    found = distances(guests, vectors(x=X, y=Y), 1).values

    assert np.isnan(found[1, 1])
    assert found[1, 0] == pytest.approx(0)


def test_a_group_is_the_mean_of_its_pairs_that_spoke() -> None:
    """With how many there were; a window without any is undefined."""
    guests = talking(["ab!", "cd!"], ["ab!"], r1ab="x", r1cd="y", r2ab="x")
    found = distances(guests, vectors(x=X, y=Y), 1, more_than=1)
    tight = group(found.values, found.pairs, tight=True)
    loose = group(found.values, found.pairs, tight=False)

    assert tight.denominator.tolist() == [1, 1]
    assert loose.denominator.tolist() == [1, 0]
    assert np.isnan(loose.value[1])


def test_the_distance_may_be_euclidean() -> None:
    """The paper names none; the mean of two unit vectors is √½ from either."""
    guests = talking(["ab!", "cd!"], r1ab="x", r1cd="y")
    found = distances(guests, vectors(x=X, y=Y), 1, distance="euclidean")

    assert found.values.tolist() == [pytest.approx([sqrt(0.5)] * 2)]


def test_the_unit_may_be_all_that_a_pair_says_in_a_window() -> None:
    """The paper's wording: one text a pair and window."""
    guests = talking(["ab!", "cd!"], ["ba!"], r1ab="x", r1cd="y", r2ba="z")
    wanted = texts(guests, 2, "window")
    found = distances(guests, Vectors("planted", {"x\nz": X, "y": Y}), 2, unit="window")

    assert wanted == ("x\nz", "y")
    assert found.values.tolist() == [pytest.approx([1 - 1 / sqrt(2)] * 2)]


def test_a_windows_text_is_of_that_window_alone() -> None:
    """What was said before has rolled out of it."""
    guests = talking(["ab!"], ["ab!"], ["ab!"], r1ab="x", r2ab="y", r3ab="z")

    assert texts(guests, 2, "window") == ("x\ny", "y\nz")


def test_texts_are_each_embedded_once() -> None:
    """A conversation's text is its lines; the same words are the same text."""
    guests = talking(["ab!", "cd!"], ["ab!"], r1ab="x", r1cd="y", r2ab="x")

    assert texts(guests, 1) == ("x", "y")
    assert texts(guests, 3, "window") == ()


def test_a_party_without_talk_has_no_distances() -> None:
    """Nor does a run that is shorter than the window."""
    silent, short = party("ab", ["ab"], ["ab"]), talking(["ab!"], r1ab="x")

    assert distances(silent, vectors(), 1).values.shape == (2, 0)
    assert distances(silent, vectors(), 1, unit="window").values.shape == (2, 0)
    assert distances(short, vectors(x=X), 2).values.shape == (0, 1)


def test_shuffled_words_keep_who_talks_when() -> None:
    """Two of a round swap words or not; a conversation that is alone keeps its own."""
    guests = talking(["ab!", "cd!"], ["bc!"], r1ab="x", r1cd="y", r2bc="z")
    drawn = shuffled_words(guests, vectors(x=X, y=Y, z=Z), 2, draws=200, seed=1)
    seen = distances(guests, vectors(x=X, y=Y, z=Z), 2).values

    assert drawn.shape == (200, 1, 3)
    assert drawn[:, 0] == pytest.approx(np.broadcast_to(seen[0], (200, 3)))
    far = [Vectors("p", {"x": X, "y": (X + Y) / sqrt(2), "z": X})]
    mixed = shuffled_words(guests, far[0], 2, draws=200, seed=1)[:, 0, 0]
    assert len(set(mixed.round(6))) == 2
    assert np.mean(mixed == mixed.max()) == pytest.approx(0.5, abs=0.12)


async def test_vectors_have_their_embedders_name_and_length_1() -> None:
    """Every number made from them can say what it was measured with."""
    found = await embed_texts(["one two", "three four"], HashedNgrams())

    assert found.embedder == "hashed/ngrams"
    assert list(found.of) == ["one two", "three four"]
    assert all(np.linalg.norm(v) == pytest.approx(1) for v in found.of.values())


class Nothing(HashedNgrams):
    """An embedder that has lost its way."""

    async def embed(self, texts: object, *, deadline: float) -> list[list[float]]:
        return [[0.0, 0.0]]


async def test_a_vector_of_nothing_is_refused() -> None:
    """It points nowhere: a distance from it would be made up."""
    with pytest.raises(UsageError, match="length 0 has no direction"):
        await embed_texts(["x"], Nothing())


def test_planted_convergence_shows_as_tight_pairs_diverging() -> None:
    """Two tight pairs drift to topics of their own while loose ones keep to one."""
    rounds: list[list[str]] = []
    words: dict[str, str] = {}
    planted: dict[str, object] = {}
    for number in range(1, 13):
        rounds.append(["ab!", "cd!", ("ac!", "bd!", "ad!", "bc!")[number % 4]])
        angle = number / 12
        for pair, axis in (("ab", Y), ("cd", Z), (rounds[-1][2][:2], X)):
            key = f"{number}{pair}"
            words[f"r{key}"] = key
            planted[key] = X if axis is X else X * (1 - angle) + axis * angle
    guests = talking(*rounds, **words)
    unit = {
        k: np.asarray(v) / np.linalg.norm(np.asarray(v)) for k, v in planted.items()
    }
    found = distances(guests, Vectors("planted", unit), 4)
    tight = group(found.values, found.pairs, tight=True).value
    loose = group(found.values, found.pairs, tight=False).value

    assert (np.diff(tight) > 0).all()
    assert tight[-1] > loose[-1]
