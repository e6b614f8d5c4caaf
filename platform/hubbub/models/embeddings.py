"""Texts as points: what is near in meaning, or in letters, is near in space."""

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import blake2b
from math import isfinite, sqrt

import anyio
import anyio.lowlevel
import httpx
import msgspec

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.models.catalogue import find_server, split_name
from hubbub.models.complaints import read_complaint
from hubbub.models.endpoint import Endpoint, Errand, checked_key
from hubbub.models.pressure import Pressure
from hubbub.models.retries import Setback
from hubbub.models.wire import bad_reply, encode_body
from hubbub.text import without_surrogates

#: Characters of one text.
MAX_TEXT = 100_000
#: Texts that one request has, and characters.
BATCH = 64
BATCH_SIZE = 200_000
#: Bytes of the reply to it, and numbers of one point.
MAX_REPLY = 32 << 20
MAX_DIMENSION = 16_384
#: Numbers of a point of `HashedNgrams`, and the lengths of its n-grams.
DIMENSION = 2_048
LENGTHS = (3, 4, 5)

Vector = list[float]


class Embedder(ABC):
    """Turns texts into points; *name* belongs beside every number made from them."""

    name: str

    @abstractmethod
    async def embed(self, texts: Sequence[str], *, deadline: float) -> list[Vector]:
        """
        A point for each of *texts*, in order, within *deadline* seconds.

        All have as many numbers, and these are finite.  Raises `ModelError`:
        ``bad_request`` for a blank text, ``context_length`` for one of more than
        `MAX_TEXT` characters, ``timeout``, and the kind that fits for what else goes
        wrong; nothing else.
        """

    async def aclose(self) -> None:
        """Let go of connections."""
        return


class HashedNgrams(Embedder):
    """
    A twin without a model, for tests and for want of better: letters, not meaning.

    A text is folded to lower case and single spaces, with one around it.  Its character
    n-grams of the `LENGTHS` are counted, each at the place that its BLAKE2b hash of
    eight bytes, a big-endian number, leaves by `DIMENSION`; the counts are scaled to
    length 1.  The same text gives the same point everywhere.
    """

    name = "hashed/ngrams"

    async def embed(self, texts: Sequence[str], *, deadline: float) -> list[Vector]:
        check_texts(texts)
        points: list[Vector] = []
        with anyio.move_on_after(deadline):
            for text in texts:
                # Also lets others have a turn: a text is work for this very thread.
                await anyio.lowlevel.checkpoint()
                points.append(_hashed(text))
            return points
        raise ModelError("timeout", f"not done within {deadline:g} s")


def _hashed(text: str) -> Vector:
    folded = f" {' '.join(without_surrogates(text).casefold().split())} "
    grams = (
        folded[start : start + length]
        for length in LENGTHS
        for start in range(len(folded) - length + 1)
    )
    point = [0.0] * DIMENSION
    for gram, times in Counter(grams).items():
        point[_place(gram)] += times
    size = sqrt(sum(number * number for number in point))
    return [number / size for number in point]


@lru_cache(maxsize=1 << 16)
def _place(gram: str) -> int:
    digest = blake2b(gram.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % DIMENSION


class OpenAIEmbedder(Embedder):
    """
    A *model* of a server that speaks OpenAI's embeddings; the rest as of `Endpoint`.

    *base_url* ends where ``/embeddings`` begins.  Texts go in batches, one after the
    other.  Points that are not what they should be, or not of the dimension that earlier
    ones had, are a ``bad_reply``.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        rng: random.Random,
        name: str = "",
        api_key: str = "",
        pressure: Pressure | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        key = checked_key(api_key)
        self.name = name or model
        self._model = model
        self._dimension = 0
        self._endpoint = Endpoint(
            base_url,
            rng=rng,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            secret=key,
            pressure=pressure,
            most=MAX_REPLY,
            transport=transport,
        )

    async def embed(self, texts: Sequence[str], *, deadline: float) -> list[Vector]:
        check_texts(texts)
        until = anyio.current_time() + deadline
        points: list[Vector] = []
        for batch in batches(texts):
            left = max(0.0, until - anyio.current_time())
            points += await self._embed(batch, left)
        return points

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def _embed(self, batch: list[str], deadline: float) -> list[Vector]:
        body = {"model": self._model, "input": batch, "encoding_format": "float"}
        content = encode_body(body)

        async def once(errand: Errand) -> list[Vector] | Setback:
            weight = len(content) // 4
            response = await errand.exchange(
                "POST", "embeddings", content, weight=weight
            )
            if complaint := read_complaint(response.status, response.body):
                if complaint.may_pass:
                    return Setback(complaint.error, response.after)
                raise complaint.error
            return self._checked(decode_points(response.body, len(batch)))

        return await self._endpoint.attempt(once, deadline=deadline)

    def _checked(self, points: list[Vector]) -> list[Vector]:
        dimension = len(points[0])
        if dimension != (self._dimension or dimension):
            raise ModelError(
                "bad_reply", f"{dimension} numbers after {self._dimension} before"
            )
        self._dimension = dimension
        return points


class _Point(msgspec.Struct):
    embedding: list[float]
    index: int | None = None


class _Points(msgspec.Struct):
    data: list[_Point]


def decode_points(body: bytes, wanted: int) -> list[Vector]:
    """The *wanted* points in *body*, in the order of their texts, or ``bad_reply``."""
    try:
        found = msgspec.json.decode(body, type=_Points).data
    except (ValueError, RecursionError) as error:
        raise bad_reply(str(error), body) from None
    if len(found) != wanted:
        raise bad_reply(f"{len(found)} points for {wanted} texts", body)
    if any(point.index is not None for point in found):
        found.sort(key=lambda point: -1 if point.index is None else point.index)
        if [point.index for point in found] != list(range(wanted)):
            raise bad_reply("points of other texts", body)
    dimensions = {len(point.embedding) for point in found}
    if len(dimensions) != 1 or not 0 < max(dimensions) <= MAX_DIMENSION:
        raise bad_reply(f"points of {sorted(dimensions)} numbers", body)
    if not all(isfinite(number) for point in found for number in point.embedding):
        raise bad_reply("numbers that are not finite", body)
    return [point.embedding for point in found]


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """*texts* in batches of `BATCH` and `BATCH_SIZE` at most."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == BATCH or size + len(text) > BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def check_texts(texts: Sequence[str]) -> None:
    """Raise what `Embedder.embed` says of texts that have no point."""
    for number, text in enumerate(texts):
        if not text.strip():
            raise ModelError("bad_request", f"text {number} of {len(texts)} is blank")
        if len(text) > MAX_TEXT:
            raise ModelError(
                "context_length",
                f"text {number} of {len(texts)} has {len(text):,} characters; the "
                f"limit is {MAX_TEXT:,}",
            )


@asynccontextmanager
async def open_embedder(
    name: str, environment: Mapping[str, str]
) -> AsyncGenerator[Embedder]:
    """
    The embedder *name*, ``provider/model`` or ``hashed/ngrams``; closed on exit.

    Raises what `find_server` and, for ``local/minilm``, `open_minilm` raise, and
    `UsageError` for what is no name or a provider of none.
    """
    # It is an embedder, so it builds on this module.
    from hubbub.measures.embed import MiniLM, open_minilm

    provider, model = split_name(name)
    embedder: Embedder = HashedNgrams()
    if provider == "hashed":
        if name != embedder.name:
            raise UnknownName("embedder", name, [embedder.name])
    elif provider == "local":
        if name != MiniLM.name:
            raise UnknownName("local embedder", name, [MiniLM.name])
        embedder = open_minilm(environment)
    elif provider in ("anthropic", "scripted"):
        raise UsageError(
            f"{provider} has no embeddings: take those of openai/… or of another "
            f"server, {MiniLM.name} or {embedder.name}"
        )
    else:
        url, key, limits = find_server(provider, environment)
        embedder = OpenAIEmbedder(
            url,
            model,
            # Not from the run's seed: who is sent away together must not return so.
            rng=random.Random(),
            name=name,
            api_key=key,
            pressure=Pressure(limits),
        )
    try:
        yield embedder
    finally:
        await embedder.aclose()
