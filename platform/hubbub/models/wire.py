"""
Chat completions on the wire: requests into bytes, bytes into replies and errors.

Servers differ in what they count, how they word an error and which fields they know;
nothing here relies on any of it.  No input or output, so that all of it is a table of
examples in the tests.
"""

import json
import re
from typing import Any, Literal, TypeVar

import msgspec

from hubbub.errors import ModelError, ModelErrorKind
from hubbub.models.base import Prompt, Reply, Request
from hubbub.text import without_surrogates

T = TypeVar("T")

#: Fields that mean the same under another name, in other words, or left out.
Field = Literal["max_tokens", "seed", "response_format"]

#: Seconds; a server that asks us to wait longer is not taken at its word.
LONGEST_RETRY_AFTER = 60.0

_OBJECTIONS: dict[Field, re.Pattern[str]] = {
    "max_tokens": re.compile("max_completion_tokens"),
    "seed": re.compile(r"\bseed\b"),
    "response_format": re.compile("response.?format|schema|grammar", re.IGNORECASE),
}
_MEANINGS: dict[ModelErrorKind, re.Pattern[str]] = {
    "context_length": re.compile(
        "context.?(length|size|window)|prompt is too long|too many tokens",
        re.IGNORECASE,
    ),
    "refused": re.compile("content.?(filter|policy|management)", re.IGNORECASE),
}
#: A template's token at the end; spaces are bounded so that the search is linear.
_LEAK = re.compile(r"\s{0,8}(?:<\|\w{1,32}\|>|</s>|<eos>|<end_of_turn>)\s{0,8}$")
_LONGEST_LEAK = 52


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class _Listed(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Listed]


class _Complaint(msgspec.Struct):
    message: str = ""
    code: str | int | None = None
    param: str | None = None


class _Failed(msgspec.Struct):
    error: _Complaint | str


def encode_request(request: Request, model: str, unknown: frozenset[Field]) -> bytes:
    """*request* to *model*, with the fields in *unknown* put in another way."""
    sampling, schema, prompts = request.sampling, request.schema, request.prompts
    limit = "max_completion_tokens" if "max_tokens" in unknown else "max_tokens"
    body: dict[str, Any] = {
        "model": model,
        limit: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": None if "seed" in unknown else request.seed,
    }
    if schema is not None and "response_format" in unknown:
        prompts = _instructed(prompts, schema)
    elif schema is not None:
        form = {"name": "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    body["messages"] = msgspec.to_builtins(prompts)
    known = {name: value for name, value in body.items() if value is not None}
    return without_surrogates(json.dumps(known, ensure_ascii=False)).encode()


def _instructed(
    prompts: tuple[Prompt, ...], schema: dict[str, Any]
) -> tuple[Prompt, ...]:
    """*prompts* with the schema in words, for a server that cannot enforce it."""
    words = (
        "Answer with one JSON value that follows this JSON schema, and nothing else:\n"
        + json.dumps(schema, ensure_ascii=False)
    )
    if prompts and prompts[-1].role == "user":
        return (*prompts[:-1], Prompt("user", f"{prompts[-1].content}\n\n{words}"))
    return (*prompts, Prompt("user", words))


def decode_reply(body: bytes) -> Reply:
    """The reply in *body*; `ModelError` ``refused`` or ``bad_reply`` if there is none."""
    completion = _read(body, _Completion)
    if not completion.choices:
        raise _bad("no choices", body)
    choice = completion.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ModelError("refused", choice.message.refusal or "by a content filter")
    if choice.message.content is None:
        within = " within max_tokens" if choice.finish_reason == "length" else ""
        raise _bad(f"no text{within}", body)
    usage = completion.usage or _Usage()
    return Reply(
        text=without_surrogates(_without_leaks(choice.message.content)),
        finish=without_surrogates(choice.finish_reason or ""),
        tokens_in=usage.prompt_tokens,
        tokens_out=usage.completion_tokens,
    )


def decode_listing(body: bytes) -> tuple[str, ...]:
    """The names of the models in *body*; `ModelError` ``bad_reply`` if it lists none."""
    return tuple(model.id for model in _read(body, _Listing).data)


def _read(body: bytes, form: type[T]) -> T:
    try:
        # Not msgspec's own decoder: it refuses lone surrogates, which models do emit.
        return msgspec.convert(json.loads(body), form)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise _bad(str(error), body) from None


def _bad(why: str, body: bytes) -> ModelError:
    beginning = body[:150].decode(errors="replace")
    return ModelError("bad_reply", f"{why}; the reply begins {beginning!r}")


def _without_leaks(text: str) -> str:
    end = len(text)
    while leak := _LEAK.search(text, max(0, end - _LONGEST_LEAK), end):
        end = leak.start()
    return text[:end]


def read_complaint(body: bytes) -> str:
    """What an error's *body* says; the beginning of it where it has no known form."""
    try:
        error = msgspec.convert(json.loads(body), _Failed).error
    except (ValueError, RecursionError, msgspec.ValidationError):
        return body[:1_000].decode(errors="replace")
    if isinstance(error, str):
        return error
    code = error.code if isinstance(error.code, str) else ""
    return " ".join(filter(None, (error.message, code, error.param)))


def failure(status: int, complaint: str) -> ModelError:
    """The error that HTTP *status* and the server's *complaint* amount to."""
    return ModelError(_kind(status, complaint), f"HTTP {status}: {complaint}")


def _kind(status: int, complaint: str) -> ModelErrorKind:
    if status in (401, 403):
        return "auth"
    if status == 429:
        return "rate_limit"
    if 400 <= status < 500:
        for kind, words in _MEANINGS.items():
            if words.search(complaint):
                return kind
    return "server"


def may_pass(status: int, complaint: str) -> bool:
    """Whether the same request may succeed later; not where the money is used up."""
    return status >= 500 or (status == 429 and "insufficient_quota" not in complaint)


def objection(
    request: Request, unknown: frozenset[Field], status: int, complaint: str
) -> Field | None:
    """The field of *request*, *unknown* ones aside, that the server does not take."""
    if status not in (400, 422) or _kind(status, complaint) != "server":
        return None
    absent: set[Field] = set(unknown)
    if request.seed is None:
        absent.add("seed")
    if request.schema is None:
        absent.add("response_format")
    for field, words in _OBJECTIONS.items():
        if field not in absent and words.search(complaint):
            return field
    return None


def retry_after(header: str) -> float:
    """The seconds that *header* asks for; 0 where it gives no number."""
    try:
        seconds = float(header)
    except ValueError:
        return 0.0
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else 0.0
