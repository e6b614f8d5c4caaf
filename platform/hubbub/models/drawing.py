"""Answers drawn by chance, from the form that a request gives them."""

import random
import re
import string
from collections.abc import Callable
from typing import Any

#: How many more than the fewest an array has at most, and a repetition in a pattern.
MORE = 3
_MORE_OFTEN = 1

_SETS = {
    "d": string.digits,
    "w": string.ascii_lowercase,
    "s": " ",
    "D": string.ascii_lowercase,
    "W": " ",
    "S": string.ascii_lowercase,
}
#: What stands for no character of its own.
_PLACES = "AbBZ"
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[ims]*:))?")
_FLAGS = re.compile(r"\(\?[ims]+\)")
_TIMES = re.compile(r"([*+?]|\{(\d+)(,(\d*))?\})[?+]?")
_CLASS = re.compile(r"\[(\^?)(\]?(?:\\.|[^\]\\])*)\]")
_MEMBER = re.compile(r"\\(.)|(.)-(.)|(.)", re.DOTALL)

_Draw = Callable[[], str]


def draw_value(schema: dict[str, Any], rng: random.Random) -> Any:
    """A value that *schema* allows; its patterns and formats are not followed."""
    return _value(schema, schema.get("$defs", {}), rng)


def _value(schema: dict[str, Any], defs: dict[str, Any], rng: random.Random) -> Any:
    match schema:
        case {"$ref": str(reference)}:
            return _value(defs[reference.rpartition("/")[2]], defs, rng)
        case {"const": value}:
            return value
        case {"enum": values}:
            return rng.choice(values)
        case {"anyOf": choices} | {"oneOf": choices}:
            return _value(rng.choice(choices), defs, rng)
        case {"type": "object"}:
            fields = schema.get("properties", {})
            return {name: _value(field, defs, rng) for name, field in fields.items()}
        case {"type": "array"}:
            least = schema.get("minItems", 0)
            most = min(schema.get("maxItems", least + MORE), least + MORE)
            size = rng.randint(least, most)
            return [_value(schema.get("items", {}), defs, rng) for _ in range(size)]
        case {"type": "integer"}:
            low = schema.get("minimum", 0)
            return rng.randint(low, schema.get("maximum", low + 100))
        case {"type": "number"}:
            low = schema.get("minimum", 0.0)
            return round(rng.uniform(low, schema.get("maximum", low + 1.0)), 3)
        case {"type": "boolean"}:
            return rng.random() < 0.5
        case {"type": "string"}:
            return draw_text(rng, schema.get("minLength", 1), schema.get("maxLength"))
        case _:
            return None


def draw_text(rng: random.Random, least: int = 1, most: int | None = None) -> str:
    """A few words, of *least* to *most* characters."""
    words = " ".join(rng.choices(("yes", "no", "well", "perhaps", "I see"), k=6))
    return words.ljust(least, ".")[: max(80 if most is None else most, 0)]


def draw_words(pattern: str, rng: random.Random) -> str:
    """
    Words that match *pattern*; any words where that is beyond us.

    It may have characters, sets of them, groups, choices and repetitions.
    """
    try:
        words = _Form(pattern, rng).whole()()
    except ValueError:
        words = ""
    return words if re.search(pattern, words) else draw_text(rng)


class _Form:
    """Reads a pattern from left to right, into what draws from it."""

    def __init__(self, pattern: str, rng: random.Random) -> None:
        self._pattern = pattern
        self._rng = rng
        self._at = 0

    def whole(self) -> _Draw:
        """The whole pattern; `ValueError` where there is more in it than we know."""
        drawn = self._choice()
        if self._at < len(self._pattern):
            raise ValueError(self._pattern)
        return drawn

    def _choice(self) -> _Draw:
        choices = [self._sequence()]
        while self._take("|"):
            choices.append(self._sequence())
        return lambda: self._rng.choice(choices)()

    def _sequence(self) -> _Draw:
        items: list[_Draw] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            items.append(self._repeated(self._item()))
        return lambda: "".join(item() for item in items)

    def _item(self) -> _Draw:
        if self._match(_FLAGS) or self._take("^") or self._take("$"):
            return str
        if self._match(_GROUP):
            drawn = self._choice()
            if not self._take(")"):
                raise ValueError(self._pattern)
            return drawn
        if found := self._match(_CLASS):
            return self._one_of(_members(found))
        if self._take("\\"):
            return self._escaped(self._next())
        character = self._next()
        return self._one_of(string.ascii_lowercase if character == "." else character)

    def _escaped(self, character: str) -> _Draw:
        if character in _PLACES:
            return str
        if character.isalnum() and character not in _SETS:
            raise ValueError(self._pattern)
        return self._one_of(_SETS.get(character, character))

    def _repeated(self, item: _Draw) -> _Draw:
        if not (times := self._match(_TIMES)):
            return item
        sign, fewest, upto, most = times.groups()
        least = int(fewest) if fewest else int(sign == "+")
        limit = least + _MORE_OFTEN
        if fewest and not upto:
            limit = least
        elif most:
            limit = min(limit, int(most))
        return lambda: "".join(item() for _ in range(self._rng.randint(least, limit)))

    def _one_of(self, characters: str) -> _Draw:
        return lambda: self._rng.choice(characters)

    def _match(self, form: re.Pattern[str]) -> re.Match[str] | None:
        if found := form.match(self._pattern, self._at):
            self._at = found.end()
        return found

    def _take(self, character: str) -> bool:
        taken = self._pattern.startswith(character, self._at)
        self._at += taken
        return taken

    def _next(self) -> str:
        self._at += 1
        return self._pattern[self._at - 1]


def _members(found: re.Match[str]) -> str:
    """The characters of a set, or some of those that are in no negated one."""
    members = ""
    for escaped, first, last, single in _MEMBER.findall(found[2]):
        if first:
            members += "".join(map(chr, range(ord(first), ord(last) + 1)))
        else:
            members += _SETS.get(escaped, escaped) + single
    if not found[1]:
        return members
    return "".join(c for c in string.ascii_lowercase + " " if c not in members)
