"""
Which memories are to the point: recency, importance and relevance.

After Park et al., "Generative Agents: Interactive Simulacra of Human Behavior" (UIST 2023,
arXiv 2304.03442), section 4.1.  Each of the three is scaled to lie from 0 to 1 over all
memories, and they are added with the same weight:

* recency, *decay* to the power of its age.  There, age is in hours since the memory was
  last retrieved; here it is how much the seat has heard since the memory came to be,
  because no clock decides anything and retrieving is no event.
* importance, as the model has rated it, from 1 to 10.
* relevance, the cosine similarity with what is asked.  There it is one of embeddings;
  here it is one of sets of three characters, so that it costs no call.
"""

from collections.abc import Sequence

import msgspec

from hubbub_agents.grams import likeness


class Note(msgspec.Struct, frozen=True, gc=False):
    """One memory: a message by its ``seq``, or a reflection by its id."""

    key: int | str
    place: int
    text: str
    tokens: int
    grams: int
    importance: float


def ranked(notes: Sequence[Note], query: int, now: int, decay: float) -> list[Note]:
    """*notes* by their score for *query* at the place *now*, the best first."""
    parts = (
        _scaled([decay ** (now - note.place) for note in notes]),
        _scaled([note.importance for note in notes]),
        _scaled([likeness(query, note.grams) for note in notes]),
    )
    scores = [sum(part) for part in zip(*parts, strict=True)]
    order = sorted(range(len(notes)), key=lambda i: (-scores[i], -notes[i].place))
    return [notes[i] for i in order]


def _scaled(values: Sequence[float]) -> list[float]:
    """*values* from 0 for the least to 1 for the greatest; where all are alike, 0."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    spread = high - low or 1.0
    return [(value - low) / spread for value in values]
