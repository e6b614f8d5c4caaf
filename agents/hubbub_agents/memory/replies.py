"""
What a model is asked for in keeping notes, and what is read out of its replies.

Nothing here is an answer in the game: what cannot be read counts as not said, and a
rating that is missing as the middle of the scale.
"""

import re
from typing import Any

import msgspec

from hubbub.errors import ModelError

#: Characters of a question or an insight.
LONGEST = 400


class Insight(msgspec.Struct, frozen=True):
    """A conclusion, the lines it rests on, and its importance from 1 to 10."""

    text: str
    because: tuple[str | int, ...] = ()
    importance: float = 5.0

    def grounds(self) -> tuple[str, ...]:
        """What it rests on, by the names that lines have, each once."""
        return tuple(dict.fromkeys(map(str, self.because)))


class _Questions(msgspec.Struct):
    questions: tuple[str, ...]


class _Insights(msgspec.Struct):
    insights: tuple[Insight, ...]


def ratings_schema(count: int) -> dict[str, Any]:
    """The schema of *count* ratings."""
    rating = {"type": "integer", "minimum": 1, "maximum": 10}
    return _object("ratings", rating, count, count)


def questions_schema(count: int) -> dict[str, Any]:
    """The schema of *count* questions."""
    question = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    return _object("questions", question, count, count)


def insights_schema(count: int) -> dict[str, Any]:
    """The schema of at most *count* insights."""
    insight = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": LONGEST},
            "because": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
            "importance": {"type": "integer", "minimum": 1, "maximum": 10},
        },
        "required": ["text", "because", "importance"],
        "additionalProperties": False,
    }
    return _object("insights", insight, 1, count)


def _object(name: str, item: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    items = {"type": "array", "items": item, "minItems": least, "maxItems": most}
    return {
        "type": "object",
        "properties": {name: items},
        "required": [name],
        "additionalProperties": False,
    }


def read_ratings(text: str, count: int, middle: int) -> list[int]:
    """The first *count* numbers in *text*, from 1 to 10; *middle* for missing ones."""
    found = [min(10, max(1, int(word))) for word in re.findall(r"\d{1,3}", text)]
    return (found + [middle] * count)[:count]


def read_questions(text: str, count: int) -> tuple[str, ...]:
    """At most *count* questions; lines with a question mark where it is no JSON."""
    try:
        found = msgspec.json.decode(_braced(text), type=_Questions).questions
    except (msgspec.DecodeError, RecursionError):
        found = tuple(line for line in text.splitlines() if "?" in line)
    said = (question.strip()[:LONGEST] for question in found)
    return tuple(question for question in said if question)[:count]


def read_insights(text: str, count: int) -> tuple[Insight, ...]:
    """
    At most *count* insights.

    Raises `ModelError` of kind ``bad_reply`` for what is none.
    """
    try:
        found = msgspec.json.decode(_braced(text), type=_Insights).insights
    except (msgspec.DecodeError, RecursionError):
        raise ModelError("bad_reply", "these are no insights") from None
    return tuple(
        Insight(
            one.text.strip()[:LONGEST], one.because, min(10.0, max(1.0, one.importance))
        )
        for one in found[:count]
        if one.text.strip()
    )


def _braced(text: str) -> bytes:
    """The JSON object in *text*, whatever stands around it."""
    return text[text.find("{") : text.rfind("}") + 1].encode()
