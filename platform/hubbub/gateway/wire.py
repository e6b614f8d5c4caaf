"""
What goes between a client and the gateway, version 1: bodies, answers, refusals.

All of it is JSON.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from hubbub.errors import GatewayRefused
from hubbub.gateway.asks import Open
from hubbub.gateway.http import Request, Response
from hubbub.messages import Message, encode_body
from hubbub.text import escape_json

#: The HTTP status of each refusal.
STATUS = {
    "bad_request": 400,
    "no_token": 401,
    "not_found": 404,
    "bad_method": 405,
    "too_slow": 408,
    "ended": 409,
    "not_open": 409,
    "taken": 409,
    "forgotten": 410,
    "over": 410,
    "too_large": 413,
    "bad_type": 415,
    "bad_host": 421,
    "unfit": 422,
    "slow_down": 429,
    "head_too_large": 431,
    "not_hosted": 503,
    "unknown": 504,
}


class Given(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An answer to *ask*, asked for the *attempt*-th time: JSON, or text for words."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    answer: msgspec.Raw


class Words(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to say in a turn."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    text: str


class Pass(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """To give no answer, or say nothing in a turn."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A message as its hearers know it."""

    seq: int
    room: str
    at: int
    sender: str
    kind: str
    body: msgspec.Raw


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who a client is: its *seat* in *run*, in the company of *seats*."""

    seat: str
    run: str
    scenario: str
    rules: str
    persona: str
    seats: tuple[str, ...]
    over: bool


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Events; those after them come *after* ``next``."""

    events: tuple[Event, ...]
    next: int
    over: bool


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, None for nothing; nothing more comes when the run is *over*."""

    ask: Open | None
    over: bool


def refusal(refused: GatewayRefused) -> Response:
    """What a client is told of *refused*."""
    headers: dict[str, str] = {}
    match refused.code:
        case "no_token":
            headers["www-authenticate"] = "Bearer"
        case "bad_method":
            headers["allow"] = str(refused.facts["allow"])
        case "slow_down" | "not_hosted":
            headers["retry-after"] = "1"
        case _:
            pass
    told = {"error": refused.code, "words": str(refused), **refused.facts}
    return to_json(STATUS[refused.code], told, headers)


def unread(status: int, words: str) -> Response:
    """What is told of that which could not be read as a request at all."""
    code = {408: "too_slow", 413: "too_large", 431: "head_too_large"}.get(status)
    return refusal(GatewayRefused(code or "bad_request", words))


def to_json(
    status: int, value: object, headers: Mapping[str, str] | None = None
) -> Response:
    """*value* as an answer."""
    body = escape_json(msgspec.json.encode(value)) + b"\n"
    return Response(status=status, body=body, headers=headers or {})


def event_of(message: Message) -> Event:
    """What a client hears of *message*."""
    return Event(
        seq=message.seq,
        room=message.room,
        at=message.at,
        sender=message.sender,
        kind=message.kind,
        body=msgspec.Raw(encode_body(message.body)),
    )


def query_of(request: Request, **most: int) -> dict[str, int]:
    """The whole numbers after the question mark, each *most* so large."""
    found: dict[str, int] = {}
    for name, value in request.query.items():
        if name not in most or not (value.isascii() and value.isdigit()):
            known = ", ".join(most) or "nothing"
            raise GatewayRefused("bad_request", f"after the ? may be {known}: numbers")
        if len(value) > 16 or int(value) > most[name]:
            raise GatewayRefused("bad_request", f"{name} is {most[name]} at most")
        found[name] = int(value)
    return found


def body_of(request: Request, type_: type[Any]) -> Any:
    """The body as a *type_*."""
    query_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise GatewayRefused("bad_type", "send Content-Type: application/json")
    try:
        return msgspec.json.decode(request.body, type=type_)
    except (ValueError, RecursionError) as error:
        words = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise GatewayRefused("bad_request", words) from None


def text_of(answer: msgspec.Raw) -> str:
    """The *answer* to what is answered by words."""
    try:
        return msgspec.json.decode(answer, type=str)
    except (ValueError, RecursionError):
        raise GatewayRefused("bad_request", "this is answered by a text") from None
