"""Repetition and tone of planted words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.measures.party import Conversation, Party, Utterance
from hubbub.measures.words import (
    Uses,
    distinct_uses,
    ngrams,
    repetition,
    rolling_sums,
    sentiment,
    speech,
    uses_of_ngrams,
    vader,
    words,
)


def said(*rounds: list[str]) -> Party:
    """A party of a and b, where each line begins with its speaker."""
    talks = tuple(
        Conversation(
            round=number,
            room=f"r{number}",
            inviter="a",
            partner="b",
            utterances=tuple(Utterance(1, line[0], line[1:]) for line in lines),
        )
        for number, lines in enumerate(rounds, 1)
    )
    return Party(seats=("a", "b"), rounds=len(rounds), conversations=talks)


def test_words_are_in_lower_case_and_without_marks() -> None:
    """An apostrophe inside a word is a part of it."""
    assert words("“Don't,” SAID the cat\u2019s 2 tails…") == [
        "don't",
        "said",
        "the",
        "cat\u2019s",
        "2",
        "tails",
    ]


def test_ngrams_do_not_reach_over_an_utterance() -> None:
    """One that is too short has none."""
    assert ngrams("one two three", 2) == [("one", "two"), ("two", "three")]
    assert ngrams("one", 2) == []


def test_distinct_n_is_different_of_all() -> None:
    """Six words of which four differ; four pairs, of which three do."""
    found = repetition(speech(said(["aone two", "bone two"], ["athree four"]), len), 2)

    assert found["distinct_1"].numerator.tolist() == [4]
    assert found["distinct_1"].denominator.tolist() == [6]
    assert found["distinct_2"].value.tolist() == [pytest.approx(2 / 3)]
    assert np.isnan(found["distinct_3"].value).all()


def test_self_repetition_is_of_ones_own_words() -> None:
    """b repeats a and not itself; a repeats one of its four rows of four words."""
    party = said(
        ["aone two three four five", "bone two three four"],
        ["aone two three four five six"],
    )
    found = repetition(speech(party, len), 2)["self_repetition"]

    assert found.denominator.tolist() == [2]
    assert found.value.tolist() == [pytest.approx((2 / 5 + 0) / 2)]


def test_a_window_forgets_what_was_said_before() -> None:
    """The same words in rounds 1 and 3 repeat nothing in a window of two."""
    party = said(["asea sea"], [], ["asea"])
    found = repetition(speech(party, len), 2)["distinct_1"]

    assert found.numerator.tolist() == [1, 1]
    assert found.denominator.tolist() == [2, 1]


def test_tone_is_by_utterances() -> None:
    """The mean of scores, and the share of those that are positive."""
    scores = {"good": 0.6, "bad": -0.4, "meh": 0.05}
    party = said(["agood", "bbad"], ["ameh"], [])
    found = sentiment(speech(party, lambda text: scores[text]), 1)

    assert found["sentiment"].value[:2].tolist() == pytest.approx([0.1, 0.05])
    assert found["positive"].value[:2].tolist() == [0.5, 1.0]
    assert np.isnan(found["sentiment"].value[2])


def test_the_lexicon_knows_kind_from_unkind() -> None:
    """It is named with its version, as every number of it says."""
    name, score = vader()

    assert name.startswith("lexicon/vader-3.")
    assert score("What a wonderful evening, thank you!") > 0.5
    assert score("This is a horrible, disgusting lie.") < -0.5
    assert score("The lamp stands on the table.") == 0


_rounds = st.lists(
    st.lists(st.sampled_from(["ax y", "ay z", "bz", "bz z x"]), max_size=4),
    min_size=1,
    max_size=7,
)


def counted(party: Party, width: int, seat: str) -> list[int]:
    """Different words of *seat* in each window, counted the slow way."""
    found: list[int] = []
    for last in range(width, party.rounds + 1):
        texts = [
            said.text
            for talk in party.conversations
            for said in talk.utterances
            if last - width < talk.round <= last and said.sender == seat
        ]
        found.append(len({word for text in texts for word in words(text)}))
    return found


@given(rounds=_rounds, width=st.integers(1, 7))
def test_counting_quickly_is_counting(rounds: list[list[str]], width: int) -> None:
    """Each seat's different words, in every window."""
    party = said(*rounds)
    found = distinct_uses(uses_of_ngrams(party, 1, by_seat=True), width).numerator
    wanted = [counted(party, width, seat) for seat in "ab"]

    assert found.T.tolist() == wanted


@given(rounds=_rounds, data=st.data())
def test_moving_rounds_is_having_had_them_so(
    rounds: list[list[str]], data: st.DataObject
) -> None:
    """What was in round ``order[t]`` is in round t."""
    order = data.draw(st.permutations(range(len(rounds))))
    moved = speech(said(*rounds), len).in_order(np.array(order))
    wanted = speech(said(*(rounds[i] for i in order)), len)

    for name, ratio in repetition(moved, 2).items():
        assert ratio.value == pytest.approx(
            repetition(wanted, 2)[name].value, nan_ok=True
        )
    assert (moved.tone == wanted.tone).all()


def test_no_words_are_no_uses() -> None:
    """A silent party is measured, and nothing is defined."""
    uses: Uses = uses_of_ngrams(said([], []), 1, by_seat=False)

    assert np.isnan(distinct_uses(uses, 1).value).all()
    assert rolling_sums(uses.total, 3).shape == (0, 1)
