"""
What stand-ins for language models say: answers that are legal, made up or after a guide.

A guide is what the model itself said to the same question elsewhere.  What a stand-in
says after it has the guide's shape: as much text, as many items, the same choices where
they are possible; but names of seats are drawn anew, for others are asked here.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from hubbub.mind import Ask, Unparsed
from hubbub.models import scripted
from hubbub.models.base import Reply, Request
from hubbub.questions import Accept, Invite, Turn
from hubbub.reading import read_json
from hubbub.verdict import read_answer

#: What a stand-in for a model says to a request, which is made for an ask.
Say = Callable[[Request, Ask, random.Random], Reply]

#: Tries to draw an answer that the question's own check lets through.
DRAWS = 20
#: Characters of a free text that nothing says the length of.
USUAL = 80
#: The share of imagined replies that are no answers.
FAILING = 0.25
#: Characters of a token, at most.
CHARACTERS = 4
#: Items of a list, beyond those that it must have, where nothing says how many.
ITEMS = 3

_NOTHING = object()
_WORDS = (
    *("the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "on", "are"),
    *("as", "with", "they", "be", "this", "have", "from", "or", "had", "by", "word"),
    *(
        "but",
        "not",
        "what",
        "all",
        "were",
        "we",
        "when",
        "your",
        "can",
        "said",
        "there",
    ),
    *("use", "each", "which", "how", "their", "will", "other", "about", "out", "many"),
    *("then", "them", "these", "some", "would", "make", "like", "into", "time", "has"),
    *("look", "two", "more", "write", "number", "way", "could", "people", "than"),
    *("first", "water", "been", "who", "its", "now", "find", "long", "down", "day"),
)


class Guide(NamedTuple):
    """A reply of the model's, and whether it was an answer to what had been asked."""

    text: str
    tokens: int | None
    legal: bool


class StandIn:
    """
    Says what comes near to one of *guides*, or without any what the question allows.

    *weights* are how often each guide is followed.  *length*, in characters, is that of
    free texts without a guide, None for all that a reply may have; *company* the
    probability of going on with a conversation, and of inviting and accepting somebody,
    without a guide.
    """

    def __init__(
        self,
        seats: Sequence[str],
        guides: Sequence[Guide] = (),
        weights: Sequence[float] | None = None,
        *,
        length: int | None = USUAL,
        company: float = 0.8,
    ) -> None:
        self._seats = frozenset(seats)
        self._guides = guides
        self._weights = weights
        self._length = length
        self._company = company

    def __call__(self, request: Request, ask: Ask, rng: random.Random) -> Reply:
        """A reply to *request*; where it can be, one that answers *ask*."""
        if not self._guides:
            return Reply(text=self._answer(request, ask, rng, None))
        guide = rng.choices(self._guides, self._weights)[0]
        # What was no answer elsewhere is none here, and has to be asked for again.
        text = self._answer(request, ask, rng, guide) if guide.legal else _none(guide)
        return Reply(text=text, tokens_out=guide.tokens)

    def _answer(
        self, request: Request, ask: Ask, rng: random.Random, guide: Guide | None
    ) -> str:
        if request.schema is None and request.pattern is None:
            return filler(self._size(request), rng) if guide is None else guide.text
        if request.schema is None and guide is not None and is_legal(guide.text, ask):
            return guide.text
        text = ""
        for _ in range(DRAWS):
            text = self._draw(request, ask, rng, guide)
            if is_legal(text, ask):
                break
        return text

    def _draw(
        self, request: Request, ask: Ask, rng: random.Random, guide: Guide | None
    ) -> str:
        if request.schema is None:
            seed = rng.getrandbits(31)
            return scripted.legal(msgspec.structs.replace(request, seed=seed))
        drawing = _Drawing(request.schema, rng, self._size(request), self._seats)
        known = _NOTHING if guide is None else _decoded(guide.text)
        drawn = drawing.draw(request.schema, known)
        if guide is None:
            drawn = self._sociable(drawn, ask, rng)
        return msgspec.json.encode(drawn).decode()

    def _sociable(self, drawn: Any, ask: Ask, rng: random.Random) -> Any:
        """*drawn*, but for what of an answer is a matter of seeking company."""
        match ask.question:
            case Turn():
                return {**drawn, "leave": rng.random() >= self._company}
            case Invite(others=others) if others:
                near = rng.random() < self._company
                return {"to": rng.choice(others) if near else None}
            case Accept(invited_by=names):
                return {"accept": [n for n in names if rng.random() < self._company]}
            case _:
                return drawn

    def _size(self, request: Request) -> int:
        return self._length or request.sampling.max_tokens * CHARACTERS


class _Drawing:
    """
    Draws one value that a JSON schema allows; see `StandIn` for the rest.

    An *aimless* one takes from its guide the length of texts, and no choice.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        rng: random.Random,
        length: int,
        seats: frozenset[str],
        *,
        aimless: bool = False,
    ) -> None:
        self._defs: dict[str, Any] = schema.get("$defs", {})
        self._rng = rng
        self._length = length
        self._aimless = aimless
        self._seats = seats

    def draw(self, schema: dict[str, Any], guide: Any) -> Any:
        """A value, near to *guide* unless that is `_NOTHING`."""
        match schema:
            case {"$ref": str(reference)}:
                return self.draw(self._defs[reference.rpartition("/")[2]], guide)
            case {"const": value}:
                return value
            case {"enum": values}:
                return self._choose(values, guide)
            case {"anyOf": schemas} | {"oneOf": schemas}:
                return self._branch(schemas, guide)
            case {"type": "object"}:
                return self._object(schema, guide)
            case {"type": "array"}:
                return self._list(schema, guide)
            case {"type": "integer"}:
                low = schema.get("minimum", 0)
                high = schema.get("maximum", low + 100)
                return self._near(guide, low, high, self._rng.randint(low, high))
            case {"type": "number"}:
                low = schema.get("minimum", 0.0)
                high = schema.get("maximum", low + 1.0)
                drawn = round(self._rng.uniform(low, high), 3)
                return self._near(guide, low, high, drawn)
            case {"type": "boolean"}:
                return self._choose([False, True], guide)
            case {"type": "string"}:
                return self._text(schema, guide)
            case _:
                return None

    def _object(self, schema: dict[str, Any], guide: Any) -> dict[str, Any]:
        known = cast("dict[str, Any]", guide) if isinstance(guide, dict) else {}
        fields: dict[str, Any] = schema.get("properties", {})
        return {n: self.draw(f, known.get(n, _NOTHING)) for n, f in fields.items()}

    def _choose(self, values: list[Any], guide: Any) -> Any:
        names = [value for value in values if value in self._seats]
        if names and guide in self._seats:
            return self._rng.choice(names)
        if guide in values and not self._aimless:
            return guide
        return self._rng.choice(values)

    def _branch(self, schemas: list[dict[str, Any]], guide: Any) -> Any:
        alike = [s for s in schemas if self._is_like(s, guide)]
        if alike and not self._aimless:
            return self.draw(self._rng.choice(alike), guide)
        return self.draw(self._rng.choice(schemas), guide)

    def _is_like(self, schema: dict[str, Any], guide: Any) -> bool:
        """Whether *guide* could be a value of *schema*, as far as its type says so."""
        match schema:
            case {"$ref": str(reference)}:
                return self._is_like(self._defs[reference.rpartition("/")[2]], guide)
            case {"type": str(name)}:
                return name in _NAMES.get(type(guide).__name__, ())
            case {"enum": values}:
                return guide in values or guide in self._seats
            case _:
                return False

    def _list(self, schema: dict[str, Any], guide: Any) -> list[Any]:
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least + ITEMS, 0))
        size = self._rng.randint(least, max(least, min(most, least + ITEMS)))
        known: list[Any] = [_NOTHING] * size
        if type(guide) is list and not self._aimless:
            known = [*guide[:most]]
            known += [_NOTHING] * (least - len(known))
        return [self.draw(schema.get("items", {}), item) for item in known]

    def _near(self, guide: Any, low: float, high: float, drawn: float) -> float:
        if type(guide) not in (int, float) or self._aimless:
            return drawn
        near = min(max(guide, low), high)
        return type(drawn)(near)

    def _text(self, schema: dict[str, Any], guide: Any) -> str:
        length = len(guide) if isinstance(guide, str) else self._length
        length = min(length, schema.get("maxLength", length))
        return filler(max(length, schema.get("minLength", 1)), self._rng)


_NAMES = {
    "bool": ("boolean",),
    "dict": ("object",),
    "float": ("number",),
    "int": ("integer", "number"),
    "list": ("array",),
    "str": ("string",),
    "NoneType": ("null",),
}


def imagined(
    guide: Guide, request: Request, seats: Sequence[str], rng: random.Random
) -> Guide:
    """*guide*, a reply to *request*, as if the model had chosen by lot or made none."""
    if rng.random() < FAILING:
        return guide._replace(legal=False)
    if request.schema is None or not guide.legal:
        return guide
    drawing = _Drawing(request.schema, rng, USUAL, frozenset(seats), aimless=True)
    drawn = drawing.draw(request.schema, _decoded(guide.text))
    return guide._replace(text=msgspec.json.encode(drawn).decode(), tokens=None)


def _none(guide: Guide) -> str:
    """*guide*'s text, without what could make it an answer."""
    return guide.text.translate({ord(bracket): " " for bracket in "{}[]"})


def filler(length: int, rng: random.Random) -> str:
    """Text of *length* characters, in plain words that mean nothing."""
    words = rng.choices(_WORDS, k=length // 3 + 1)
    return " ".join(words)[:length].ljust(length, ".")


def is_legal(text: str, ask: Ask) -> bool:
    """Whether *text* answers *ask*."""
    try:
        read_answer(Unparsed(text), ask)
    except ValueError:
        return False
    return True


def _decoded(text: str) -> Any:
    try:
        return read_json(text, object)
    except ValueError:
        return _NOTHING
