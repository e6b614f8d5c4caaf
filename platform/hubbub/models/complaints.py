"""What servers say when they do not answer: their words into kinds of error."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from hubbub.errors import ModelError, ModelErrorKind

#: Characters of a complaint that are looked at.
LONGEST = 4_000

#: Statuses below 500 under which the same request may succeed later.
_PASSING = frozenset({408, 409, 425, 429})
#: Where an error has its words, the most telling first; all else in it is not for us.
_PLACES = (
    "message",
    "msg",
    "code",
    "type",
    "param",
    "loc",
    "detail",
    "error",
    "metadata",
    "raw",
)
#: How deep they lie in what servers, and those behind them, send; how many they are.
_DEEPEST = 5
_MOST = 10

_TOO_LONG = re.compile(
    r"context.?(length|size|window|limit)|n_ctx|prompt is too long|too many tokens"
    r"|maximum (model|prompt|input) length|input token count|longer than the maximum"
    r"|max_new_tokens. must be <=|request_too_large",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"content.?(filter|policy|management)|moderation|flagged|usage polic",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"insufficient.(quota|credit|balance|fund)|credit balance|billing", re.IGNORECASE
)
_BUSY = re.compile(r"rate.?limit", re.IGNORECASE)


class Complaint(NamedTuple):
    """Why a server did not answer: an HTTP *status*, and its own *words*."""

    status: int
    words: str

    @property
    def kind(self) -> ModelErrorKind:
        """
        The kind of error that it amounts to.

        ``auth`` is also an account without money, ``context_length`` also a request
        that is too large for a server.
        """
        status, words = self
        if status in (401, 402) or (status != 403 and _SPENT.search(words)):
            return "auth"
        if status == 429:
            return "rate_limit"
        if status == 413 or _TOO_LONG.search(words):
            return "context_length"
        if _DECLINED.search(words):
            return "refused"
        if status == 403:
            return "auth"
        ours = 400 <= status < 500 and status not in _PASSING
        return "bad_request" if ours else "server"

    @property
    def error(self) -> ModelError:
        """The error to raise."""
        return ModelError(self.kind, f"HTTP {self.status}: {self.words}")

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        passing = self.status in _PASSING or self.status >= 500
        return passing and self.kind in ("rate_limit", "server")


def read_complaint(status: int, body: bytes) -> Complaint | None:
    """
    What is wrong, by a reply's *status* and *body*; None if nothing is.

    Some servers have sent a status of success before they fail, and then say in the body
    what it should have been.  A body of no known form is quoted.
    """
    if not 200 <= status < 300:
        words = " ".join(dict.fromkeys(_told(_read(body), _DEEPEST)))
        return Complaint(status, (words or body.decode(errors="replace"))[:LONGEST])
    # Only to spare the replies that are what they should be another reading.
    if b'"error"' not in body or not (error := _hidden(_read(body))):
        return None
    words = " ".join(dict.fromkeys(_told(error, _DEEPEST)))[:LONGEST]
    return Complaint(_status(error, words), words)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _told(value: object, depth: int) -> Iterator[str]:
    """The words in *value*, the most telling ones first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for item in cast("list[object]", value)[:_MOST]:
            yield from _told(item, depth - 1)
    elif isinstance(value, dict) and depth:
        for place in _PLACES:
            yield from _told(cast("dict[str, object]", value).get(place), depth - 1)


def _hidden(reply: Any) -> Any:
    """The error in a *reply*, or in its first choice."""
    match reply:
        case {"error": told} if told:
            return told
        case {"choices": [{"error": told}, *_]}:
            return told
        case _:
            return None


def _status(error: object, words: str) -> int:
    """The status that *error* should have come with."""
    code = (
        cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    )
    if isinstance(code, int | str) and re.fullmatch("[45][0-9][0-9]", str(code)):
        return int(code)
    return 429 if _BUSY.search(words) else 500
