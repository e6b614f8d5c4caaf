"""Embedders: what all of them promise, the hashed one, and the wire of the others."""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.models.embeddings import (
    BATCH,
    BATCH_SIZE,
    DIMENSION,
    MAX_DIMENSION,
    MAX_TEXT,
    Embedder,
    HashedNgrams,
    OpenAIEmbedder,
    Vector,
    batches,
    decode_points,
    open_embedder,
)

from .fake import CANARY, Still

URL = "http://models.test/v1"


class EmbedderContract:
    """A subclass's fixture *embedder* is one."""

    async def test_points_come_in_the_order_of_their_texts(
        self, embedder: Embedder
    ) -> None:
        """Also over several batches; equal texts have equal points, others have not."""
        texts = [f"text {number % 50}" for number in range(2 * BATCH + 1)]

        points = await embedder.embed(texts, deadline=10)

        assert len(points) == len(texts)
        assert [points.index(point) for point in points[:50]] == list(range(50))
        assert points[50:] == [points[number % 50] for number in range(50, len(texts))]

    async def test_all_points_have_as_many_finite_numbers(
        self, embedder: Embedder
    ) -> None:
        """One space holds them all, whatever the texts are."""
        texts = ["a", "🙂" * 1_000, "a\ud800b", "\x00", "x" * MAX_TEXT]

        points = await embedder.embed(texts, deadline=10)

        assert len({len(point) for point in points}) == 1
        assert all(math.isfinite(number) for point in points for number in point)

    async def test_no_texts_have_no_points(self, embedder: Embedder) -> None:
        """Nothing is asked for nothing."""
        assert await embedder.embed([], deadline=10) == []

    @pytest.mark.parametrize("blank", ["", " \n\t"])
    async def test_a_blank_text_has_no_point(
        self, embedder: Embedder, blank: str
    ) -> None:
        """It is named by its place, and nothing is sent."""
        with pytest.raises(ModelError, match="text 1 of 2 is blank") as caught:
            await embedder.embed(["a", blank], deadline=10)

        assert caught.value.kind == "bad_request"

    async def test_a_text_has_a_longest_length(self, embedder: Embedder) -> None:
        """Cut in silence it would have the point of another text."""
        with pytest.raises(ModelError, match="100,001 characters") as caught:
            await embedder.embed(["x" * (MAX_TEXT + 1)], deadline=10)

        assert caught.value.kind == "context_length"

    async def test_a_deadline_that_has_passed_is_a_timeout(
        self, embedder: Embedder
    ) -> None:
        """The deadline is a bound, also where it leaves no time at all."""
        with pytest.raises(ModelError) as caught:
            await embedder.embed(["a"], deadline=0)

        assert caught.value.kind == "timeout"

    async def test_many_may_ask_at_once(self, embedder: Embedder) -> None:
        """Each gets its own points."""
        found: dict[str, list[Vector]] = {}

        async def ask(text: str) -> None:
            found[text] = await embedder.embed([text], deadline=10)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(ask, str(number))

        points = await embedder.embed(sorted(found), deadline=10)
        assert [found[text][0] for text in sorted(found)] == points


async def answer(request: httpx.Request) -> httpx.Response:
    """A point for each text, the last ones first."""
    await anyio.lowlevel.checkpoint()
    texts: list[str] = json.loads(request.content)["input"]
    points = await HashedNgrams().embed(texts, deadline=10)
    data = [{"index": i, "embedding": point} for i, point in enumerate(points)]
    return httpx.Response(200, json={"data": data[::-1], "usage": {"total_tokens": 1}})


def asking(
    give: Callable[[httpx.Request], Awaitable[httpx.Response]],
) -> OpenAIEmbedder:
    """An embedder whose server answers as *give* says."""

    async def handle(request: httpx.Request) -> httpx.Response:
        return await give(request)

    transport = httpx.MockTransport(handle)
    return OpenAIEmbedder(URL, "m", rng=Still(), api_key=CANARY, transport=transport)


def embedder_of(*answers: httpx.Response) -> OpenAIEmbedder:
    """An embedder whose server gives *answers*, the last one for ever."""
    left = list(answers)

    async def give(request: httpx.Request) -> httpx.Response:
        return left.pop(0) if len(left) > 1 else left[0]

    return asking(give)


def points(*embeddings: list[float], **more: Any) -> httpx.Response:
    """A server's points, in order."""
    data = [{"index": i, "embedding": e} for i, e in enumerate(embeddings)]
    return httpx.Response(200, json={"data": data} | more)


class TestHashedNgrams(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashedNgrams()


class TestOpenAIEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return asking(answer)

    async def test_a_closed_embedder_embeds_nothing(self, embedder: Embedder) -> None:
        """After `aclose` every call fails, at once."""
        await embedder.aclose()

        with pytest.raises(ModelError):
            await embedder.embed(["a"], deadline=10)


def cosine(first: Vector, second: Vector) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


async def test_hashed_points_have_length_1_and_know_letters() -> None:
    """Texts of like words are near; case and spaces do not count."""
    texts = [
        "The cat sat on a mat",
        "the  CAT sat\non a mat",
        "A cat on mats",
        "Ümläut",
    ]
    first, same, like, other = await HashedNgrams().embed(texts, deadline=10)

    assert all(cosine(point, point) == pytest.approx(1) for point in (first, like))
    assert len(first) == DIMENSION
    assert first == same
    assert cosine(first, like) > 0.3
    assert cosine(first, other) < 0.1


async def test_hashed_points_are_the_same_for_ever() -> None:
    """A number in a report can be made again on any machine."""
    (point,) = await HashedNgrams().embed(["ab"], deadline=10)

    assert [i for i, number in enumerate(point) if number] == [306, 1301, 1702]
    assert {round(number, 6) for number in point} == {0.0, 0.57735}


async def test_a_server_is_asked_as_the_protocol_has_it() -> None:
    """By the model's own name, for numbers, with the key in the head."""
    asked: list[httpx.Request] = []

    async def keep(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return await answer(request)

    await asking(keep).embed(["a", "b"], deadline=10)

    body = {"model": "m", "input": ["a", "b"], "encoding_format": "float"}
    assert json.loads(asked[0].content) == body
    assert str(asked[0].url) == f"{URL}/embeddings"
    assert asked[0].headers["authorization"] == f"Bearer {CANARY}"


async def test_what_may_pass_is_tried_again() -> None:
    """A busy server costs a retry, not a point."""
    embedder = embedder_of(httpx.Response(429), httpx.Response(503), points([1.0]))

    assert await embedder.embed(["a"], deadline=10) == [[1.0]]


async def test_what_cannot_pass_is_an_error_of_its_kind() -> None:
    """With the server's words, and without our key among them."""
    refusal = {"error": {"message": f"maximum context length is 8; key {CANARY}"}}

    with pytest.raises(ModelError, match="maximum context length") as caught:
        await embedder_of(httpx.Response(400, json=refusal)).embed(["a"], deadline=10)

    assert caught.value.kind == "context_length"
    assert CANARY not in str(caught.value)


async def test_a_server_that_changes_its_dimension_is_found_out() -> None:
    """Points of two spaces have no distance."""
    embedder = embedder_of(points([1.0, 2.0]), points([1.0]))
    await embedder.embed(["a"], deadline=10)

    with pytest.raises(ModelError, match="1 numbers after 2 before") as caught:
        await embedder.embed(["a"], deadline=10)

    assert caught.value.kind == "bad_reply"


def test_points_without_an_index_are_in_order() -> None:
    """Some servers number nothing."""
    body = b'{"data":[{"embedding":[1]},{"embedding":[2]}]}'

    assert decode_points(body, 2) == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"data":[]}',
        b'{"data":[{"embedding":[1]}]}',
        b'{"data":[{"embedding":[1]},{"embedding":[1,2]}]}',
        b'{"data":[{"embedding":[]},{"embedding":[]}]}',
        b'{"data":[{"embedding":[NaN]},{"embedding":[1]}]}',
        b'{"data":[{"embedding":[1e999]},{"embedding":[1]}]}',
        b'{"data":[{"embedding":[null]},{"embedding":[1]}]}',
        b'{"data":[{"embedding":"AAAA"},{"embedding":[1]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}',
        b'{"data":[{"index":1,"embedding":[1]},{"index":2,"embedding":[1]}]}',
        b'{"data":[{"embedding":[1]},{"index":1,"embedding":[1]}]}',
        b'{"data":' + b"[" * 100_000,
        json.dumps({"data": [{"embedding": [1] * (MAX_DIMENSION + 1)}] * 2}).encode(),
    ],
)
def test_what_is_no_list_of_points_is_a_bad_reply(body: bytes) -> None:
    """Wrong counts, wrong order, wrong numbers: none of it becomes a measure."""
    with pytest.raises(ModelError) as caught:
        decode_points(body, 2)

    assert caught.value.kind == "bad_reply"


def test_batches_are_bounded_in_texts_and_in_characters() -> None:
    """A server has a limit on both; a long text goes alone."""
    texts = ["x" * 90_000] * 3 + ["y"] * (BATCH + 1)

    found = list(batches(texts))

    assert [text for batch in found for text in batch] == texts
    assert all(len(batch) <= BATCH for batch in found)
    assert all(sum(map(len, batch)) <= BATCH_SIZE for batch in found)
    assert [len(batch) for batch in found] == [2, BATCH, 2]


async def test_an_embedder_is_opened_by_its_name() -> None:
    """The name is what is recorded beside its numbers."""
    server = {"MY_LAB_BASE_URL": URL}

    async with open_embedder("hashed/ngrams", {}) as hashed:
        assert isinstance(hashed, HashedNgrams)
    async with open_embedder("my-lab/small", server) as served:
        assert isinstance(served, OpenAIEmbedder)
        assert served.name == "my-lab/small"


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("hashed/word", UnknownName, "did you mean 'hashed/ngrams'"),
        ("ngrams", UsageError, "a name is provider/model"),
        ("anthropic/claude", UsageError, "anthropic has no embeddings"),
        ("openai/text-embedding-3-large", UsageError, "openai needs a key"),
        ("nowhere/m", UnknownName, "unknown model provider 'nowhere'"),
    ],
)
async def test_what_cannot_be_opened_is_told(
    name: str, error: type[UsageError], words: str
) -> None:
    """With what would do instead."""
    with pytest.raises(error, match=words):
        async with open_embedder(name, {}):
            pass
