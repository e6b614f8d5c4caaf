"""Tidy tables: every number of a planted party, by its row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hubbub.errors import NotARun, UsageError
from hubbub.measures.curves import Settings
from hubbub.measures.pairs import Vectors, embed_texts, texts
from hubbub.measures.reading import read_party
from hubbub.measures.rows import TABLES, Measures, Value
from hubbub.measures.tables import measure
from hubbub.messages import Message
from hubbub.models.embeddings import HashedNgrams

from ..playing import bus_with
from ..records import kept
from .hosting import Host, party

SETTINGS = Settings(window=2, draws=39)


def log() -> list[Message]:
    """
    Three rounds of three.

    A and B talk in the first and the third, of which A invites to one and B to the other;
    C invites A, who does not accept; in the second, nobody invites anybody.
    """
    host = Host("A", "B", "C")
    host.begin()
    host.invite(A="B", B="passed", C="A")
    host.accept(B=["A"], A=[])
    host.chat("A", "B", "what a lovely evening", "indeed", leaves="B")
    host.begin()
    host.invite(A="passed", B="passed", C=None)
    host.begin()
    host.invite(A="model_error", B="A", C="passed")
    host.accept(A=["B"])
    host.chat("B", "A", "hello again")
    return host.end()


@pytest.fixture(scope="module")
def measures() -> Measures:
    return measure(log(), run="r1", settings=SETTINGS)


def rows(measures: Measures, name: str) -> dict[int | None, tuple[Any, ...]]:
    """The value, numerator and denominator of a measure by round."""
    return {
        row.round: (row.value, row.numerator, row.denominator)
        for row in measures.values
        if row.measure == name
    }


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        # Windows of rounds 1-2 and 2-3, then the whole run.
        ("distinct_invitation_total", {2: (1, 2, 2), 3: (1, 1, 1), None: (1, 3, 3)}),
        (
            "distinct_invitation_window",
            {2: (1 / 3, 1, 3), 3: (1 / 6, 0.5, 3), None: (1 / 3, 1, 3)},
        ),
        (
            "distinct_conversation_total",
            {2: (1, 2, 2), 3: (1, 2, 2), None: (0.5, 1, 2)},
        ),
        (
            "distinct_conversation_window",
            {2: (1 / 3, 1, 3), 3: (1 / 3, 1, 3), None: (2 / 9, 2 / 3, 3)},
        ),
        ("invitation_density", {2: (1 / 3, 2, 6), 3: (1 / 6, 1, 6), None: (0.5, 3, 6)}),
        ("invitation_reciprocity", {2: (0, 0, 2), 3: (0, 0, 1), None: (2 / 3, 2, 3)}),
        (
            "conversation_isolates",
            {2: (1 / 3, 1, 3), 3: (1 / 3, 1, 3), None: (1 / 3, 1, 3)},
        ),
        (
            "conversation_clustering",
            {2: (None, 0, 0), 3: (None, 0, 0), None: (None, 0, 0)},
        ),
        ("distinct_1", {2: (1, 6, 6), 3: (1, 2, 2), None: (1, 8, 8)}),
    ],
)
def test_a_planted_party_has_exact_values(
    measures: Measures, name: str, wanted: Mapping[int | None, tuple[Any, ...]]
) -> None:
    """Counted by hand, over windows and over the run; None is undefined."""
    found = rows(measures, name)

    assert found.keys() == wanted.keys()
    for round, parts in wanted.items():
        assert found[round] == pytest.approx(parts), round


def test_every_value_is_its_numerator_by_its_denominator(measures: Measures) -> None:
    """Also where that cannot be done, and then it is None."""
    for row in measures.values:
        if row.measure.endswith(".slope"):
            assert row.numerator is row.denominator is None
        elif row.denominator == 0:
            assert row.value is None
        else:
            assert row.numerator is not None
            assert row.denominator is not None
            assert row.value == pytest.approx(row.numerator / row.denominator)


def test_there_is_one_row_for_a_round_and_a_measure(measures: Measures) -> None:
    """Whatever is joined by them is joined once."""
    values = [(row.round, row.measure) for row in measures.values]
    chances = [(row.round, row.measure, row.null) for row in measures.chances]
    seats = [(row.round, row.measure, row.seat) for row in measures.seat_values]

    assert len(set(values)) == len(values)
    assert len(set(chances)) == len(chances)
    assert len(set(seats)) == len(seats)
    assert {row[:2] for row in chances} <= set(values)


def test_a_trend_is_a_row_of_its_own(measures: Measures) -> None:
    """From 1/3 to 1/6 in a round."""
    (slope,) = rows(measures, "distinct_invitation_window.slope").values()

    assert slope == (pytest.approx(-1 / 6), None, None)


def test_chance_says_how_it_was_found(measures: Measures) -> None:
    """By formula, or from how many draws."""
    draws = {
        (row.measure, row.null): row.draws for row in measures.chances if row.round == 2
    }

    assert draws["distinct_invitation_total", "uniform"] == 0
    assert draws["distinct_invitation_total", "shuffled"] == 39
    assert draws["distinct_conversation_total", "uniform"] == 39
    assert draws["sentiment", "shuffled"] == 39
    assert ("sentiment", "uniform") not in draws


def test_chance_by_formula_is_of_its_own_reading(measures: Measures) -> None:
    """A and C sent one each in rounds 1 and 2: all distinct, by rounds a third."""
    means = {
        row.measure: row.mean
        for row in measures.chances
        if row.round == 2 and row.null == "uniform"
    }

    assert means["distinct_invitation_total"] == pytest.approx(1)
    assert means["distinct_invitation_window"] == pytest.approx(1 / 3)


def test_the_whole_run_has_no_shuffled_null(measures: Measures) -> None:
    """Rounds in another order are the same run."""
    whole = {row.null for row in measures.chances if row.rounds == 3}

    assert whole == {"uniform"}


def test_seats_have_rows_of_their_own(measures: Measures) -> None:
    """What they sent, got and held, over the run."""
    found = {
        (row.measure, row.seat): row.value
        for row in measures.seat_values
        if row.round is None
    }

    assert found["invitations_sent", "A"] == 1
    assert found["invitations_received", "A"] == 2
    assert found["seats_invited_by", "A"] == 2
    assert found["conversations", "A"] == 2
    assert found["partners", "A"] == 1
    assert found["distinct_conversation_total", "A"] == 0.5
    assert found["distinct_conversation_total", "C"] is None
    assert found["conversation_community", "B"] == 1


def test_the_fold_itself_is_a_table(measures: Measures) -> None:
    """Every invitation with its outcome, every conversation with its length."""
    replies = [(i.round, i.inviter, i.invitee, i.reply) for i in measures.invitations]
    talks = [
        (talk.inviter, talk.partner, talk.utterances, talk.first_to_leave)
        for talk in measures.conversations
    ]

    assert replies[0] == (1, "A", "B", "answered")
    assert [each.outcome for each in measures.invitations][3:7] == [
        "passed",
        "passed",
        "absent",
        "model_error",
    ]
    assert talks == [("A", "B", 3, "B"), ("B", "A", 1, None)]


def test_tables_are_plain_values(measures: Measures) -> None:
    """As JSON they come back the same; as rows each has its run's name."""
    assert msgspec.json.decode(msgspec.json.encode(measures), type=Measures) == measures
    tables = measures.tables()

    assert tuple(tables) == TABLES
    assert all(row["run"] == "r1" for table in tables.values() for row in table)
    assert list(tables["values"][0]) == ["run", *Value.__struct_fields__]


def test_the_same_run_gives_the_same_bytes(measures: Measures) -> None:
    """Draws and searches are seeded; another seed draws otherwise."""
    again = measure(log(), run="r1", settings=SETTINGS)
    other = measure(log(), run="r1", settings=msgspec.structs.replace(SETTINGS, seed=2))

    assert msgspec.json.encode(again) == msgspec.json.encode(measures)
    assert other.values == measures.values
    assert other.chances != measures.chances


async def test_distances_say_which_embedder_they_are_by() -> None:
    """In each row, and for the run."""
    guests = read_party(log())
    vectors = await embed_texts(texts(guests, 2), HashedNgrams())
    found = measure(guests, settings=SETTINGS, vectors=vectors)
    loose = [row for row in found.values if row.measure == "loose_distance"]

    assert found.embedder == "hashed/ngrams"
    assert {row.embedder for row in found.distances} == {"hashed/ngrams"}
    assert [row.value for row in loose] == pytest.approx([0, 0])
    assert {row.instrument for row in loose} == {"hashed/ngrams"}
    assert {row.null for row in found.chances if row.measure == "loose_distance"} == {
        "words"
    }


def test_every_lexicon_number_says_so(measures: Measures) -> None:
    """A tone is one by a lexicon."""
    tones = {r.instrument for r in measures.values if r.measure.startswith("sentiment")}

    assert len(tones) == 1
    assert tones.pop().startswith("lexicon/vader-")


@pytest.mark.parametrize(
    "rounds", [[], [[]], [[], []], [["ab!"]]], ids=["none", "one", "two", "short"]
)
def test_a_party_with_little_in_it_is_measured(rounds: list[list[str]]) -> None:
    """Nothing fails, and nothing is made up."""
    found = measure(party("ab", *rounds), settings=SETTINGS, vectors=_vectors())

    assert found.rounds == len(rounds)
    assert all(row.value is None or np.isfinite(row.value) for row in found.values)


def _vectors() -> Vectors:
    return Vectors("planted", {"hello": np.array([1.0, 0.0])})


async def test_a_folder_is_measured_as_its_messages_are(tmp_path: Path) -> None:
    """By its path, under its run's name."""
    folder = await kept(tmp_path / "run", await bus_with(log()))
    found = measure(folder.path, settings=SETTINGS)

    assert found.run == folder.run
    assert found.values == measure(log(), settings=SETTINGS).values


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(NotARun):
        measure(tmp_path)


def test_too_few_draws_are_refused() -> None:
    """Before anything is computed from them."""
    with pytest.raises(UsageError, match="39 draws"):
        measure(log(), settings=Settings(draws=5))
