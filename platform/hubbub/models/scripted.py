"""Models without a model: replies from a list or a function, for tests and trials."""

import json
from collections.abc import Callable, Sequence

import anyio.lowlevel

from hubbub.chance import generator
from hubbub.errors import ModelError
from hubbub.models.base import Model, Reply, Request
from hubbub.models.drawing import draw_text, draw_value, draw_words


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
    An answer of the form that *request* asks for, drawn from its seed; else any words.

    What a schema's patterns and formats say is not followed, and a pattern of words as
    far as `draw_words` knows it.  A seed of None counts as 0.
    """
    rng = generator(request.seed or 0)
    if request.schema is not None:
        return json.dumps(draw_value(request.schema, rng))
    if request.pattern is not None:
        return draw_words(request.pattern, rng)
    return draw_text(rng)
