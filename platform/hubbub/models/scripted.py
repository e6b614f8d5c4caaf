"""Models without a model: replies from a list or a function, for tests and trials."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import anyio.lowlevel

from hubbub.chance import generator
from hubbub.errors import ModelError
from hubbub.models.base import Model, Reply, Request


class ScriptedModel(Model):
    """
    Replies by a *script*: a list, whose next item is the next reply, or a function.

    A `ModelError` in the list, or raised by the function, is the call's failure; so is a
    call after the list's end (``bad_reply``).  *calls* counts what was asked of it.
    """

    def __init__(
        self, script: Sequence[str | ModelError] | Callable[[Request], str]
    ) -> None:
        self._script = script
        self._closed = False
        self.calls = 0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """As `Model.complete`; takes no time."""
        if self._closed:
            raise ModelError("network", "this model has been closed")
        self.calls += 1
        number = self.calls
        with anyio.move_on_after(deadline):
            await anyio.lowlevel.checkpoint()
            return Reply(text=self._next(number, request), finish="stop")
        raise ModelError("timeout", f"no reply within {deadline:g} s")

    async def aclose(self) -> None:
        self._closed = True

    def _next(self, number: int, request: Request) -> str:
        if callable(self._script):
            return self._script(request)
        if number > len(self._script):
            raise ModelError("bad_reply", f"the script has no reply {number}")
        reply = self._script[number - 1]
        if isinstance(reply, ModelError):
            raise reply
        return reply


def echo(request: Request) -> str:
    """The last prompt's own words."""
    return request.prompts[-1].content if request.prompts else ""


def legal(request: Request) -> str:
    """
    An answer that *request*'s schema allows, drawn from its seed; without one, words.

    Patterns and formats are not followed, and a seed of None counts as 0.
    """
    schema = request.schema or {"type": "string"}
    drawn = _draw(schema, schema.get("$defs", {}), generator(request.seed or 0))
    return drawn if request.schema is None else json.dumps(drawn)


def _draw(schema: dict[str, Any], defs: dict[str, Any], rng: random.Random) -> Any:
    match schema:
        case {"$ref": str(reference)}:
            return _draw(defs[reference.rpartition("/")[2]], defs, rng)
        case {"const": value}:
            return value
        case {"enum": values}:
            return rng.choice(values)
        case {"anyOf": choices} | {"oneOf": choices}:
            return _draw(rng.choice(choices), defs, rng)
        case {"type": "object"}:
            fields = schema.get("properties", {})
            return {name: _draw(field, defs, rng) for name, field in fields.items()}
        case {"type": "array"}:
            least = schema.get("minItems", 0)
            size = rng.randint(least, min(schema.get("maxItems", least + 3), least + 3))
            return [_draw(schema.get("items", {}), defs, rng) for _ in range(size)]
        case {"type": "integer"}:
            low = schema.get("minimum", 0)
            return rng.randint(low, schema.get("maximum", low + 100))
        case {"type": "number"}:
            low = schema.get("minimum", 0.0)
            return round(rng.uniform(low, schema.get("maximum", low + 1.0)), 3)
        case {"type": "boolean"}:
            return rng.random() < 0.5
        case {"type": "string"}:
            return _words(schema, rng)
        case _:
            return None


def _words(schema: dict[str, Any], rng: random.Random) -> str:
    least, most = schema.get("minLength", 1), schema.get("maxLength", 80)
    words = " ".join(rng.choices(("yes", "no", "well", "perhaps", "I see"), k=6))
    return words.ljust(least, ".")[: max(most, 0)]
