"""The wire: what is sent, and what each thing that comes back amounts to."""

import json
from typing import Any

import pytest

from hubbub.errors import ModelError, ModelErrorKind
from hubbub.models import wire
from hubbub.models.base import Prompt, Request, Sampling

SCHEMA = {"type": "object", "properties": {"to": {"enum": ["L1", "L2"]}}}


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
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
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


def test_unknown_and_missing_fields_are_tolerated() -> None:
    """Usage may be missing, and reasoning is no part of what was said."""
    body = reply({"content": "hi", "reasoning_content": "hm"}, logprobs=None, new=[1])

    decoded = wire.decode_reply(body)

    assert (decoded.text, decoded.tokens_in, decoded.tokens_out) == ("hi", None, None)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"a": 1}<|im_end|>', '{"a": 1}'),
        ("hi <|eot_id|> <|im_end|>\n", "hi"),
        ("hi</s></s><end_of_turn>", "hi"),
        (
            "<|im_start|> stays where it is no end",
            "<|im_start|> stays where it is no end",
        ),
        ("a < b | c >", "a < b | c >"),
        ("kept \n", "kept \n"),
    ],
)
def test_tokens_of_the_template_are_no_words(said: str, text: str) -> None:
    """What a chat template leaks at the end is taken off, and nothing else."""
    assert wire.decode_reply(reply({"content": said})).text == text


def test_taking_off_tokens_is_linear() -> None:
    """A reply full of tokens and spaces costs no more than its length."""
    said = ("</s>" + " " * 8) * 200_000

    assert wire.decode_reply(reply({"content": said})).text == ""


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
        b'{"choices":[{"message":{"content":"cut o',
        b'{"usage":{"prompt_tokens":' + b"9" * 5_000 + b"}}",
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


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, '{"error":{"message":"Incorrect API key"}}', "auth"),
        (403, "Forbidden", "auth"),
        (429, '{"error":{"message":"slow down"}}', "rate_limit"),
        (500, "", "server"),
        (307, "", "server"),
        (404, '{"error":"model not found"}', "server"),
        (
            400,
            '{"error":{"message":"?","code":"context_length_exceeded"}}',
            "context_length",
        ),
        (
            400,
            '{"message":"This model\'s maximum context length is 8"}',
            "context_length",
        ),
        (
            400,
            '{"error":{"message":"exceeds the available context size"}}',
            "context_length",
        ),
        (413, '{"error":{"message":"prompt is too long: 9 tokens"}}', "context_length"),
        (400, '{"error":{"message":"?","code":"content_filter"}}', "refused"),
    ],
)
def test_each_status_has_its_kind(status: int, body: str, kind: ModelErrorKind) -> None:
    """Servers' words for the same failure are one kind."""
    error = wire.failure(status, wire.read_complaint(body.encode()))

    assert error.kind == kind
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Use 'max_completion_tokens' instead.", "max_tokens"),
        ("extra fields not permitted: seed", "seed"),
        ("This response_format type is unavailable now", "response_format"),
        ("Invalid schema for response format 'answer'", "response_format"),
        ("max_completion_tokens: maximum context length is 8", None),
        ("temperature must be 1", None),
    ],
)
def test_an_objection_names_a_field(words: str, field: wire.Field | None) -> None:
    """Only what can be said in another way is, and only if it was said."""
    request = ask(schema=SCHEMA, seed=1)

    assert wire.objection(request, frozenset(), 400, words) == field
    assert wire.objection(request, frozenset(), 404, words) is None
    assert wire.objection(ask(), frozenset({"max_tokens"}), 400, words) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2), ("0.5", 0.5), ("", 0), ("soon", 0), ("-1", 0), ("nan", 0), ("1e9", 60)],
)
def test_a_server_may_ask_for_a_pause_within_limits(
    header: str, seconds: float
) -> None:
    """`Retry-After` is honoured as far as it is a sensible number."""
    assert wire.retry_after(header) == seconds
