"""Schemas in the forms that servers take."""

from typing import Any

import msgspec
import pytest

from hubbub.models import schemas
from hubbub.models.base import Prompt
from hubbub.questions import Accept, Invite, Turn


class Sure(msgspec.Struct, frozen=True):
    """How sure."""

    of: float = 0.5


class Told(msgspec.Struct, frozen=True):
    """A struct as a scenario writes one."""

    total: int
    why: tuple[str, ...] = ()
    to: str | None = None
    sure: Sure = Sure()


def test_a_structs_own_schema_becomes_strict() -> None:
    """Every field is asked for, no other is allowed, and notes are left out."""
    strict = schemas.strict(msgspec.json.schema(Told))

    assert strict is not None
    assert strict["type"] == "object"
    assert strict["required"] == ["total", "why", "to", "sure"]
    assert strict["additionalProperties"] is False
    assert strict["properties"]["sure"] == {"$ref": "#/$defs/Sure"}
    assert strict["properties"]["why"] == {"type": "array", "items": {"type": "string"}}
    assert strict["$defs"]["Sure"]["required"] == ["of"]


@pytest.mark.parametrize(
    "question",
    [
        Turn(room="hall", others=("L2",), turn=1, turns=3),
        Invite(round=1, rounds=2, others=("L2",)),
        Accept(invited_by=("L2",)),
    ],
    ids=lambda question: type(question).__name__,
)
def test_our_own_questions_are_strict(question: Turn | Invite | Accept) -> None:
    """They are what most models are asked most of the time."""
    schema = question.schema()

    assert schema is not None
    assert schemas.strict(schema) is not None


@pytest.mark.parametrize(
    ("choices", "typed"),
    [
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": ["a", None]}, ["string", "null"]),
        ({"enum": [1, 2]}, "integer"),
        ({"enum": [True]}, "boolean"),
        ({"const": 7}, "integer"),
    ],
)
def test_choices_say_their_type(choices: dict[str, Any], typed: Any) -> None:
    """Strict mode refuses a value without."""
    strict = schemas.strict({"type": "object", "properties": {"to": choices}})

    assert strict is not None
    assert strict["properties"]["to"] == {"type": typed} | choices


NOT_STRICT: list[dict[str, Any]] = [
    {"type": "integer"},
    {"type": "array", "items": {"type": "string"}},
    {"anyOf": [{"type": "object", "properties": {}}]},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object"},
    {"type": "object", "properties": {"a": {}}},
    {"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}]}}},
    {"type": "object", "properties": {"a": {"type": "array", "prefixItems": []}}},
    {"type": "object", "properties": {"a": {"enum": [[1]]}}},
    {"type": "object", "properties": {}, "minProperties": 1},
]


@pytest.mark.parametrize("schema", NOT_STRICT, ids=str)
def test_what_cannot_be_strict_is_not(schema: dict[str, Any]) -> None:
    """Better a hint that is taken than an order that is refused."""
    assert schemas.strict(schema) is None


def test_bounds_are_taken_from_schemas_and_not_from_names() -> None:
    """A field may be called as a keyword is."""
    bounded: dict[str, Any] = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 1},
            "many": {"type": "array", "items": {"type": "string", "maxLength": 3}},
            "any": {"anyOf": [{"type": "number", "maximum": 2}, {"type": "null"}]},
        },
    }

    unbounded = schemas.unbounded(bounded)

    assert schemas.has_bounds(bounded)
    assert not schemas.has_bounds(unbounded)
    assert list(unbounded["properties"]) == ["minimum", "many", "any"]
    assert bounded["properties"]["minimum"] == {"type": "integer", "minimum": 1}


@pytest.mark.parametrize("answer", [int, tuple[int, str], Sure | None, Told])
def test_what_is_wrapped_is_an_object_and_is_unwrapped(answer: Any) -> None:
    """Where only an object will do, another answer is the one field of one."""
    schema = msgspec.json.schema(answer)
    given = {"answer": 5} if answer is not Told else {"total": 1}

    assert schemas.wrapped(schema)["type"] == "object"
    assert schemas.unwrapped(schema, given) == (5 if answer is not Told else given)


def test_what_was_given_without_the_wrapper_is_taken_as_it_is() -> None:
    """Models forget it; whether the answer is one is for its own check."""
    assert schemas.unwrapped({"type": "integer"}, 5) == 5
    assert schemas.unwrapped({"type": "integer"}, {"a": 1}) == {"a": 1}


def test_a_schema_in_words_follows_the_last_prompt() -> None:
    """Templates want users and assistants in turn."""
    first = (Prompt("user", "Whom?"),)
    after = (*first, Prompt("assistant", "L2"))

    assert [prompt.role for prompt in schemas.instructed(first, {})] == ["user"]
    assert [prompt.role for prompt in schemas.instructed(after, {})] == [
        "user",
        "assistant",
        "user",
    ]
