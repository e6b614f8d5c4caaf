"""An endpoint: what all dialects have in common."""

from datetime import UTC, datetime

import anyio
import httpx
import pytest

from hubbub.errors import ModelError
from hubbub.models.base import Request
from hubbub.models.endpoint import Endpoint, Errand
from hubbub.models.limits import Limits
from hubbub.models.openai import OpenAIModel
from hubbub.models.pressure import Pressure
from hubbub.models.retries import TRIES, Setback, retry_after

from ..leaping import in_no_time
from .contract import say
from .fake import CANARY, URL, FakeServer, Still, complaint, completion

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("", 0),
        ("soon", 0),
        ("-1", 0),
        ("nan", 0),
        ("1e9", 60),
        ("Fri, 01 May 2026 12:00:07 GMT", 7),
        ("Fri, 01 May 2026 12:00:07 -0000", 7),
        ("Fri, 01 May 2026 11:00:00 GMT", 0),
        ("Fri, 01 May 2099 12:00:00 GMT", 60),
        ("Fri, 99 May 2026 12:00:07 GMT", 0),
    ],
)
def test_a_server_may_ask_for_a_pause_within_limits(
    header: str, seconds: float
) -> None:
    """`Retry-After` is honoured as far as it is a sensible number or date."""
    assert retry_after({"retry-after": header}, NOW) == seconds


def test_a_date_is_measured_by_the_clock_that_gave_it() -> None:
    """A server whose clock is wrong asks for the pause that it means."""
    headers = {
        "retry-after": "Thu, 01 Jan 1970 00:00:09 GMT",
        "date": "Thu, 01 Jan 1970 00:00:04 GMT",
    }

    assert retry_after(headers, NOW) == 5


# -- tries


def endpoint() -> Endpoint:
    return Endpoint(URL, rng=Still())


@in_no_time
async def test_a_network_error_is_tried_again_and_others_are_not() -> None:
    """What the transport lost may arrive the next time; a bad reply stays one."""
    tried = list[str]()
    kinds = iter(["network", "network", "bad_reply"])

    async def once(errand: Errand) -> str:
        tried.append(kind := next(kinds))
        raise ModelError("network" if kind == "network" else "bad_reply", "?")

    with pytest.raises(ModelError, match="bad_reply"):
        await endpoint().attempt(once, deadline=10)

    assert len(tried) == 3


@in_no_time
async def test_each_try_waits_for_as_long_as_the_server_asks() -> None:
    """Every setback has its own pause, and the last one is the call's error."""

    async def once(errand: Errand) -> Setback:
        return Setback(ModelError("server", f"at {anyio.current_time():g}"), 7.0)

    with pytest.raises(ModelError, match=f"at {7 * (TRIES - 1)}"):
        await endpoint().attempt(once, deadline=100)


@in_no_time
async def test_a_call_that_queues_to_its_end_says_so() -> None:
    """How long it waited, for what, and what to change."""
    pressure = Pressure(Limits(concurrency=1, prefix="LAB"))
    await pressure.take(0)
    server = FakeServer(completion("hi"))
    transport = httpx.MockTransport(server.answer)
    model = OpenAIModel(URL, rng=Still(), pressure=pressure, transport=transport)

    with pytest.raises(ModelError) as caught:
        await model.complete(say("?"), deadline=20)

    assert caught.value.kind == "timeout"
    assert "no reply within 20 s, 20.0 s of them in the queue" in str(caught.value)
    assert "1 calls at once (LAB_CONCURRENCY)" in str(caught.value)
    assert "give asks more time" in str(caught.value)
    assert not server.requests


@in_no_time
async def test_tokens_are_settled_with_what_the_server_counted() -> None:
    """A refusal costs none, a reply what its usage says."""
    pressure = Pressure(Limits(tpm=60))
    server = FakeServer(complaint(429, "slow down"), completion("hi"))
    transport = httpx.MockTransport(server.answer)
    model = OpenAIModel(URL, rng=Still(), pressure=pressure, transport=transport)
    await model.complete(say("?"), deadline=10)
    await pressure.take(0)

    assert anyio.current_time() == pytest.approx(10.0)


# -- one call, one name


def keys_of(server: FakeServer) -> list[str]:
    return [request.headers["idempotency-key"] for request in server.requests]


async def test_a_call_has_one_name_whoever_makes_it() -> None:
    """A retry, and another worker's, are the same call to a server that knows keys."""
    server = FakeServer(complaint(500, "oh"), completion("hi"))
    for _ in range(2):
        await server.model().complete(say("?"), deadline=10)

    assert len(set(keys_of(server))) == 1
    assert len(server.requests) == 3


async def test_another_draw_is_another_call() -> None:
    """What is to be drawn anew is not answered from what was drawn before."""
    server, request = FakeServer(completion("hi")), say("?")
    others = [
        Request(model=request.model, prompts=request.prompts, draw=2),
        Request(model=request.model, prompts=request.prompts, seed=3),
        Request(model="other/one", prompts=request.prompts),
        say("!"),
    ]
    for one in (request, *others):
        await server.model().complete(one, deadline=10)

    assert len(set(keys_of(server))) == 5


# -- secrets


async def test_a_key_in_a_reply_is_masked() -> None:
    """A server that says our key does not get it into the record."""
    server = FakeServer(completion(f"your key is {CANARY}"))

    reply = await server.model().complete(say("?"), deadline=10)

    assert reply.text == "your key is [key]"


async def test_a_placeholder_is_no_secret() -> None:
    """What servers without keys are sent as one may be a word of a reply."""
    server = FakeServer(completion("I am ollama"))

    reply = await server.model("ollama").complete(say("?"), deadline=10)

    assert reply.text == "I am ollama"


async def test_a_key_with_escapes_is_known_again() -> None:
    """JSON may be written in more than one way."""
    key = "sk/canary/0123456789"
    body = {"error": {"message": f"no such key: {key}"}}
    server = FakeServer(
        httpx.Response(401, text=str(body).replace("'", '"').replace("/", "\\/"))
    )

    with pytest.raises(ModelError) as caught:
        await server.model(key).complete(say("?"), deadline=10)

    assert "no such key: [key]" in str(caught.value)
