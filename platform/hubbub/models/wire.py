"""
Chat completions on the wire: requests into bytes, bytes into replies.

Servers differ in what they count and which fields they know; nothing here relies on any
of it.  No input or output, so that all of it is a table of examples in the tests.
"""

import json
import re
from typing import Any, Literal, TypeVar

import msgspec

from hubbub.errors import ModelError
from hubbub.models import schemas
from hubbub.models.base import Reply, Request
from hubbub.models.complaints import Complaint
from hubbub.models.spoken import spoken
from hubbub.text import without_surrogates

T = TypeVar("T")

#: Tokens that one call may say to have taken; who says more knows nothing of them.
MOST_TOKENS = 1 << 40
#: What of a request means the same under another name, in other words, or left out:
#: ``bounds`` are those in the schema, and a temperature or top_p of 1 is the default.
Field = Literal[
    "max_tokens", "seed", "temperature", "top_p", "bounds", "response_format"
]

_OBJECTIONS: dict[Field, re.Pattern[str]] = {
    "max_tokens": re.compile("max_completion_tokens"),
    "seed": re.compile(r"\bseed\b"),
    "temperature": re.compile(r"\btemperature\b"),
    "top_p": re.compile(r"\btop_p\b"),
    "bounds": re.compile(rf"\b({'|'.join(sorted(schemas.BOUNDS))})\b"),
    "response_format": re.compile(
        "response.?format|schema|grammar|json_object|structured", re.IGNORECASE
    ),
}


class _Message(msgspec.Struct):
    content: str | list[Any] | None = None
    refusal: Any = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: Any = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None


class _Listed(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Listed]


def encode_request(request: Request, model: str, unknown: frozenset[Field]) -> bytes:
    """*request* to *model*, with the fields in *unknown* put in another way."""
    sampling, prompts = request.sampling, request.prompts
    limit = "max_completion_tokens" if "max_tokens" in unknown else "max_tokens"
    body: dict[str, Any] = {
        "model": model,
        limit: sampling.max_tokens,
        "temperature": None if "temperature" in unknown else sampling.temperature,
        "top_p": None if "top_p" in unknown else sampling.top_p,
        "seed": None if "seed" in unknown else request.seed,
    }
    if request.schema is not None and "response_format" in unknown:
        prompts = schemas.instructed(prompts, request.schema)
    elif request.schema is not None:
        body["response_format"] = _form(request.schema, "bounds" in unknown)
    body["messages"] = msgspec.to_builtins(prompts)
    return encode_body(body)


def _form(schema: dict[str, Any], unbounded: bool) -> dict[str, Any]:
    if unbounded:
        schema = schemas.unbounded(schema)
    strict = schemas.strict(schema)
    form = {
        "name": "answer",
        "strict": strict is not None,
        "schema": schema if strict is None else strict,
    }
    return {"type": "json_schema", "json_schema": form}


def encode_body(body: dict[str, Any]) -> bytes:
    """*body* as JSON, which is UTF-8 also where a prompt is none; None is left out."""
    known = {name: value for name, value in body.items() if value is not None}
    return without_surrogates(json.dumps(known, ensure_ascii=False)).encode()


def decode_reply(body: bytes) -> Reply:
    """The reply in *body*; `ModelError` ``refused`` or ``bad_reply`` if there is none."""
    completion = read_body(body, _Completion)
    if not completion.choices:
        raise bad_reply("no choices", body)
    choice = completion.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ModelError("refused", str(choice.message.refusal or "by a filter"))
    if (text := spoken(choice.message.content)) is None:
        within = " within max_tokens" if choice.finish_reason == "length" else ""
        raise bad_reply(f"no text{within}", body)
    finish, usage = choice.finish_reason, completion.usage
    return Reply(
        text=without_surrogates(text),
        finish=without_surrogates(finish) if isinstance(finish, str) else "",
        tokens_in=count(usage, "prompt_tokens"),
        tokens_out=count(usage, "completion_tokens"),
    )


def decode_listing(body: bytes) -> tuple[str, ...]:
    """The names of the models in *body*; `ModelError` ``bad_reply`` if it lists none."""
    return tuple(model.id for model in read_body(body, _Listing).data)


def count(usage: Any, name: str) -> int | None:
    """The number of tokens that *usage* has under *name*, if it has a credible one."""
    match usage:
        case {**counts} if type(number := counts.get(name)) is int:
            return number if 0 <= number <= MOST_TOKENS else None
        case _:
            return None


def read_body(body: bytes, form: type[T]) -> T:
    """*body*'s JSON as a *form*; `ModelError` ``bad_reply`` where it is none."""
    try:
        # Not msgspec's own decoder: it refuses lone surrogates, which models do emit.
        return msgspec.convert(json.loads(body), form)
    except (ValueError, RecursionError) as error:
        raise bad_reply(str(error), body) from None


def bad_reply(why: str, body: bytes) -> ModelError:
    """The error for a *body* that is no reply."""
    beginning = body[:150].decode(errors="replace")
    return ModelError("bad_reply", f"{why}; the reply begins {beginning!r}")


def objection(
    request: Request, unknown: frozenset[Field], complaint: Complaint
) -> Field | None:
    """The field of *request*, *unknown* ones aside, that the server does not take."""
    if complaint.status not in (400, 422) or complaint.kind != "bad_request":
        return None
    absent = unknown | _absent(request)
    for field, words in _OBJECTIONS.items():
        if field not in absent and words.search(complaint.words):
            return field
    return None


def _absent(request: Request) -> set[Field]:
    """What of *request* was not sent, or could not be put in another way."""
    schema, sampling = request.schema, request.sampling
    absent: set[Field] = set()
    if request.seed is None:
        absent.add("seed")
    if sampling.temperature != 1:
        absent.add("temperature")
    if sampling.top_p != 1:
        absent.add("top_p")
    if schema is None:
        absent.add("response_format")
    if schema is None or not schemas.has_bounds(schema):
        absent.add("bounds")
    return absent
