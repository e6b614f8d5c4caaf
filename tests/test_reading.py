"""Answers read out of text, and what is not read out of it."""

import enum
from time import monotonic
from typing import Any

import msgspec
import pytest

from hubbub.reading import MAX_WORDED, read_json, read_words


class Sum(msgspec.Struct, frozen=True):
    """A number."""

    total: int


READ: list[tuple[str, str]] = [
    ("alone", '{"total": 3}'),
    ("spaces", ' \n{"total": 3}\n'),
    ("words around it", 'I choose {"total": 3}. Thank you!'),
    ("a fence", '```json\n{"total": 3}\n```'),
    ("a fence in words", 'Sure:\n```JSON\n{"total": 3}\n```\nIs that all?'),
    ("a fence without a name", '```\n{"total": 3}\n```'),
    ("a fence without an end", '```json\n{"total": 3}\n'),
    ("a fence beside other JSON", '{"total": 9}? No.\n```json\n{"total": 3}\n```'),
    ("a fence beside a script", '```py\nf({})\n```\n```json\n{"total": 3}\n```'),
    ("brackets that are words", '[sic] {so} {"total": 3} [...]'),
    ("a quote before it", 'a man of 5" says {"total": 3}'),
    ("brackets in a string", 'x {"total": 3, "why": "} { ] \\" }"} y'),
    ("an open bracket after it", '{"total": 3} :{'),
    ("a token after it", '{"total": 3}<|im_end|>\n<|im_start|>user'),
]


@pytest.mark.parametrize("text", [text for _, text in READ], ids=[i for i, _ in READ])
def test_one_value_is_read(text: str) -> None:
    """Whatever stands around it, there is no doubt which one is meant."""
    assert read_json(text, Sum) == Sum(3)


NOT_READ: list[tuple[str, str, str]] = [
    ("two values", '{"total": 3} or {"total": 4}', "2 JSON values"),
    ("the same twice", '{"total": 3} {"total": 3}', "2 JSON values"),
    ("a list and a value", '[1] {"total": 3}', "2 JSON values"),
    (
        "two fences",
        '```json\n{"total": 3}\n```\n```json\n{"total": 4}\n```',
        "2 JSON values",
    ),
    ("a value in a list", '[{"total": 3}]', "Expected `object`"),
    ("a value in a list in words", 'So: [{"total": 3}]', "Expected `object`"),
    ("a value in a value", '{"answer": {"total": 3}}', "missing required field"),
    ("a value in a string", '"{\\"total\\": 3}"', "Expected `object`"),
    ("another type", 'I say {"total": "three"}', "Expected `int`"),
    ("an open bracket before it", ':{ well, {"total": 3}', "malformed"),
    ("python", "{'total': 3}", "malformed"),
    ("words", "three", "malformed"),
    ("a number in words", "I say 3", "malformed"),
    ("nothing", "", "truncated"),
]


@pytest.mark.parametrize(
    ("text", "why"), [(t, w) for _, t, w in NOT_READ], ids=[i for i, _, _ in NOT_READ]
)
def test_what_is_not_clear_is_not_read(text: str, why: str) -> None:
    """An answer is never put together by us; the model is asked again."""
    with pytest.raises(ValueError, match=why):
        read_json(text, Sum)


def test_a_value_that_is_no_object_is_read_alone_or_fenced() -> None:
    """A number in words may be any number; in a fence it is the answer."""
    assert read_json("3", int) == 3
    assert read_json("So:\n```json\n3\n```", int) == 3
    assert read_json("I say [1, 2]", list) == [1, 2]


HOSTILE = {
    "[": "[" * 1_000_000,
    "{": "{" * 1_000_000,
    "[1,": "[1," * 300_000,
    "deep": "x" + "[" * 500_000 + "]" * 500_000,
    "keys": "x" + '{"a":' * 200_000,
    "quotes": "x{" + '"' * 1_000_000,
    "escapes": "x{" + '"\\' * 500_000,
    "pairs": "{}" * 500_000,
    "fences": "```json\n" * 120_000,
    "broken": "{]" * 500_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    """A megabyte is refused in a moment: quadratic work would take hours."""
    began = monotonic()

    with pytest.raises((ValueError, RecursionError)):
        read_json(text, Sum)

    assert monotonic() - began < 10


# -- words


class Gift(msgspec.Struct, frozen=True):
    """How much, why, and whether that was all."""

    amount: int = 0
    reason: str = ""
    leave: bool = False


GIFT = r"CONTRIBUTE \$(?P<amount>\d+)"
REASONED = rf"(?s)(?P<reason>.*){GIFT}"
PARTING = rf"{GIFT}|(?P<leave>LEAVE)"


@pytest.mark.parametrize(
    ("pattern", "text", "gift"),
    [
        (GIFT, "CONTRIBUTE $40", Gift(40)),
        (GIFT, "I trust them. CONTRIBUTE $40.", Gift(40)),
        (GIFT, "CONTRIBUTE $100? No: CONTRIBUTE $40", Gift(40)),
        (REASONED, "I trust them. \nCONTRIBUTE $40", Gift(40, "I trust them.")),
        (REASONED, "CONTRIBUTE $40", Gift(40)),
        (PARTING, "Good bye. LEAVE", Gift(leave=True)),
        (PARTING, "CONTRIBUTE $40", Gift(40)),
        ("(?i)leave", "Leave", Gift()),
    ],
)
def test_the_last_match_is_the_answer(pattern: str, text: str, gift: Gift) -> None:
    """Reasons come first; named groups are fields, and flags say what took part."""
    assert read_words(text, pattern, Gift) == gift


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I give all.", r"nothing in it matches CONTRIBUTE"),
        ("", "nothing in it matches"),
        ("contribute $40", "nothing in it matches"),
        ("CONTRIBUTE $40 and then LEAVES", "'LEAVE' is only a part"),
        ("CONTRIBUTE $40; CONTRIBUTE $1,000", r"'CONTRIBUTE \$1' is only a part"),
        ("CONTRIBUTE $40.50", "is only a part"),
        ("CONTRIBUTE $40k", "is only a part"),
        ("RECONTRIBUTE $40", "is only a part"),
        ("x" * (MAX_WORDED + 1), "10,001 characters; the limit is 10,000"),
    ],
)
def test_what_does_not_match_is_no_answer(text: str, why: str) -> None:
    """A part of a number is another number: nobody has said it."""
    with pytest.raises(ValueError, match=why):
        read_words(text, PARTING, Gift)


def test_a_group_of_the_wrong_type_is_no_answer() -> None:
    """The type is checked as of any other answer."""
    with pytest.raises(ValueError, match="Expected `int`"):
        read_words("GIVE much", r"GIVE (?P<amount>\w+)", Gift)


class Move(enum.Enum):
    """What a player does."""

    COOPERATE = "COOPERATE"
    DEFECT = "DEFECT"


@pytest.mark.parametrize(
    ("pattern", "wanted", "answer"),
    [
        (r"COOPERATE|DEFECT", Move, Move.DEFECT),
        (r"I (\w+) (\d+)", str, "DEFECT"),
        (r"(?<=DEFECT) *\d+", int, 2),
    ],
)
def test_an_answer_without_fields_is_a_group_or_the_match(
    pattern: str, wanted: type[Any], answer: object
) -> None:
    """The first group, or all of it, without the spaces around it."""
    assert read_words("I DEFECT 2", pattern, wanted) == answer


def test_a_form_that_is_not_there_is_searched_in_bounded_time() -> None:
    """A reason that may be anything is tried from every place; a text has a limit."""
    began = monotonic()

    with pytest.raises(ValueError, match="nothing in it matches"):
        read_words("x" * MAX_WORDED, REASONED, Gift)

    assert monotonic() - began < 10
