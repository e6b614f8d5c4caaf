"""The wire: what is sent, and what each thing that comes back amounts to."""

import json
from typing import Any, get_args

import pytest

from hubbub.errors import ModelError
from hubbub.models import wire
from hubbub.models.base import Prompt, Request, Sampling
from hubbub.models.complaints import Complaint

SCHEMA = {"type": "object", "properties": {"to": {"enum": ["L1", "L2"]}}}
STRICT = {
    "type": "object",
    "properties": {"to": {"type": "string", "enum": ["L1", "L2"]}},
    "required": ["to"],
    "additionalProperties": False,
}


def sent(request: Request, *unknown: wire.Field) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        wire.encode_request(request, "m", frozenset(unknown))
    )
    return body


def ask(words: str = "Whom?", **fields: Any) -> Request:
    return Request(model="fake/m", prompts=(Prompt("user", words),), **fields)


def reply(message: dict[str, Any], **choice: Any) -> bytes:
    return json.dumps({"choices": [{"message": message} | choice]}).encode()


def test_a_request_is_sent_as_the_protocol_has_it() -> None:
    """Every field of a request has its place in the body."""
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=50)

    assert sent(ask(schema=SCHEMA, seed=4, sampling=sampling)) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Whom?"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 4,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": STRICT},
        },
    }


def test_what_is_left_to_the_server_is_not_sent() -> None:
    """None is an absent field: servers refuse a null."""
    body = sent(ask(sampling=Sampling(temperature=None)))

    assert set(body) == {"model", "messages", "max_tokens"}


def test_a_server_that_knows_no_schema_gets_it_in_words() -> None:
    """The instruction follows the last prompt, and templates still alternate."""
    body = sent(ask(schema=SCHEMA), "response_format")

    assert "response_format" not in body
    assert len(body["messages"]) == 1
    assert body["messages"][0]["content"].startswith("Whom?\n\nAnswer with one JSON")
    assert json.dumps(SCHEMA) in body["messages"][0]["content"]


def test_newer_models_get_their_name_for_the_limit() -> None:
    """The limit keeps its meaning under the name the server asks for."""
    body = sent(ask(seed=1), "max_tokens", "seed")

    assert (body["max_completion_tokens"], "max_tokens" in body) == (256, False)
    assert "seed" not in body


def test_a_prompt_that_is_no_unicode_is_sent_all_the_same() -> None:
    """A lone surrogate would make the body no UTF-8."""
    body = sent(ask("a\ud800b"))

    assert body["messages"][0]["content"] == "a\ufffdb"


def test_a_schema_that_cannot_be_strict_is_sent_as_a_hint() -> None:
    """A field of any name has no place in strict mode."""
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}

    form = sent(ask(schema=schema))["response_format"]["json_schema"]

    assert (form["strict"], form["schema"]) == (False, schema)


def test_a_server_that_knows_no_bounds_gets_the_rest_of_the_schema() -> None:
    """Our own check has the bounds still; the form is better than words."""
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}

    form = sent(ask(schema=schema), "bounds")["response_format"]["json_schema"]

    assert form["schema"]["properties"] == {"n": {"type": "integer"}}


def test_a_default_that_a_model_does_not_take_is_left_out() -> None:
    """A temperature of 1 is what such a model has anyway."""
    sampling = Sampling(temperature=1, top_p=1)

    body = sent(ask(sampling=sampling), "temperature", "top_p")

    assert set(body) == {"model", "messages", "max_tokens"}


def test_a_pattern_is_not_sent() -> None:
    """The prompts ask for it; no two servers have the same name for one."""
    assert set(sent(ask(pattern="LEAVE"))) == set(sent(ask()))


def test_unknown_and_missing_fields_are_tolerated() -> None:
    """Usage may be missing, and reasoning is no part of what was said."""
    body = reply({"content": "hi", "reasoning_content": "hm"}, logprobs=None, new=[1])

    decoded = wire.decode_reply(body)

    assert (decoded.text, decoded.tokens_in, decoded.tokens_out) == ("hi", None, None)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7}, 7),
        ({"prompt_tokens": 0, "details": {}}, 0),
        (None, None),
        ([], None),
        ("many", None),
        ({"prompt_tokens": None}, None),
        ({"prompt_tokens": "7"}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": 10**30}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": 7.5}, None),
    ],
)
def test_only_a_count_of_tokens_is_one(usage: Any, tokens: int | None) -> None:
    """What is no number of tokens does not cost us the reply."""
    choices = [{"message": {"content": "hi"}, "finish_reason": 7}]
    body = json.dumps({"choices": choices, "usage": usage}).encode()

    decoded = wire.decode_reply(body)

    assert (decoded.text, decoded.finish, decoded.tokens_in) == ("hi", "", tokens)


def test_a_reply_may_come_in_parts() -> None:
    """Some servers send a list: the parts that are text, in order."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "hello "},
        {"type": "text", "text": "there"},
    ]

    assert wire.decode_reply(reply({"content": parts})).text == "hello there"


def test_thinking_that_never_ended_leaves_no_text() -> None:
    """The limit was used up by what is no answer; the error says so."""
    body = reply({"content": "<think>On the one hand"}, finish_reason="length")

    with pytest.raises(ModelError, match="no text within max_tokens") as caught:
        wire.decode_reply(body)

    assert caught.value.kind == "bad_reply"


def test_lone_surrogates_in_a_reply_are_replaced() -> None:
    """Models cut characters in two; the rest of what they said is kept."""
    body = rb'{"choices":[{"message":{"content":"a\ud83d b \ud83d\ude42"}}]}'

    assert wire.decode_reply(body).text == "a\ufffd b 🙂"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"\xff\xfe\x00",
        b"null",
        b"NaN",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":NaN}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":{"content":null}}]}',
        b'{"choices":[{"message":{"content":NaN}}]}',
        b'{"choices":[{"message":{"content":7}}]}',
        b'{"choices":[{"message":{"content":[]}}]}',
        b'{"choices":[{"message":{"content":[{"type":"image"}]}}]}',
        b'{"choices":[{"message":{"content":"cut o',
        b'{"usage":{"prompt_tokens":' + b"9" * 5_000 + b"}}",
        b'{"choices":[{"message":{"content":"hi","refusal":' + b"9" * 5_000 + b"}}]}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_reply_is_a_bad_reply(body: bytes) -> None:
    """Whatever a server sends, the call ends in a typed error."""
    with pytest.raises(ModelError) as caught:
        wire.decode_reply(body)

    assert caught.value.kind == "bad_reply"


@pytest.mark.parametrize(
    "body",
    [
        reply({"content": None, "refusal": "I cannot help with that."}),
        reply({"content": ""}, finish_reason="content_filter"),
    ],
)
def test_a_refusal_is_refused(body: bytes) -> None:
    """Both ways in which a provider declines are one kind of error."""
    with pytest.raises(ModelError) as caught:
        wire.decode_reply(body)

    assert caught.value.kind == "refused"


REQUEST = ask(
    schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
    seed=1,
    sampling=Sampling(temperature=1, top_p=1),
)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Use 'max_completion_tokens' instead.", "max_tokens"),
        ("extra fields not permitted: seed", "seed"),
        ("'temperature' is not supported with this model. temperature", "temperature"),
        ("Unsupported parameter: 'top_p'", "top_p"),
        ("Invalid schema for response_format: 'minimum' is not permitted", "bounds"),
        ("This response_format type is unavailable now", "response_format"),
        ("Invalid schema for response format 'answer'", "response_format"),
        ("'response_format.type' must be 'text' or json_object", "response_format"),
        ("max_completion_tokens: maximum context length is 8", None),
        ("no such model", None),
    ],
)
def test_an_objection_names_a_field(words: str, field: wire.Field | None) -> None:
    """Only what can be said in another way is."""
    assert wire.objection(REQUEST, frozenset(), Complaint(400, words)) == field
    assert wire.objection(REQUEST, frozenset(), Complaint(404, words)) is None


@pytest.mark.parametrize("field", get_args(wire.Field))
def test_what_was_put_in_another_way_is_not_objected_to_again(
    field: wire.Field,
) -> None:
    """Each field is given up once, so that a call costs a few requests at most."""
    complaint = Complaint(400, f"{field} max_completion_tokens minimum")
    first = wire.objection(
        REQUEST, frozenset(get_args(wire.Field)) - {field}, complaint
    )

    assert first == field
    assert wire.objection(REQUEST, frozenset(get_args(wire.Field)), complaint) is None


@pytest.mark.parametrize("words", ["temperature", "top_p", "seed", "schema minimum"])
def test_what_was_not_asked_for_cannot_be_left_out(words: str) -> None:
    """A temperature of 0.5 is no default: without it the data would be others."""
    request = ask(sampling=Sampling(temperature=0.5, top_p=0.7))

    assert wire.objection(request, frozenset(), Complaint(400, words)) is None
