"""Anthropic's wire: what is sent, and what each thing that comes back amounts to."""

import json
from typing import Any

import pytest

from hubbub.errors import ModelError
from hubbub.models import wire_anthropic as wire
from hubbub.models.base import Prompt, Request, Sampling
from hubbub.models.complaints import Complaint

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}},
}


def ask(*prompts: Prompt, **fields: Any) -> Request:
    prompts = prompts or (Prompt("user", "How many?"),)
    return Request(model="anthropic/m", prompts=prompts, **fields)


def sent(request: Request, *unknown: wire.Field) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        wire.encode_request(request, "m", frozenset(unknown))
    )
    return body


def message(*content: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"type": "message", "content": content} | more).encode()


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def tool(given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t", "name": "answer", "input": given}


def test_a_request_is_sent_as_the_protocol_has_it() -> None:
    """What a system says is apart from the conversation; a seed is not known."""
    request = ask(
        Prompt("system", "Be brief."),
        Prompt("user", "Hello"),
        Prompt("assistant", "Hi"),
        Prompt("user", "How many?"),
        seed=4,
        sampling=Sampling(temperature=0.5, max_tokens=50),
    )

    assert sent(request) == {
        "model": "m",
        "max_tokens": 50,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "How many?"},
        ],
        "temperature": 0.5,
    }


def test_what_is_blank_is_not_sent() -> None:
    """An empty answer that is shown to its model again would be refused."""
    prompts = (Prompt("user", "?"), Prompt("assistant", " "), Prompt("user", "Again."))

    assert [m["content"] for m in sent(ask(*prompts))["messages"]] == ["?", "Again."]


@pytest.mark.parametrize(
    ("temperature", "top_p", "fields"),
    [
        (1.0, None, set[str]()),
        (1.0, 1.0, set[str]()),
        (None, None, set[str]()),
        (1.0, 0.7, {"top_p"}),
        (0.0, None, {"temperature"}),
        (0.5, 0.7, {"temperature", "top_p"}),
    ],
)
def test_what_the_server_has_by_itself_is_not_sent(
    temperature: float | None, top_p: float | None, fields: set[str]
) -> None:
    """Newer models refuse a temperature, or one beside top_p, even where it is 1."""
    body = sent(ask(sampling=Sampling(temperature=temperature, top_p=top_p)))

    assert set(body) - {"model", "max_tokens", "messages"} == fields


def test_a_temperature_above_1_is_refused() -> None:
    """Drawn at another temperature, the data would not be what its record says."""
    with pytest.raises(
        ModelError, match=r"temperature 1\.5: here it is at most 1"
    ) as e:
        sent(ask(sampling=Sampling(temperature=1.5)))

    assert e.value.kind == "bad_request"


def test_an_answer_by_a_schema_is_a_tools_input() -> None:
    """The model has to call the one tool that there is."""
    body = sent(ask(schema=SCHEMA))

    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}


def test_models_without_forced_tools_are_asked_in_other_ways() -> None:
    """By the form of the output, without bounds, which it does not know; then in words."""
    form = sent(ask(schema=SCHEMA), "tool_choice")
    words = sent(ask(schema=SCHEMA), "tool_choice", "output_config")

    schema = form["output_config"]["format"]["schema"]
    assert schema["properties"] == {"n": {"type": "integer"}}
    assert schema["additionalProperties"] is False
    assert "tools" not in form
    assert set(words) == {"model", "max_tokens", "messages"}
    assert "JSON schema" in words["messages"][0]["content"]


def test_a_schema_that_cannot_be_strict_is_put_in_words() -> None:
    """The form of the output knows objects with all their fields alone."""
    body = sent(ask(schema={"type": "integer"}), "tool_choice")

    assert "JSON schema" in body["messages"][0]["content"]


def test_a_reply_is_the_text_of_all_blocks() -> None:
    """Thinking is no part of what was said; tokens are counted with cached ones."""
    usage = {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 3}
    thinking = {"type": "thinking", "thinking": "hm", "signature": "x"}
    body = message(
        thinking, text("a"), text("b\ud83d"), stop_reason="end_turn", usage=usage
    )

    reply = wire.decode_reply(body, None)

    assert (reply.text, reply.finish) == ("ab\ufffd", "end_turn")
    assert (reply.tokens_in, reply.tokens_out) == (9, 3)


@pytest.mark.parametrize(
    ("schema", "given", "answer"),
    [
        (SCHEMA, {"n": 1}, '{"n": 1}'),
        ({"type": "integer"}, {"answer": 5}, "5"),
        ({"type": "integer"}, 5, "5"),
        ({"type": "array"}, {"answer": ["é"]}, '["é"]'),
        (SCHEMA, None, "null"),
    ],
)
def test_a_tools_input_is_the_answer(
    schema: dict[str, Any], given: Any, answer: str
) -> None:
    """It stands before what is said beside it, and comes out of its wrapper."""
    body = message(text("Let me see."), tool(given), stop_reason="tool_use")

    assert wire.decode_reply(body, schema).text == answer


def test_a_model_that_speaks_where_it_should_call_is_read_all_the_same() -> None:
    """Whether its words are an answer is for those who asked."""
    body = message(text('{"n": 1}'), {"type": "tool_use", "name": "other"})

    assert wire.decode_reply(body, SCHEMA).text == '{"n": 1}'
    assert wire.decode_reply(body, SCHEMA).tokens_in is None


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (message(text("I cannot."), stop_reason="refusal"), "refused", "I cannot"),
        (message(stop_reason="refusal"), "refused", "by the provider"),
        (message(stop_reason="max_tokens"), "bad_reply", "no text within max_tokens"),
        (message(stop_reason="end_turn"), "bad_reply", "no text"),
        (
            message(stop_reason="model_context_window_exceeded"),
            "context_length",
            "no room",
        ),
        (b"<html>", "bad_reply", "begins '<html>'"),
        (b'{"content":NaN}', "bad_reply", "array"),
        (b'{"content":[{"text":"hi"}]}', "bad_reply", "type"),
        (b'{"content":[{"type":"text","text":"cut', "bad_reply", "Unterminated"),
        (b"[" * 100_000, "bad_reply", "recursion"),
    ],
)
def test_what_is_no_reply_is_an_error(body: bytes, kind: str, words: str) -> None:
    """Each way not to answer has its kind."""
    with pytest.raises(ModelError, match=words) as caught:
        wire.decode_reply(body, None)

    assert caught.value.kind == kind


OBJECTIONS: list[tuple[int, str, wire.Field | None]] = [
    (400, 'tool_choice: type "tool" is not supported for this model', "tool_choice"),
    (
        400,
        "Thinking may not be enabled when tool_choice forces tool use",
        "tool_choice",
    ),
    (400, "tools.0.custom.input_schema: invalid", "tool_choice"),
    (400, "output_config.format: not supported", "output_config"),
    (400, "temperature is deprecated for this model", None),
    (400, "prompt is too long, with its tools", None),
    (401, "tool_choice", None),
]


@pytest.mark.parametrize(("status", "words", "field"), OBJECTIONS)
def test_an_objection_names_a_field(
    status: int, words: str, field: wire.Field | None
) -> None:
    """Only the form of the answer can be asked for in another way."""
    complaint, every = (
        Complaint(status, words),
        frozenset[wire.Field](("tool_choice", "output_config")),
    )

    assert wire.objection(ask(schema=SCHEMA), frozenset(), complaint) == field
    assert wire.objection(ask(schema=SCHEMA), every, complaint) is None
    assert wire.objection(ask(), frozenset(), complaint) is None
