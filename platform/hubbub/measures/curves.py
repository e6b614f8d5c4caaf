"""
Every measure of a party as a curve: a value for each window, and its bands of chance.

A window has `Settings.window` rounds and is named by its last one.  Each measure also has
one value for the run as a whole, a window that holds all rounds and has no name.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from hubbub.measures import network, words
from hubbub.measures.arrays import Contacts, Counts, Floats, Ratio, contacts, windows
from hubbub.measures.communities import modularity
from hubbub.measures.nulls import (
    Band,
    Null,
    band,
    check_draws,
    expected_distinct,
    orders,
    shuffled,
    uniform,
)
from hubbub.measures.pairs import (
    TIGHT,
    Distance,
    Distances,
    Unit,
    Vectors,
    distances,
    group,
    shuffled_words,
)
from hubbub.measures.party import Party
from hubbub.measures.ratios import distinct
from hubbub.measures.trend import slopes

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How to measure.

    *window* is in rounds; *draws* are those of each null; *seed* is that of the draws
    and of the search for communities.  Pairs with more than *tight* conversations are
    tight; *unit* and *distance* are those of `hubbub.measures.pairs`.
    """

    window: Positive = 10
    draws: Positive = 199
    seed: int = 1
    tight: Annotated[int, msgspec.Meta(ge=0)] = TIGHT
    unit: Unit = "conversation"
    distance: Distance = "cosine"


class Curve(NamedTuple):
    """
    One *measure* of a party, over windows of *width* rounds.

    *rounds* names each window by its last round, None if the window is the whole run.
    *instrument* is the embedder or lexicon that it depends on, if any.
    """

    measure: str
    width: int
    rounds: tuple[int | None, ...]
    ratio: Ratio
    bands: Mapping[Null, Band]
    slope_bands: Mapping[Null, Band]
    instrument: str = ""

    @property
    def slope(self) -> float:
        """The least-squares slope per round; NaN for fewer than two values."""
        return float(slopes(self.ratio.value))


Measure = Callable[[Contacts, int], Ratio]

_NETWORK = {
    "density": network.density,
    "degree": network.mean_degree,
    "strength": network.mean_strength,
    "isolates": network.isolates,
    "hubs": network.hubs,
    "top_share": network.top_share,
}
_DIRECTED = {
    "reciprocity": network.reciprocity,
    "weighted_reciprocity": network.weighted_reciprocity,
}
_UNDIRECTED = {
    "transitivity": network.transitivity,
    "clustering": network.clustering,
}


def _of_invitations(find: Callable[[Counts], Ratio]) -> Measure:
    return lambda windows, width: find(windows.invitations)


def _of_conversations(find: Callable[[Counts], Ratio]) -> Measure:
    return lambda windows, width: find(windows.conversations)


#: The measures of who turns to whom, of windows of some number of rounds.
CONTACT_MEASURES: dict[str, Measure] = {
    "distinct_conversation_total": lambda w, n: distinct(w.conversations, "total", n),
    "distinct_conversation_window": lambda w, n: distinct(w.conversations, "window", n),
    "distinct_invitation_total": lambda w, n: distinct(w.invitations, "total", n),
    "distinct_invitation_window": lambda w, n: distinct(w.invitations, "window", n),
    **{
        f"invitation_{name}": _of_invitations(find)
        for name, find in (_NETWORK | _DIRECTED).items()
    },
    **{
        f"conversation_{name}": _of_conversations(find)
        for name, find in (_NETWORK | _UNDIRECTED).items()
    },
}


def contact_curves(party: Party, settings: Settings) -> list[Curve]:
    """
    Distinct ratios and networks, beside both nulls.

    Raises `UsageError` for draws that are too few.
    """
    draws, seen, found = settings.draws, contacts(party), list[Curve]()
    check_draws(draws)
    measures: dict[str, Measure] = {
        **CONTACT_MEASURES,
        "invitation_modularity": lambda w, _: modularity(w.invitations, settings.seed),
        "conversation_modularity": lambda w, _: modularity(
            w.conversations, settings.seed
        ),
    }
    for width, rounds in widths(party, settings):
        samples: dict[Null, Iterable[Contacts]] = {
            "uniform": uniform(party, draws, settings.seed)
        }
        if rounds != (None,):
            samples["shuffled"] = shuffled(seen, draws, settings.seed)
        drawn: dict[Null, dict[str, Floats]] = {
            null: _draw(measures, each, width) for null, each in samples.items()
        }
        sums = windows(seen, width)
        for name, measure in measures.items():
            ratio = measure(sums, width)
            curve = _curve(
                name, width, rounds, ratio, {n: d[name] for n, d in drawn.items()}
            )
            found.append(_with_formula(curve, party, sums.invitations))
    return found


def _draw(
    measures: Mapping[str, Measure], samples: Iterable[Contacts], width: int
) -> dict[str, Floats]:
    """Each measure of all *samples*, ``[draws, windows]``."""
    parts: dict[str, list[Floats]] = {name: [] for name in measures}
    for sample in samples:
        sums = windows(sample, width)
        for name, measure in measures.items():
            parts[name].append(measure(sums, width).value)
    return {name: np.concatenate(found) for name, found in parts.items()}


def _with_formula(curve: Curve, party: Party, sent: Counts) -> Curve:
    """*curve* with the exact band where there is one."""
    match curve.measure:
        case "distinct_invitation_total":
            exact = expected_distinct(sent, party, None)
        case "distinct_invitation_window":
            exact = expected_distinct(sent, party, curve.width)
        case _:
            return curve
    if exact is None:
        return curve
    return curve._replace(bands={**curve.bands, "uniform": exact})


def word_curves(
    party: Party, settings: Settings, lexicon: str, score: words.Score
) -> list[Curve]:
    """
    Repetition and tone, beside the null ``shuffled``.

    *score* is the tone of a text by *lexicon*.  Raises `UsageError` for draws that are
    too few.
    """
    check_draws(settings.draws)
    said, found = words.speech(party, score), list[Curve]()
    for measure, instrument in ((words.repetition, ""), (words.sentiment, lexicon)):
        for width, rounds in widths(party, settings):
            drawn: dict[str, Floats] = {}
            if rounds != (None,):
                drawn = _reorder(measure, said, width, settings)
            for name, ratio in measure(said, width).items():
                nulls: dict[Null, Floats] = {}
                if name in drawn:
                    nulls["shuffled"] = drawn[name]
                found.append(_curve(name, width, rounds, ratio, nulls, instrument))
    return found


def _reorder(
    measure: Callable[[words.Speech, int], dict[str, Ratio]],
    said: words.Speech,
    width: int,
    settings: Settings,
) -> dict[str, Floats]:
    """What *measure* gives for random orders of rounds, ``[draws, windows]``."""
    parts: dict[str, list[Floats]] = {}
    for order in orders(len(said.tone), settings.draws, settings.seed):
        for name, ratio in measure(said.in_order(order), width).items():
            parts.setdefault(name, []).append(ratio.value)
    return {name: np.array(values) for name, values in parts.items()}


def distance_curves(party: Party, settings: Settings, vectors: Vectors) -> list[Curve]:
    """
    The distance of tight and of loose pairs from the mean, in windows.

    With the unit ``conversation``, beside the null ``words``.  Raises `UsageError` for
    draws that are too few.
    """
    check_draws(settings.draws)
    found, width = pair_distances(party, settings, vectors), settings.window
    rounds = tuple(range(width, party.rounds + 1))
    drawn: Floats | None = None
    if settings.unit == "conversation":
        drawn = shuffled_words(
            party,
            vectors,
            width,
            draws=settings.draws,
            seed=settings.seed,
            distance=settings.distance,
            more_than=settings.tight,
        )
    curves: list[Curve] = []
    for name, tight in (("tight_distance", True), ("loose_distance", False)):
        ratio = group(found.values, found.pairs, tight=tight)
        nulls: dict[Null, Floats] = {}
        if drawn is not None:
            nulls["words"] = group(drawn, found.pairs, tight=tight).value
        curves.append(_curve(name, width, rounds, ratio, nulls, vectors.embedder))
    return curves


def pair_distances(party: Party, settings: Settings, vectors: Vectors) -> Distances:
    """Each pair's distance in each window, as *settings* have it."""
    return distances(
        party,
        vectors,
        settings.window,
        unit=settings.unit,
        distance=settings.distance,
        more_than=settings.tight,
    )


def widths(
    party: Party, settings: Settings
) -> list[tuple[int, tuple[int | None, ...]]]:
    """The lengths of windows of *party* and their names: rolling ones, then the whole."""
    last, width = party.rounds, settings.window
    rolling = [(width, tuple(range(width, last + 1)))] if last >= width else []
    return [*rolling, (last, (None,))] if last else []


def _curve(
    measure: str,
    width: int,
    rounds: tuple[int | None, ...],
    ratio: Ratio,
    draws: Mapping[Null, Floats],
    instrument: str = "",
) -> Curve:
    return Curve(
        measure=measure,
        width=width,
        rounds=rounds,
        ratio=ratio,
        bands={null: band(values) for null, values in draws.items()},
        slope_bands={
            null: band(slopes(values)[:, None]) for null, values in draws.items()
        },
        instrument=instrument,
    )
