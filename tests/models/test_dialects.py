"""The OpenAI-compatible client among servers that only nearly are."""

import httpx
import pytest

from hubbub.errors import ModelError
from hubbub.models import Prompt, Request

from .fake import FakeServer, complaint, completion

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
ASK = Request(model="fake/m", prompts=(Prompt("user", "How many?"),), schema=SCHEMA)


def hidden(code: int, words: str) -> httpx.Response:
    """An error behind a status of success, as OpenRouter and LM Studio send it."""
    return httpx.Response(200, json={"error": {"code": code, "message": words}})


async def test_a_hidden_failure_that_may_pass_is_tried_again() -> None:
    """It is what its code says, and not a reply without choices."""
    server = FakeServer(hidden(502, "Provider returned error"), completion("{}"))

    reply = await server.model().complete(ASK, deadline=10)

    assert (reply.text, len(server.requests)) == ("{}", 2)


async def test_a_hidden_failure_that_stays_is_typed() -> None:
    """An overlong prompt is not worth another request."""
    server = FakeServer(hidden(400, "Context size has been exceeded"))

    with pytest.raises(ModelError, match="Context size") as caught:
        await server.model().complete(ASK, deadline=10)

    assert (caught.value.kind, len(server.requests)) == ("context_length", 1)


async def test_the_schema_goes_down_the_ladder_one_step_at_a_time() -> None:
    """Strict, then without bounds, then in words; the seat notices nothing."""
    server = FakeServer(
        complaint(400, "Invalid schema for response_format: 'minimum' not permitted"),
        complaint(400, "This response_format type is unavailable now"),
        completion("{}"),
    )

    await server.model().complete(ASK, deadline=10)

    forms = [body.get("response_format") for body in server.bodies]
    schemas = [form["json_schema"]["schema"] for form in forms if form]
    bounds = [schema["properties"]["n"].get("minimum") for schema in schemas]
    assert (bounds, forms[2]) == ([1, None], None)
    assert "JSON schema" in server.bodies[2]["messages"][0]["content"]


async def test_a_default_temperature_is_left_out_where_it_is_refused() -> None:
    """Reasoning models take none, and have the one that was asked for."""
    refusal = complaint(400, "Unsupported parameter: 'temperature'", code="x")
    server = FakeServer(refusal, completion("{}"))

    await server.model().complete(ASK, deadline=10)

    assert ["temperature" in body for body in server.bodies] == [True, False]
