"""
The vocabulary: every message that can be sent, as a closed union.

A message is one line of JSON.  The bus stamps its head (``seq``, ``n``, ``at``); the
body is one of the structs below, told apart by ``kind``.  Decoding is validation.
"""

from math import inf
from typing import Literal

import msgspec

from hubbub.errors import MessageTooLarge
from hubbub.text import escape_json

#: Bytes of one body on the wire.
MAX_BODY = 1 << 20

Outcome = Literal[
    "answered",
    "passed",
    "late",
    "unparsable",
    "refused",
    "model_error",
    "budget_stop",
    "crashed",
    "absent",
]
Form = Literal["collect", "turns", "chat", "probe", "tick"]
Surface = Literal["participant", "compromise", "impair", "chaos"]


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a message says; each subclass is one ``kind``."""


class Started(Body, frozen=True, kw_only=True):
    """The first message of every run: what is played, by whom, from which seed."""

    scenario: str
    seed: int
    seats: tuple[str, ...]
    parameters: dict[str, msgspec.Raw] = {}


class Ended(Body, frozen=True, kw_only=True):
    """The last message of every run; the bus refuses whatever comes after it."""

    steps: int


class Joined(Body, frozen=True, kw_only=True):
    """From this ``seq`` on, *seats* hear the room, this message included."""

    seats: tuple[str, ...]
    step: int = 0


class Left(Body, frozen=True, kw_only=True):
    """
    After this ``seq``, *seats* no longer hear the room.

    A seat that leaves a chat of its own will gives its parting *text* and the
    *turn* in which it did so.
    """

    seats: tuple[str, ...]
    text: str = ""
    turn: str = ""
    step: int = 0


class Said(Body, frozen=True, kw_only=True):
    """
    Somebody says *text* in a room.

    *turn* is the chat turn that ends with it, *step* the conductor's step.
    """

    text: str
    turn: str = ""
    step: int = 0


class Passed(Body, frozen=True, kw_only=True):
    """A chat turn that ends without words: by choice, or because it failed."""

    turn: str
    outcome: Outcome = "passed"
    note: str = ""


class Asked(Body, frozen=True, kw_only=True):
    """
    A phase asks one seat.

    *question* is the scenario's own struct, *reply* the room the contribution goes
    to, *budget* the seconds the seat has.  A *probe* leaves no trace in its mind.
    """

    ask: str
    step: int
    question: msgspec.Raw
    reply: str
    budget: float
    probe: bool = False


class Contributed(Body, frozen=True, kw_only=True):
    """
    How one seat ended one ask, exactly once.

    *answer* is the typed answer, null unless answered.  *raw* is what the mind gave
    where that is no legal answer; *raw_size* its full length in characters.
    """

    ask: str
    step: int
    outcome: Outcome
    answer: msgspec.Raw = msgspec.Raw(b"null")
    raw: str = ""
    raw_size: int = 0
    note: str = ""
    tries: int = 1


class PhaseOpened(Body, frozen=True, kw_only=True):
    """
    The conductor opens step *step* of the scenario.

    *what* names the question or deed and *digest* its arguments: a replay that finds
    others stops; *budget* is each seat's time for an answer or a turn.  For chats:
    *turns* a seat may take, the *opener*, the mean *pause* after which a silent room
    moves a seat to speak, and the *limit* of the whole.  All times are in seconds.
    """

    step: int
    form: Form
    what: str
    seats: tuple[str, ...] = ()
    digest: str = ""
    budget: float = 0.0
    quorum: float = 1.0
    turns: int = 0
    opener: str = ""
    pause: float | None = None
    limit: float = 0.0

    def __post_init__(self) -> None:
        # JSON has no word for the others: the line could never be read again.
        for number in (self.budget, self.quorum, self.pause or 0.0):
            if not 0 <= number < inf:
                raise ValueError(f"{number} is no finite number of seconds from 0 on")


class PhaseClosed(Body, frozen=True, kw_only=True):
    """What has a smaller ``seq`` counts, the rest is late."""

    step: int
    why: Literal["all", "quorum", "deadline", "over"]


class RoundBegan(Body, frozen=True, kw_only=True):
    """Round *round* of *of* begins, both from 1."""

    step: int
    round: int
    of: int


class Ticked(Body, frozen=True, kw_only=True):
    """The environment moves on: a fact called *name* that the room's members hear."""

    step: int
    name: str
    value: msgspec.Raw


class Muted(Body, frozen=True, kw_only=True):
    """From here on the seat of this inbox no longer hears *seat*; or, *on* again, does."""

    step: int
    seat: str
    on: bool = False


class Resulted(Body, frozen=True, kw_only=True):
    """What the scenario declares as a result, under a *name*."""

    step: int
    name: str
    value: msgspec.Raw


class Budgeted(Body, frozen=True, kw_only=True):
    """
    What the run may spend from here on, in US dollars and in tokens; null is no bound.

    It holds for the whole run, what was spent before included.
    """

    money: float | None = None
    tokens: int | None = None


class Stopped(Body, frozen=True, kw_only=True):
    """The run stops here, between two phases, and can go on: *why*, in words."""

    why: str


class Called(Body, frozen=True, kw_only=True):
    """
    One model call, recorded before its reply is used.

    *call* is ``<ask>/<draw>``; *record* is the whole `models.Call` as JSON.
    In ``log.jsonl`` the record's SHA-256 stands in its place.  *dropped* is how many
    messages that the seat had heard were left out of the prompts to make room.
    """

    call: str
    record: msgspec.Raw = msgspec.Raw(b"null")
    sha256: str = ""
    dropped: int = 0


class Remembered(Body, frozen=True, kw_only=True):
    """
    What a seat's memory has made of what the seat had heard, for the seat alone.

    *memory* is its id, ``<ask>/m<k>``.  *form* says what it is, such as a summary or a
    reflection; *upto* is the last ``seq`` it covers, *about* the memories and messages
    it was made from, *weight* how much it matters, in the policy's own measure.
    """

    memory: str
    form: str
    text: str
    upto: int = 0
    about: tuple[str, ...] = ()
    weight: float = 0.0


class Faulted(Body, frozen=True, kw_only=True):
    """
    Something of the platform's or a mind's went wrong: *what*, and the *raw* text.

    *raw_size* is the full length of the text in characters.
    """

    what: str
    ask: str = ""
    raw: str = ""
    raw_size: int = 0


class Injected(Body, frozen=True, kw_only=True):
    """
    Somebody outside asks for an injection, called *id* and asked for once.

    A ``participant`` fills new *seats*, which come into *rooms* too, by *group*, as a
    population file would say it; a ``compromise`` wraps the minds of *seats* that sit.
    ``impair`` and ``chaos`` do to *seats* what *group* says, which has a ``kind``: one of
    `impairments.IMPAIRMENTS`, in *rooms* if there are any, or of `chaos.CHAOS`.
    It begins with the first event that meets the trigger *at*, and ends with the first
    after that which meets *until*; empty is at once, and never.
    """

    id: str
    surface: Surface
    seats: tuple[str, ...] = ()
    group: msgspec.Raw = msgspec.Raw(b"{}")
    rooms: tuple[str, ...] = ()
    at: str = ""
    until: str = ""
    seed: int | None = None


class Ejected(Body, frozen=True, kw_only=True):
    """Somebody outside asks that injection *id* ends, at the trigger *at*."""

    id: str
    at: str = ""


class Switched(Body, frozen=True, kw_only=True):
    """
    Somebody outside asks that injection *id* holds no longer for a while, or again.

    It is to be *on* or not from the trigger *at* on.
    """

    id: str
    on: bool
    at: str = ""


class Onset(Body, frozen=True, kw_only=True):
    """From this ``seq`` on the injection *what* holds."""

    what: Injected


class Toggled(Body, frozen=True, kw_only=True):
    """From this ``seq`` on injection *id*, which is on *seats*, holds again or not."""

    id: str
    surface: Surface
    seats: tuple[str, ...] = ()
    on: bool


class Lifted(Body, frozen=True, kw_only=True):
    """From this ``seq`` on injection *id*, which was on *seats*, holds no longer."""

    id: str
    surface: Surface
    seats: tuple[str, ...] = ()


class Noted(Body, frozen=True, kw_only=True):
    """A remark for the reader of the log; nobody acts on it."""

    text: str


KINDS: dict[str, type[Body]] = {
    "start": Started,
    "end": Ended,
    "join": Joined,
    "leave": Left,
    "say": Said,
    "pass": Passed,
    "ask": Asked,
    "contribution": Contributed,
    "phase.open": PhaseOpened,
    "phase.close": PhaseClosed,
    "round": RoundBegan,
    "tick": Ticked,
    "mute": Muted,
    "result": Resulted,
    "budget": Budgeted,
    "stop": Stopped,
    "call": Called,
    "memory": Remembered,
    "fault": Faulted,
    "inject": Injected,
    "eject": Ejected,
    "switch": Switched,
    "onset": Onset,
    "toggle": Toggled,
    "lift": Lifted,
    "note": Noted,
}
KIND_OF: dict[type[Body], str] = {body: kind for kind, body in KINDS.items()}


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    The one thing that is ever sent.

    ``seq`` is its place in the run and ``n`` in its room, both dense from 1; ``at`` the
    server's time in ms; ``no`` the sender's own number, dense from 1; ``inc`` the
    sender's incarnation; ``seen`` how far in the run the sender had read.
    """

    seq: int
    room: str
    n: int
    at: int
    sender: str
    no: int
    inc: int
    seen: int
    kind: str
    body: Body


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message before the bus has stamped it."""

    room: str
    sender: str
    inc: int
    no: int
    seen: int
    body: Body


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    room: str
    n: int
    at: int
    sender: str
    no: int
    inc: int
    seen: int
    kind: str
    body: msgspec.Raw
    hash: str = ""


_encode = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(_Line).decode
_decoders = {kind: msgspec.json.Decoder(body).decode for kind, body in KINDS.items()}


def encode_body(body: Body) -> bytes:
    """*body* as JSON that is safe on a terminal; `MessageTooLarge` above `MAX_BODY`."""
    encoded = _encode(body)
    if b"\n" in encoded or b"\r" in encoded:
        # JSON that somebody else has laid out: a line break would end the line.
        encoded = msgspec.json.format(encoded, indent=-1)
    encoded = escape_json(encoded)
    if len(encoded) > MAX_BODY:
        raise MessageTooLarge(len(encoded), MAX_BODY)
    return encoded


def encode_line(draft: Draft, seq: int, n: int, at: int) -> bytes:
    """The line that the bus stores for *draft*; ``post.lua`` makes the same bytes."""
    head = (
        f'{{"seq":{seq},"room":"{draft.room}","n":{n},"at":{at},'
        f'"sender":"{draft.sender}","no":{draft.no},"inc":{draft.inc},'
        f'"seen":{draft.seen},"kind":"{KIND_OF[type(draft.body)]}","body":'
    )
    return head.encode() + encode_body(draft.body) + b"}"


def decode_line(line: bytes | str) -> Message:
    """
    The message of one stored line, with or without its hash.

    Raises `msgspec.DecodeError`, `msgspec.ValidationError`, `RecursionError` or
    `UnicodeDecodeError` for what is not one.
    """
    raw = _decode_line(line)
    if isinstance(line, bytes) and not line.isascii():
        # The decoder does not look into what it keeps raw.
        line.decode()
    try:
        decode = _decoders[raw.kind]
    except KeyError:
        raise msgspec.ValidationError(f"unknown kind {raw.kind!r}") from None
    return Message(
        seq=raw.seq,
        room=raw.room,
        n=raw.n,
        at=raw.at,
        sender=raw.sender,
        no=raw.no,
        inc=raw.inc,
        seen=raw.seen,
        kind=raw.kind,
        body=decode(raw.body),
    )
