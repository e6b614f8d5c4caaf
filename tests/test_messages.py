"""A message is one line whose bytes are fixed: logs outlive the code that wrote them."""

import msgspec
import pytest

from hubbub.errors import MessageTooLarge
from hubbub.messages import (
    KIND_OF,
    KINDS,
    MAX_BODY,
    Asked,
    Body,
    Budgeted,
    Called,
    Contributed,
    Draft,
    Ejected,
    Ended,
    Faulted,
    Injected,
    Joined,
    Left,
    Lifted,
    Muted,
    Noted,
    Onset,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Stopped,
    Switched,
    Ticked,
    Toggled,
    decode_line,
    encode_body,
    encode_line,
)

RAW = msgspec.Raw(b'{"x":1}')

#: Of each kind a body and its bytes, as full and as bare as they come.
GOLDEN: list[tuple[Body, str]] = [
    (
        Started(scenario="party", seed=7, seats=("L1", "L2"), parameters={"n": RAW}),
        '{"scenario":"party","seed":7,"seats":["L1","L2"],"parameters":{"n":{"x":1}}}',
    ),
    (Ended(steps=3), '{"steps":3}'),
    (Joined(seats=("L1",), step=2), '{"seats":["L1"],"step":2}'),
    (Joined(seats=("L1",)), '{"seats":["L1"]}'),
    (
        Left(seats=("L1",), text="bye", turn="2/L1/1"),
        '{"seats":["L1"],"text":"bye","turn":"2/L1/1"}',
    ),
    (Said(text="hello"), '{"text":"hello"}'),
    (Said(text="é", turn="2/L1/1", step=2), '{"text":"é","turn":"2/L1/1","step":2}'),
    (Passed(turn="2/L1/1"), '{"turn":"2/L1/1"}'),
    (
        Passed(turn="2/L1/1", outcome="crashed", note="x"),
        '{"turn":"2/L1/1","outcome":"crashed","note":"x"}',
    ),
    (
        Asked(ask="1/L1", step=1, question=RAW, reply="@conductor", budget=60.0),
        '{"ask":"1/L1","step":1,"question":{"x":1},"reply":"@conductor","budget":60.0}',
    ),
    (
        Contributed(ask="1/L1", step=1, outcome="answered", answer=RAW),
        '{"ask":"1/L1","step":1,"outcome":"answered","answer":{"x":1}}',
    ),
    (
        Contributed(
            ask="1/L1",
            step=1,
            outcome="unparsable",
            raw="\x1b",
            raw_size=9,
            note="no",
            tries=3,
        ),
        (
            '{"ask":"1/L1","step":1,"outcome":"unparsable","raw":"\\u001b",'
            '"raw_size":9,"note":"no","tries":3}'
        ),
    ),
    (
        PhaseOpened(step=1, form="collect", what="Guess", seats=("L1",), budget=5.0),
        '{"step":1,"form":"collect","what":"Guess","seats":["L1"],"budget":5.0}',
    ),
    (
        PhaseOpened(step=1, form="chat", what="hall", turns=3, opener="L1", pause=0.5),
        '{"step":1,"form":"chat","what":"hall","turns":3,"opener":"L1","pause":0.5}',
    ),
    (
        PhaseClosed(step=1, why="deadline"),
        '{"step":1,"why":"deadline"}',
    ),
    (RoundBegan(step=1, round=2, of=3), '{"step":1,"round":2,"of":3}'),
    (
        Ticked(step=1, name="rain", value=RAW),
        '{"step":1,"name":"rain","value":{"x":1}}',
    ),
    (
        Resulted(step=1, name="sum", value=RAW),
        '{"step":1,"name":"sum","value":{"x":1}}',
    ),
    (Budgeted(money=5.0, tokens=200), '{"money":5.0,"tokens":200}'),
    (Budgeted(), "{}"),
    (Stopped(why="spent"), '{"why":"spent"}'),
    (Called(call="1/L1/1", record=RAW), '{"call":"1/L1/1","record":{"x":1}}'),
    (Called(call="1/L1/1", sha256="ab"), '{"call":"1/L1/1","sha256":"ab"}'),
    (Called(call="1/L1/1", dropped=3), '{"call":"1/L1/1","dropped":3}'),
    (
        Faulted(what="x", ask="1/L1", raw="y", raw_size=1),
        '{"what":"x","ask":"1/L1","raw":"y","raw_size":1}',
    ),
    (
        Remembered(memory="1/L1/m1", form="summary", text="z", upto=9, about=("7",)),
        '{"memory":"1/L1/m1","form":"summary","text":"z","upto":9,"about":["7"]}',
    ),
    (
        Injected(id="i1", surface="compromise", seats=("L1",), group=RAW, seed=3),
        '{"id":"i1","surface":"compromise","seats":["L1"],"group":{"x":1},"seed":3}',
    ),
    (
        Onset(what=Injected(id="i1", surface="participant", at="seq:5")),
        '{"what":{"id":"i1","surface":"participant","at":"seq:5"}}',
    ),
    (Ejected(id="i1", at="round:2"), '{"id":"i1","at":"round:2"}'),
    (
        Lifted(id="i1", surface="participant", seats=("L1",)),
        '{"id":"i1","surface":"participant","seats":["L1"]}',
    ),
    (Switched(id="i1", on=True, at="seq:9"), '{"id":"i1","on":true,"at":"seq:9"}'),
    (
        Toggled(id="i1", surface="impair", seats=("L1",), on=False),
        '{"id":"i1","surface":"impair","seats":["L1"],"on":false}',
    ),
    (Muted(step=4, seat="L2"), '{"step":4,"seat":"L2"}'),
    (Noted(text="a remark"), '{"text":"a remark"}'),
]


def draft(body: Body) -> Draft:
    """*body*, said by L3."""
    return Draft(room="chat-7-L3-L4", sender="L3", inc=1, no=37, seen=409, body=body)


def line(kind: str, body: str) -> bytes:
    """A stored line."""
    head = (
        '{"seq":412,"room":"chat-7-L3-L4","n":5,"at":1763690000123,"sender":"L3",'
        '"no":37,"inc":1,"seen":409'
    )
    return f'{head},"kind":"{kind}","body":{body}}}'.encode()


@pytest.mark.parametrize(
    ("body", "encoded"), GOLDEN, ids=[f"{KIND_OF[type(b)]}-{len(s)}" for b, s in GOLDEN]
)
def test_the_bytes_of_each_kind_are_fixed(body: Body, encoded: str) -> None:
    """Head and body, in this order, with defaults left out; and it is read back."""
    stored = line(KIND_OF[type(body)], encoded)

    assert encode_line(draft(body), 412, 5, 1763690000123) == stored
    assert decode_line(stored).body == body


def test_there_is_a_golden_line_of_every_kind() -> None:
    """A new kind comes with its bytes."""
    assert {KIND_OF[type(body)] for body, _ in GOLDEN} == set(KINDS)
    assert {KINDS[kind] for kind in KINDS} == set(Body.__subclasses__())


def test_the_head_is_read_back() -> None:
    """With the hash that the log's file adds, and without."""
    stored = line("say", '{"text":"hello"}')
    message = decode_line(stored)

    assert decode_line(stored[:-1] + b',"hash":"00"}') == message
    assert (message.seq, message.room, message.n) == (412, "chat-7-L3-L4", 5)
    assert (message.sender, message.no, message.inc) == ("L3", 37, 1)
    assert (message.at, message.seen, message.kind) == (1763690000123, 409, "say")


def test_unknown_fields_are_ignored() -> None:
    """What a later version adds does not keep this one from reading."""
    stored = line("say", '{"text":"hello","mood":"good"}')

    assert decode_line(stored[:-1] + b',"colour":"red"}').body == Said(text="hello")


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (line("shout", '{"text":"x"}'), "unknown kind 'shout'"),
        (line("say", "{}"), "missing required field `text`"),
        (line("say", '{"text":5}'), r"Expected `str`, got `int` - at `\$\.text`"),
        (line("pass", '{"turn":"1","outcome":"lazy"}'), "Invalid enum value 'lazy'"),
        (line("say", '{"text":"x"')[:-1], "truncated"),
        (b"", "truncated"),
        (b"null", "Expected `object`"),
        (b'{"seq":1}', "missing required field `room`"),
        (b"\xff", "malformed"),
    ],
    ids=range(9),
)
def test_what_is_no_message_says_why(stored: bytes, words: str) -> None:
    """Decoding is validation."""
    with pytest.raises(msgspec.DecodeError, match=words):
        decode_line(stored)


def test_bytes_that_are_no_text_are_no_message() -> None:
    """Also within a string, and in what is kept as it stands."""
    tick = '{"step":1,"name":"n","value":["x"]}'
    for stored in (line("say", '{"text":"x"}'), line("tick", tick)):
        with pytest.raises((UnicodeDecodeError, msgspec.DecodeError)):
            decode_line(stored.replace(b"x", b"\xff"))


def test_nesting_without_end_is_no_message() -> None:
    """It must not overflow the stack."""
    with pytest.raises(RecursionError):
        decode_line(line("ask", '{"else":' + "[" * 100_000))


def test_a_body_has_a_limit() -> None:
    """The error says both sizes; the largest body that fits is written."""
    room = MAX_BODY - len(encode_body(Said(text="")))

    assert len(encode_body(Said(text="x" * room))) == MAX_BODY
    with pytest.raises(
        MessageTooLarge, match="1,048,577 bytes; the limit is 1,048,576"
    ):
        encode_body(Said(text="x" * (room + 1)))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_a_phase_has_finite_times(number: float) -> None:
    """JSON has no word for the others: the line could never be read again."""
    with pytest.raises(ValueError, match="is no finite number of seconds"):
        PhaseOpened(step=1, form="chat", what="hall", budget=number)
    with pytest.raises(ValueError, match="is no finite number of seconds"):
        PhaseOpened(step=1, form="chat", what="hall", pause=number)
