"""Sentence construction: what counts as valid, and the four ways of writing."""

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.messages import Asked, Message, PhaseOpened, Resulted
from hubbub.population import Cast, Group, Population
from hubbub_scenarios.sentence_construction import Page
from hubbub_scenarios.sentence_construction.words import (
    SETS,
    Fault,
    Forms,
    faults,
    forms_of,
    key,
    tokens_of,
)

from .leaping import in_no_time
from .playing import play
from .test_scenarios import dyads

NEUTRAL = ("the", "quiet", "keeper", "of", "lamps", "saw", "how", "and", "then")


def valid(words: Sequence[str], rng: random.Random, size: int = 20) -> str:
    """A sentence with all *words*, *size* words long."""
    body = [*words, *rng.choices(NEUTRAL, k=size - len(words))]
    rng.shuffle(body)
    return " ".join(body).capitalize() + "."


def found(
    *sentences: str, words: Sequence[str] = SETS[0], forms: Forms = "inflected"
) -> list[Fault]:
    """What is wrong with *sentences*."""
    return faults(sentences, words, limit=40, forms=forms)


@given(seed=st.integers(0, 10_000), number=st.integers(0, 4), size=st.integers(7, 40))
def test_what_has_all_words_and_is_short_is_valid(
    seed: int, number: int, size: int
) -> None:
    """In whatever order, up to the fortieth word."""
    words = SETS[number]

    assert found(valid(words, random.Random(seed), size), words=words) == [""]


def test_all_of_two_hundred_planted_faults_are_found() -> None:
    """Fifty each of four kinds, in random valid sentences of all five questions."""
    rng = random.Random(4)
    for number in range(50):
        words = SETS[number % 5]
        rest = [word for word in words if word != words[number % 7]]
        good = valid(words, rng)
        planted = found(
            valid(rest, rng),
            valid(words, rng, 41),
            good,
            good.upper(),
            "…!",
            words=words,
        )
        assert planted == ["words missing", "too long", "", "repeated", "empty"]


def test_the_faults_are_those_planted_and_no_others() -> None:
    """A valid sentence between two faulty ones stays valid."""
    rng = random.Random(5)
    good, other = valid(SETS[0], rng), valid(SETS[0], rng)

    assert found(good, "moonlight only", other) == ["", "words missing", ""]


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("journey", "journeys"),
        ("enigma", "enigma's"),
        ("concealed", "concealing"),
        ("concealed", "conceal"),
        ("buried", "bury"),
        ("buried", "buries"),
        ("hummed", "hum"),
        ("hummed", "humming"),
        ("breathed", "breathing"),
        ("obscured", "obscures"),
        ("echoed", "echoes"),
        ("valley", "valleys"),
    ],
)
def test_regular_inflections_count(word: str, form: str) -> None:
    """Of the noun or of the verb, from whatever form was given."""
    assert form in forms_of(word)


@pytest.mark.parametrize(
    ("word", "other"),
    [("enigma", "enigmatic"), ("old", "golden"), ("way", "away"), ("ocean", "oceanic")],
)
def test_other_words_do_not_count(word: str, other: str) -> None:
    """A derivation is another word, and so is one that only contains it."""
    assert other not in forms_of(word)


def test_exact_forms_are_a_rule_one_can_choose() -> None:
    """Then a plural is a missing word."""
    rng = random.Random(6)
    plural = valid(SETS[0], rng).replace("ourney", "ourneys")

    assert found(plural) == [""]
    assert found(plural, forms="exact") == ["words missing"]


@given(text=st.text(max_size=200))
def test_any_text_can_be_judged(text: str) -> None:
    """Whatever a model writes has words or has none."""
    assert found(text)[0] in ("empty", "words missing")
    assert key(key(text)) == key(text)
    assert key(text).split() == tokens_of(text)


# -- the game


def society(seats: int = 6, **parameters: object) -> Cast:
    """Writers after a short party."""
    told = {"rounds": 4, "turns": 2, "sets": 2} | parameters
    return Cast(
        Population(
            scenario="sentence-construction",
            seed=2,
            parameters=told,
            seats=(Group(count=seats, mind="writer", options={"slips": 0.2}),),
        )
    )


def pages(messages: Sequence[Message]) -> list[Page]:
    """What was written."""
    return [
        msgspec.json.decode(m.body.value, type=Page)
        for m in messages
        if isinstance(m.body, Resulted) and m.body.name == "page"
    ]


@in_no_time
@pytest.mark.parametrize("arm", ["collective", "bridged", "fresh"])
async def test_everybody_writes_to_every_question(arm: str) -> None:
    """Five sentences a seat and question; a slip is a missing word and nothing else."""
    written = pages(await play(society(arm=arm)))
    wrong = Counter(fault for page in written for fault in page.faults)

    assert [(p.number, p.seat) for p in written] == [
        (number, f"L{seat}") for number in (1, 2) for seat in range(1, 7)
    ]
    assert all(len(page.sentences) == 5 for page in written)
    assert set(wrong) == {"", "words missing"}


@in_no_time
async def test_one_alone_answers_as_often_as_the_others_are() -> None:
    """No party, no partner, and by default no memory of its earlier answers."""
    messages = await play(society(1, arm="individual", answers=7))
    asks = [m.body for m in messages if isinstance(m.body, Asked)]

    assert Counter(page.number for page in pages(messages)) == {1: 7, 2: 7}
    assert len({page.sentences for page in pages(messages)}) == 14
    assert all(ask.probe for ask in asks)
    assert not dyads(list(messages))


@in_no_time
async def test_the_bridged_talk_with_whom_they_have_met_least() -> None:
    """And the fresh with anybody, for they have met nobody."""
    messages = await play(society(arm="bridged", sets=1))
    talks = [frozenset(pair) for pair in dyads(list(messages))]
    hall = next(
        i for i, m in enumerate(messages) if m.room == "hall" and m.kind == "say"
    )
    later = {
        frozenset(m.body.seats)
        for m in messages[hall:]
        if isinstance(m.body, PhaseOpened) and m.body.form == "chat"
    }
    met = Counter(talks[: len(talks) - len(later)])

    for pair in later:
        assert any(
            met[pair] == min(met[frozenset((one, s))] for s in seats if s != one)
            for one in pair
            for seats in [[f"L{i}" for i in range(1, 7)]]
        )
    assert set().union(*later) == {f"L{i}" for i in range(1, 7)}


@in_no_time
async def test_the_fresh_have_no_party() -> None:
    """Only the pairs of each question talk."""
    messages = await play(society(arm="fresh"))

    assert not [m for m in messages if m.kind == "round"]
    assert 6 <= len(dyads(list(messages))) <= 12


@in_no_time
async def test_a_judge_sees_sentences_and_nothing_else() -> None:
    """It is no guest, and is asked in private."""
    messages = await play(society(7, arm="fresh", sets=1, judge="L7"))
    asked = [m for m in messages if isinstance(m.body, Asked) and m.room == "@L7"]

    assert all(page.judged for page in pages(messages))
    assert len(asked) == 6
    assert not any("L7" in pair for pair in dyads(list(messages)))
