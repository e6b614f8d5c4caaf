"""The measures of a run's party; needs the extra ``study``."""

import os

import anyio

from hubbub.folder import RunFolder
from hubbub.measures.curves import Settings
from hubbub.measures.pairs import Vectors, embed_texts, texts
from hubbub.measures.party import Party
from hubbub.measures.rows import Measures
from hubbub.measures.tables import measure, read
from hubbub.models.embeddings import open_embedder


def measure_party(folder: RunFolder, window: int, embedder: str) -> Measures:
    """
    Everything that is measured of the party in *folder*.

    With an *embedder*, distances as well; raises `UsageError` or `ModelError` where that
    cannot be used.
    """
    settings = Settings(window=window)
    party = read(folder.path)
    vectors = None
    if embedder:
        vectors = anyio.run(_embed, party, settings, embedder)
    return measure(party, run=folder.run, settings=settings, vectors=vectors)


async def _embed(party: Party, settings: Settings, embedder: str) -> Vectors:
    async with open_embedder(embedder, os.environ) as opened:
        wanted = texts(party, settings.window, settings.unit)
        return await embed_texts(wanted, opened)
