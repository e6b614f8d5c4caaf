"""The OpenAI-compatible client: the contract, retries, adaptations and secrets."""

import json
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from time import monotonic

import anyio
import anyio.lowlevel
import httpx
import pytest

from hubbub.errors import ModelError, ModelErrorKind, UsageError
from hubbub.models import Model, Prompt, Request
from hubbub.models.body import MAX_REPLY
from hubbub.models.openai import OpenAIModel
from hubbub.models.retries import PATIENT_TRIES, TRIES

from .contract import ModelContract
from .fake import CANARY, URL, FakeServer, Still, complaint, completion

SCHEMA = {"type": "object", "properties": {"to": {"enum": ["L1", "L2"]}}}
ASK = Request(model="fake/m", prompts=(Prompt("user", "Whom?"),), schema=SCHEMA, seed=1)

FAILURES = {
    "auth": complaint(401, "no such key"),
    "bad_reply": httpx.Response(200, text="<html>"),
    "bad_request": complaint(400, "temperature must be 1"),
    "context_length": complaint(400, "?", code="context_length_exceeded"),
    "rate_limit": complaint(429, "slow down"),
    "refused": completion(None, message={"refusal": "no"}),
    "server": complaint(500, "oh"),
}


async def obey(request: httpx.Request) -> httpx.Response:
    """Say what the prompt says, or fail as it says."""
    await anyio.lowlevel.checkpoint()
    words: str = json.loads(request.content)["messages"][-1]["content"]
    if words == "fail timeout":
        await anyio.sleep_forever()
    if words == "fail network":
        raise httpx.ConnectError("refused", request=request)
    return FAILURES.get(words.removeprefix("fail "), completion(words))


class TestOpenAIModel(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return OpenAIModel(URL, rng=Still(), transport=httpx.MockTransport(obey))


async def failure(model: Model, request: Request = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(request, deadline=10)
    return caught.value


async def test_a_model_is_asked_under_its_own_name() -> None:
    """The provider is ours; what follows it, slashes included, is the server's."""
    server = FakeServer(completion("hi"))
    request = Request(model="openrouter/meta/llama", prompts=(Prompt("user", "?"),))

    reply = await server.model().complete(request, deadline=10)

    assert server.bodies[0]["model"] == "meta/llama"
    assert str(server.requests[0].url) == f"{URL}/chat/completions"
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert (reply.tokens_in, reply.tokens_out, reply.finish) == (7, 3, "stop")


@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    """A busy server costs a retry, not an answer."""
    server = FakeServer(complaint(status, "busy"), completion("hi"))

    reply = await server.model().complete(ASK, deadline=10)

    assert (reply.text, len(server.requests)) == ("hi", 2)


@pytest.mark.parametrize(
    ("kind", "tries"), [("rate_limit", PATIENT_TRIES), ("server", TRIES)]
)
async def test_tries_are_bounded(kind: ModelErrorKind, tries: int) -> None:
    """A server that stays down costs so many requests and no more."""
    server = FakeServer(FAILURES[kind])

    assert (await failure(server.model())).kind == kind
    assert len(server.requests) == tries


@pytest.mark.parametrize(
    "answer",
    [
        complaint(401, "no"),
        complaint(404, "no such model"),
        complaint(429, "pay first", code="insufficient_quota"),
        httpx.Response(307, headers={"location": "http://elsewhere.test"}),
        httpx.Response(200, text="<html>"),
    ],
)
async def test_what_cannot_pass_is_not_tried_again(answer: httpx.Response) -> None:
    """No second request where it would be answered as the first; none elsewhere."""
    server = FakeServer(answer)

    await failure(server.model())

    assert len(server.requests) == 1


async def test_a_pause_beyond_the_deadline_is_not_waited_for() -> None:
    """The error comes at once, and it is the server's and not a timeout."""
    busy = httpx.Response(429, headers={"retry-after": "1e9"})
    began = monotonic()

    assert (await failure(FakeServer(busy).model())).kind == "rate_limit"
    assert monotonic() - began < 5


async def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    """The next try comes no sooner than `Retry-After` says."""
    busy = httpx.Response(503, headers={"retry-after": "0.05"})
    server = FakeServer(busy, completion("hi"))
    began = monotonic()

    await server.model().complete(ASK, deadline=10)

    assert monotonic() - began >= 0.05


async def test_a_server_without_schemas_is_asked_in_words_from_then_on() -> None:
    """One refusal teaches the client; later calls cost one request."""
    server = FakeServer(complaint(400, "unknown response_format"), completion("{}"))
    model = server.model()

    for _ in range(2):
        await model.complete(ASK, deadline=10)

    forms = ["response_format" in body for body in server.bodies]
    assert forms == [True, False, False]
    assert "JSON schema" in server.bodies[1]["messages"][-1]["content"]


async def test_several_objections_are_met_one_after_the_other() -> None:
    """Each refusal changes one field; the answer is the first that is none."""
    server = FakeServer(
        complaint(400, "use max_completion_tokens", param="max_tokens"),
        complaint(422, "seed: extra fields not permitted"),
        complaint(400, "invalid schema"),
        completion("{}"),
    )

    await server.model().complete(ASK, deadline=10)

    last = server.bodies[-1]
    assert set(last) == {"model", "messages", "temperature", "max_completion_tokens"}


async def test_an_objection_that_stays_is_an_error() -> None:
    """What has been put in another way already is not put so again."""
    server = FakeServer(complaint(400, "invalid schema"))

    assert (await failure(server.model())).kind == "bad_request"
    assert len(server.requests) == 2


async def test_what_one_model_does_not_know_another_may() -> None:
    """Models of one server differ: gpt-5 refuses what gpt-4 needs."""
    server = FakeServer(complaint(400, "unknown seed"), completion("{}"))
    model = server.model()
    await model.complete(ASK, deadline=10)

    await model.complete(Request(model="fake/b", prompts=(), seed=2), deadline=10)

    assert server.bodies[-1]["seed"] == 2


async def test_models_are_listed() -> None:
    """The names are those that a request would use."""
    listing = {"object": "list", "data": [{"id": "a", "owned_by": "x"}, {"id": "b/c"}]}
    server = FakeServer(httpx.Response(200, json=listing))

    assert await server.model().names(deadline=10) == ("a", "b/c")
    assert str(server.requests[0].url) == f"{URL}/models"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_a_reply_is_bounded_once_it_is_decompressed(encoding: str) -> None:
    """A small body that becomes large is cut off before it does."""
    zeros = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    packed = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(64)) + zeros.flush()
    body = packed if encoding != "identity" else bytes(MAX_REPLY + 1)
    answer = httpx.Response(
        200, headers={"content-encoding": encoding}, stream=Raw(body)
    )
    model = FakeServer(answer).model()
    tracemalloc.start()

    error = await failure(model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (error.kind, "more than" in str(error)) == ("bad_reply", True)
    assert peak < 5 * MAX_REPLY


async def test_a_server_that_compresses_unasked_is_understood() -> None:
    """We ask for none; some proxies know better."""
    packed = zlib.compressobj(wbits=31)
    body = packed.compress(completion("hi").content) + packed.flush()
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Raw(body))
    server = FakeServer(answer)

    assert (await server.model().complete(ASK, deadline=10)).text == "hi"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_a_compression_that_cannot_be_undone_is_a_bad_reply(
    encoding: str,
) -> None:
    """Neither an unknown nor a damaged one is anything else."""
    answer = httpx.Response(
        200, headers={"content-encoding": encoding}, stream=Raw(b"?")
    )

    assert (await failure(FakeServer(answer).model())).kind == "bad_reply"


@pytest.mark.parametrize(
    "answer",
    [
        complaint(401, f"Incorrect API key provided: {CANARY}"),
        httpx.Response(500, text="x" * 280 + f"Authorization: Bearer {CANARY}"),
        httpx.Response(200, text=f"<html>you sent Bearer {CANARY}"),
        completion(None, message={"refusal": f"I was told {CANARY}"}),
    ],
)
async def test_a_key_that_is_sent_back_goes_no_further(answer: httpx.Response) -> None:
    """Neither the error, nor its causes, nor the client's repr has our key."""
    model = FakeServer(answer).model()

    error = await failure(model)

    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(model)
    assert CANARY[:12] not in shown


async def test_a_key_stays_out_of_network_errors() -> None:
    """The transport's error is the cause, and shows the server alone."""

    async def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    transport = httpx.MockTransport(unreachable)
    model = OpenAIModel(URL, rng=Still(), api_key=CANARY, transport=transport)

    error = await failure(model)

    assert str(error) == "network: http://models.test: ConnectError no route"
    assert isinstance(error.__cause__, httpx.ConnectError)
    assert CANARY not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("key", [f"{CANARY}\nX: y", f"{CANARY}é", f"{CANARY}\x00"])
def test_a_key_that_no_header_can_carry_is_not_quoted(key: str) -> None:
    """It is refused before anything that would show it sees it."""
    with pytest.raises(UsageError) as caught:
        OpenAIModel(URL, rng=Still(), api_key=key)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["", "localhost:11434", "ftp://x/v1", "http://", "::"])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    """The mistake shows when the client is made, with an example of what would do."""
    with pytest.raises(UsageError, match="looks like http://localhost:11434/v1"):
        OpenAIModel(url, rng=Still())


def test_an_unusable_proxy_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says wrongly is said by its name."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")

    with pytest.raises(UsageError, match="proxy"):
        OpenAIModel(URL, rng=Still())


async def test_a_local_server_is_not_sought_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy for the world does not lead back to this machine."""
    monkeypatch.setenv("HTTP_PROXY", "nonsense://proxy")

    await OpenAIModel("http://localhost:1/v1", rng=Still()).aclose()


class Raw(httpx.AsyncByteStream):
    """A body that is sent as it is."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 1 << 16):
            yield self._body[start : start + (1 << 16)]
