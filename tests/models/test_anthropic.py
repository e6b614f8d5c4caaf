"""The client of Anthropic's messages: the contract, its dialect, and its key."""

import json
import traceback
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from hubbub.errors import ModelError, UsageError
from hubbub.models import Model, Prompt, Request, Sampling
from hubbub.models.anthropic import VERSION, AnthropicModel

from .contract import ModelContract
from .fake import CANARY, Still

URL = "http://messages.test"
SCHEMA = {"type": "object", "properties": {"to": {"enum": ["L1", "L2"]}}}
ASK = Request(
    model="anthropic/claude", prompts=(Prompt("user", "Whom?"),), schema=SCHEMA
)


def message(words: str, **more: Any) -> httpx.Response:
    """What the server says, in words."""
    content = [{"type": "text", "text": words}]
    usage = {"input_tokens": 7, "output_tokens": 3}
    reply = {"type": "message", "content": content, "stop_reason": "end_turn"}
    return httpx.Response(200, json=reply | {"usage": usage} | more)


def complaint(status: int, kind: str, words: str) -> httpx.Response:
    """What the server says where it does not answer."""
    error = {"type": kind, "message": words}
    return httpx.Response(status, json={"type": "error", "error": error})


FAILURES = {
    "auth": complaint(401, "authentication_error", "invalid x-api-key"),
    "bad_reply": httpx.Response(200, text="<html>"),
    "bad_request": complaint(400, "invalid_request_error", "max_tokens: too many"),
    "context_length": complaint(400, "invalid_request_error", "prompt is too long: 9"),
    "rate_limit": complaint(429, "rate_limit_error", "slow down"),
    "refused": message("No.", stop_reason="refusal"),
    "server": complaint(529, "overloaded_error", "Overloaded"),
}


async def obey(request: httpx.Request) -> httpx.Response:
    """Say what the prompt says, or fail as it says."""
    await anyio.lowlevel.checkpoint()
    words: str = json.loads(request.content)["messages"][-1]["content"]
    if words == "fail timeout":
        await anyio.sleep_forever()
    if words == "fail network":
        raise httpx.ConnectError("refused", request=request)
    return FAILURES.get(words.removeprefix("fail "), message(words))


def model_of(
    answer: Callable[[httpx.Request], Any], api_key: str = CANARY, url: str = URL
) -> AnthropicModel:
    """A client whose server answers as *answer* says."""
    transport = httpx.MockTransport(answer)
    return AnthropicModel(url, rng=Still(), api_key=api_key, transport=transport)


class Listed:
    """Answers by a list, whose last item answers for ever, and keeps what it was sent."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        return answer


class TestAnthropicModel(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return model_of(obey)


async def failure(model: Model, request: Request = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(request, deadline=10)
    return caught.value


async def test_a_model_is_asked_as_the_protocol_wants_it() -> None:
    """Under its own name, with the key and the protocol's version in the head."""
    server = Listed(message('{"to": "L1"}'))

    reply = await model_of(server).complete(ASK, deadline=10)

    request = server.requests[0]
    assert str(request.url) == f"{URL}/v1/messages"
    assert request.headers["x-api-key"] == CANARY
    assert request.headers["anthropic-version"] == VERSION
    assert "authorization" not in request.headers
    assert server.bodies[0]["model"] == "claude"
    assert (reply.tokens_in, reply.tokens_out) == (7, 3)


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/v1", f"{URL}/v1/"])
async def test_a_base_url_may_have_the_version_in_it(url: str) -> None:
    """Those of OpenAI's protocol have it: people write both so."""
    server = Listed(message("hi"))

    await model_of(server, url=url).complete(ASK, deadline=10)

    assert str(server.requests[0].url) == f"{URL}/v1/messages"


async def test_an_overloaded_server_is_tried_again() -> None:
    """A status of 529 passes; it costs a retry, not an answer."""
    server = Listed(FAILURES["server"], message("hi"))

    reply = await model_of(server).complete(ASK, deadline=10)

    assert (reply.text, len(server.requests)) == ("hi", 2)


async def test_a_model_without_forced_tools_is_asked_otherwise_from_then_on() -> None:
    """Each refusal teaches the client once; other models are still asked with a tool."""
    words = 'tool_choice: type "tool" and "any" are not supported for this model.'
    server = Listed(
        complaint(400, "invalid_request_error", words),
        complaint(400, "invalid_request_error", "output_config: not supported"),
        message("{}"),
    )
    model = model_of(server)
    other = Request(model="anthropic/old", prompts=ASK.prompts, schema=SCHEMA)

    for request in (ASK, ASK, other):
        await model.complete(request, deadline=10)

    forms = [sorted({"tools", "output_config"} & set(body)) for body in server.bodies]
    assert forms == [["tools"], ["output_config"], [], [], ["tools"]]


async def test_a_temperature_that_it_does_not_have_costs_nothing() -> None:
    """The error comes before anything is sent."""
    server = Listed(message("hi"))
    request = Request(
        model="anthropic/m", prompts=ASK.prompts, sampling=Sampling(temperature=1.5)
    )

    error = await failure(model_of(server), request)

    assert (error.kind, server.requests) == ("bad_request", [])


async def test_models_are_listed() -> None:
    """The names are those that a request would use."""
    listing = {"data": [{"type": "model", "id": "claude-x"}], "has_more": False}
    server = Listed(httpx.Response(200, json=listing))

    assert await model_of(server).names(deadline=10) == ("claude-x",)
    assert server.requests[0].url.path == "/v1/models"


async def test_models_that_are_not_listed_are_an_error() -> None:
    """With the server's own words."""
    with pytest.raises(ModelError, match="invalid x-api-key"):
        await model_of(Listed(FAILURES["auth"])).names(deadline=10)


@pytest.mark.parametrize(
    "answer",
    [
        complaint(401, "authentication_error", f"invalid x-api-key {CANARY}"),
        httpx.Response(200, text=f"<html>you sent {CANARY}"),
        message(f"I was told {CANARY}", stop_reason="refusal"),
    ],
)
async def test_a_key_that_is_sent_back_goes_no_further(answer: httpx.Response) -> None:
    """Neither the error, nor its causes, nor the client's repr has our key."""
    model = model_of(Listed(answer))

    error = await failure(model)

    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(model)
    assert CANARY[:12] not in shown


def test_a_key_that_no_header_can_carry_is_not_quoted() -> None:
    """It is refused before anything that would show it sees it."""
    with pytest.raises(UsageError) as caught:
        model_of(obey, api_key=f"{CANARY}\nX: y")

    assert CANARY not in str(caught.value)
