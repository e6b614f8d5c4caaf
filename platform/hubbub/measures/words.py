"""
Repetition and tone of what is said.

Words are runs of letters and digits, apostrophes inside included, in lower case; scripts
that do not part words with spaces are not parted.  An n-gram is n words in a row within one
utterance.  All are shares over a rolling window, undefined where nobody says enough.

* ``distinct_n``: different n-grams said by anybody, of all n-grams said (Li et al. 2016,
  arXiv 1510.03055).  It falls as more is said, so compare windows of similar size.
* ``self_repetition``: of each seat's n-grams with n = 4, those that repeat one of its own in
  the window, ``1 - different / all``; the mean over seats that said any.
* ``sentiment``: the mean VADER compound score of utterances, from -1 to 1, and
  ``positive``, the share of utterances with a score of 0.05 or more (Hutto and Gilbert
  2014).  It is a lexicon and rules, for English, made for short posts: it counts words
  and understands nothing.  Its name is recorded with every number.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import version
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from hubbub.measures.arrays import Counts, Floats, Ratio, add_defined
from hubbub.measures.party import Party, Utterance

#: Words in a row of which `self_repetition` is.
ROW = 4
#: The compound score from which VADER's authors call a text positive.
POSITIVE = 0.05

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def words(text: str) -> list[str]:
    """The words of *text*, in lower case."""
    return _WORD.findall(text.lower())


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """All *n* words in a row of *text*; none if it has fewer words."""
    found = words(text)
    return list(zip(*(found[i:] for i in range(n)), strict=False))


class Uses(NamedTuple):
    """
    Which group used which feature in which round, and how often, each once.

    *total* is ``[rounds, groups]``; *group*, *feature* and *round* (from 0) are columns
    of one row for each combination that there is.
    """

    total: Counts
    group: Counts
    feature: Counts
    round: Counts

    def in_order(self, order: Counts) -> "Uses":
        """The same with rounds moved: what was in round ``order[t]`` is now in t."""
        new = np.argsort(order)
        return self._replace(total=self.total[order], round=new[self.round])


def uses_of_ngrams(party: Party, n: int, *, by_seat: bool) -> Uses:
    """The n-grams of *party*, in one group for all or one for each seat."""
    place = {seat: i for i, seat in enumerate(party.seats)}
    features: dict[tuple[str, ...], int] = {}
    total = np.zeros((party.rounds, len(place) if by_seat else 1), np.int64)
    rows = array("q")
    for round, said in _utterances(party):
        group = place[said.sender] if by_seat else 0
        for gram in ngrams(said.text, n):
            feature = features.setdefault(gram, len(features))
            total[round, group] += 1
            rows.extend((group, feature, round))
    columns = np.unique(np.array(rows, np.int64).reshape(-1, 3), axis=0).T
    return Uses(total, columns[0], columns[1], columns[2])


def distinct_uses(uses: Uses, width: int) -> Ratio:
    """
    Different features of all uses, ``[windows, groups]``, in windows of *width* rounds.

    Each use counts for the windows in which it is its group's first of that feature.
    """
    rounds, groups = uses.total.shape
    count = max(0, rounds - width + 1)
    order = np.lexsort((uses.round, uses.feature, uses.group))
    group, feature, round = uses.group[order], uses.feature[order], uses.round[order]
    again = (group[1:] == group[:-1]) & (feature[1:] == feature[:-1])
    before = np.full(len(round), -1)
    before[1:][again] = round[:-1][again]
    first = np.maximum(before + 1, round - width + 1)
    steps = np.zeros((rounds + 1, groups), np.int64)
    np.add.at(steps, (first, group), 1)
    np.add.at(steps, (round + 1, group), -1)
    unique = np.cumsum(steps, axis=0)[:count]
    return Ratio(unique.astype(float), rolling_sums(uses.total, width))


def rolling_sums(rows: Counts | Floats, width: int) -> Floats:
    """Sums of *rows*, ``[…, rounds, groups]``, over every *width* rounds in a row."""
    rounds = rows.shape[-2]
    sums = np.cumsum(np.asarray(rows, float), axis=-2)
    before = np.zeros_like(sums[..., :1, :])
    sums = np.concatenate([before, sums], axis=-2)
    count = max(0, rounds - width + 1)
    windows: Floats = sums[..., width : width + count, :] - sums[..., :count, :]
    return windows


Score = Callable[[str], float]


def vader() -> tuple[str, Score]:
    """The lexicon's name and version, and the compound score of a text."""
    module: Any = import_module("vaderSentiment.vaderSentiment")
    analyzer = module.SentimentIntensityAnalyzer()

    def score(text: str) -> float:
        return float(analyzer.polarity_scores(text)["compound"])

    return f"lexicon/vader-{version('vaderSentiment')}", score


class Speech(NamedTuple):
    """
    What was said at a party, counted by round, in any order of rounds.

    *all* has the n-grams of everybody by n, *own* those of each seat.  *tone* is
    ``[rounds, 3]``: utterances, the sum of their scores, how many were positive.
    """

    all: Mapping[int, Uses]
    own: Uses
    tone: Floats

    def in_order(self, order: Counts) -> "Speech":
        """The same with rounds moved: what was in round ``order[t]`` is now in t."""
        every = {n: uses.in_order(order) for n, uses in self.all.items()}
        return Speech(every, self.own.in_order(order), self.tone[order])


def speech(party: Party, score: Score) -> Speech:
    """All that was said at *party*, its tone by *score*."""
    tone = np.zeros((party.rounds, 3))
    for round, said in _utterances(party):
        found = score(said.text)
        tone[round] += (1, found, found >= POSITIVE)
    every = {n: uses_of_ngrams(party, n, by_seat=False) for n in (1, 2, 3)}
    return Speech(every, uses_of_ngrams(party, ROW, by_seat=True), tone)


def repetition(speech: Speech, width: int) -> dict[str, Ratio]:
    """``distinct_1`` to ``distinct_3`` and ``self_repetition``, each ``[windows]``."""
    found: dict[str, Ratio] = {}
    for n, uses in speech.all.items():
        top, bottom = distinct_uses(uses, width)
        found[f"distinct_{n}"] = Ratio(top[:, 0], bottom[:, 0])
    own = 1 - distinct_uses(speech.own, width).value
    return found | {"self_repetition": add_defined(own)}


def sentiment(speech: Speech, width: int) -> dict[str, Ratio]:
    """``sentiment`` and ``positive``, each ``[windows]``, by utterances."""
    said, score, positive = rolling_sums(speech.tone, width).T
    return {"sentiment": Ratio(score, said), "positive": Ratio(positive, said)}


def _utterances(party: Party) -> Iterable[tuple[int, Utterance]]:
    """All utterances, each with its round from 0."""
    return chain.from_iterable(
        ((talk.round - 1, said) for said in talk.utterances) for talk in party.held
    )
