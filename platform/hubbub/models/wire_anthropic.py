"""
Anthropic's messages on the wire: requests into bytes, bytes into replies.

An answer that follows a schema is the input of a tool that the model has to call; models
that cannot be made to call one get the schema as the form of their output, or in words.
No input or output, so that all of it is a table of examples in the tests.
"""

import json
import re
from typing import Any, Literal

import msgspec

from hubbub.errors import ModelError
from hubbub.models import schemas
from hubbub.models.base import Prompt, Reply, Request
from hubbub.models.complaints import Complaint
from hubbub.models.wire import bad_reply, count, encode_body, read_body
from hubbub.text import without_surrogates

#: What of a request is put in another way where a model does not take it.
Field = Literal["tool_choice", "output_config"]

_OBJECTIONS: dict[Field, re.Pattern[str]] = {
    "tool_choice": re.compile(r"\btools?\b|tool_choice|input_schema"),
    "output_config": re.compile(r"output_(?:config|format)|schema"),
}
_TOOL = "answer"
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    name: str = ""
    input: Any = None


class _Message(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    usage: Any = None


def encode_request(request: Request, model: str, unknown: frozenset[Field]) -> bytes:
    """
    *request* to *model*, with what is in *unknown* put in another way.

    A temperature or top_p of 1 is the server's own and not sent, since many models take
    none; a seed is not known to it.  Raises `ModelError` ``bad_request`` for a
    temperature above 1, which the server would refuse and which has no other name.
    """
    sampling, prompts, schema = request.sampling, request.prompts, request.schema
    if sampling.temperature is not None and sampling.temperature > 1:
        raise ModelError(
            "bad_request", f"temperature {sampling.temperature:g}: here it is at most 1"
        )
    form: dict[str, Any] = {}
    if schema is not None and (form := _form(schema, unknown)) == {}:
        prompts = schemas.instructed(prompts, schema)
    system = "\n\n".join(p.content for p in prompts if p.role == "system")
    return encode_body(
        {
            "model": model,
            "max_tokens": sampling.max_tokens,
            "system": system or None,
            "messages": msgspec.to_builtins(_said(prompts)),
            "temperature": None if sampling.temperature == 1 else sampling.temperature,
            "top_p": None if sampling.top_p == 1 else sampling.top_p,
        }
        | form
    )


def _said(prompts: tuple[Prompt, ...]) -> list[Prompt]:
    """What was said, without what is blank, which the server would refuse."""
    return [p for p in prompts if p.role != "system" and p.content.strip()]


def _form(schema: dict[str, Any], unknown: frozenset[Field]) -> dict[str, Any]:
    """What in the request asks for the *schema*; empty if only words can."""
    if "tool_choice" not in unknown:
        tool = {
            "name": _TOOL,
            "description": "Gives your answer.",
            "input_schema": schemas.wrapped(schema),
        }
        return {"tools": [tool], "tool_choice": {"type": "tool", "name": _TOOL}}
    strict = schemas.strict(schemas.unbounded(schema))
    if "output_config" in unknown or strict is None:
        return {}
    return {"output_config": {"format": {"type": "json_schema", "schema": strict}}}


def decode_reply(body: bytes, schema: dict[str, Any] | None) -> Reply:
    """
    The reply in *body* to a request with *schema*.

    Raises `ModelError` ``refused``, ``context_length`` where no room was left for one,
    and ``bad_reply`` if there is none.
    """
    message = read_body(body, _Message)
    if message.stop_reason == "refusal":
        raise ModelError("refused", _said_by(message.content) or "by the provider")
    if (text := _text(message.content, schema)) is None:
        if message.stop_reason == "model_context_window_exceeded":
            raise ModelError("context_length", "the prompt left no room for a reply")
        within = " within max_tokens" if message.stop_reason == "max_tokens" else ""
        raise bad_reply(f"no text{within}", body)
    read = [count(message.usage, name) for name in _COUNTS]
    return Reply(
        text=without_surrogates(text),
        finish=without_surrogates(message.stop_reason or ""),
        tokens_in=None if read[0] is None else sum(number or 0 for number in read),
        tokens_out=count(message.usage, "output_tokens"),
    )


def _text(blocks: list[_Block], schema: dict[str, Any] | None) -> str | None:
    """The answer that the tool was given, else what was said."""
    for block in blocks:
        if block.type == "tool_use" and block.name == _TOOL and schema is not None:
            given = schemas.unwrapped(schema, block.input)
            return json.dumps(given, ensure_ascii=False)
    return _said_by(blocks)


def _said_by(blocks: list[_Block]) -> str | None:
    texts = [block.text for block in blocks if block.type == "text"]
    return "".join(texts) if texts else None


def objection(
    request: Request, unknown: frozenset[Field], complaint: Complaint
) -> Field | None:
    """The field of *request*, *unknown* ones aside, that the server does not take."""
    if complaint.kind != "bad_request" or request.schema is None:
        return None
    for field, words in _OBJECTIONS.items():
        if field not in unknown and words.search(complaint.words):
            return field
    return None
