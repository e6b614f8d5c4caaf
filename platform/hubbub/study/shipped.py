"""The outcomes that come with Hubbub; see docs/studies.md."""

from typing import Annotated, Any, Literal

import msgspec

from hubbub.errors import UnknownName
from hubbub.measures import arrays, diversity, pairs
from hubbub.measures.arrays import Ratio, number
from hubbub.measures.curves import CONTACT_MEASURES, Positive
from hubbub.measures.ratios import Reading
from hubbub.models.embeddings import HashedNgrams
from hubbub.study.outcomes import Observed, Series, Value

#: Rounds of a rolling window, where nothing else is said.
WINDOW = 10
#: The embedder that needs no download.
EMBEDDER = HashedNgrams.name


def completeness(run: Observed) -> Value:
    """The share of asks and chat turns that were answered or passed."""
    return complete_share(run.folder.manifest.outcomes)


def complete_share(outcomes: dict[str, int]) -> Value:
    """The share of *outcomes* that were meant; None where there are none."""
    ended = sum(outcomes.values())
    meant = outcomes.get("answered", 0) + outcomes.get("passed", 0)
    return meant / ended if ended else None


# -- parties


def contacts(run: Observed, measure: str, window: Positive = WINDOW) -> Series:
    """
    A measure of who turns to whom, by round: the window of *window* rounds to its end.

    Raises `UnknownName` for a *measure* that is not in `CONTACT_MEASURES`.
    """
    if measure not in CONTACT_MEASURES:
        raise UnknownName("measure of contacts", measure, [*CONTACT_MEASURES])
    sums = arrays.windows(arrays.contacts(run.party), window)
    return _by_round(CONTACT_MEASURES[measure](sums, window), window)


def distinct_conversation(
    run: Observed, window: Positive = WINDOW, reading: Reading = "total"
) -> Series:
    """The distinct conversation ratio, see `hubbub.measures.ratios`."""
    return contacts(run, f"distinct_conversation_{reading}", window)


def distinct_invitation(
    run: Observed, window: Positive = WINDOW, reading: Reading = "total"
) -> Series:
    """The distinct invitation ratio, see `hubbub.measures.ratios`."""
    return contacts(run, f"distinct_invitation_{reading}", window)


def pair_distance(
    run: Observed,
    tight: bool = True,
    window: Positive = WINDOW,
    embedder: str = EMBEDDER,
) -> Series:
    """How far tight (or loose) pairs' talk is from the mean, see `measures.pairs`."""
    texts = pairs.texts(run.party, window)
    points = run.embed(texts, embedder)
    units = (pairs.unit_vector(point) for point in points)
    vectors = pairs.Vectors(embedder, dict(zip(texts, units, strict=True)))
    found = pairs.distances(run.party, vectors, window)
    return _by_round(pairs.group(found.values, found.pairs, tight=tight), window)


def _by_round(ratio: Ratio, window: int) -> Series:
    return {window + i: number(value) for i, value in enumerate(ratio.value)}


# -- games of giving


class _Game(msgspec.Struct):
    game: str
    gave: dict[str, float]


class _Infection(msgspec.Struct):
    order: int
    change: float | None


def gift(run: Observed) -> Series:
    """The mean gift of those who gave an answer, in dollars, by round or game."""
    given: dict[int, list[float]] = {}
    for game in _read(run, "game", _Game):
        number = int(game.game.partition(".")[0])
        given.setdefault(number, []).extend(game.gave.values())
    return {n: sum(gifts) / len(gifts) if gifts else None for n, gifts in given.items()}


def infection(run: Observed, order: Annotated[int, msgspec.Meta(ge=1)]) -> Value:
    """The change in dollars of the player of this *order* in the chain."""
    found = [i.change for i in _read(run, "infection", _Infection) if i.order == order]
    return found[0] if found else None


# -- sentences


class _Page(msgspec.Struct):
    number: int
    sentences: tuple[str, ...]
    faults: tuple[str, ...]


def valid_sentences(run: Observed) -> Value:
    """The share of written sentences that are valid."""
    faults = [fault for page in _read(run, "page", _Page) for fault in page.faults]
    return sum(not fault for fault in faults) / len(faults) if faults else None


def sentence_variance(
    run: Observed,
    over: Literal["mean", "all"] = "mean",
    embedder: str = EMBEDDER,
) -> Value:
    """
    The total variance of valid sentences' embeddings, see `measures.diversity`.

    The ``mean`` over the questions, or over ``all`` questions' sentences together.
    """
    valid = [
        (str(page.number), sentence)
        for page in _read(run, "page", _Page)
        for sentence, fault in zip(page.sentences, page.faults, strict=True)
        if not fault
    ]
    points = run.embed([sentence for _, sentence in valid], embedder)
    questions: dict[str, list[list[float]]] = {}
    for (question, _), point in zip(valid, points, strict=True):
        questions.setdefault(question, []).append(point)
    found = diversity.diversity(questions, embedder)
    return next(one.total_variance for one in found if one.question == over)


def _read(run: Observed, name: str, form: Any) -> list[Any]:
    return [msgspec.convert(value, form) for value in run.results(name)]
