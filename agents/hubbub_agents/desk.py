"""Where a memory's upkeep is written: calls of the seat's own model within an ask."""

from collections.abc import Sequence
from typing import Any

import anyio
import msgspec

from hubbub.errors import ModelError
from hubbub.mind import Ask, Part
from hubbub.models.base import Request, View
from hubbub_agents.prompting import compose, size, system_of, task_of

#: The share of an ask's seconds that all upkeep before its answer may take.
SHARE = 0.5


class Desk:
    """Upkeep before the answer to one *ask*, in so many *calls* at most."""

    def __init__(self, part: Part, ask: Ask) -> None:
        self.ask = ask
        self._part = part
        self._system = system_of(part)

    def room(self, form: str, reply: int) -> int:
        """The tokens that lines may have in a call of *form* with *reply* tokens."""
        frame = size(compose(self._system, (), 0, task_of(self._part, form)))
        return self._part.context - reply - frame

    async def write(
        self,
        form: str,
        lines: Sequence[str],
        view: View,
        *,
        reply: int,
        calls: int,
        schema: dict[str, Any] | None = None,
    ) -> str:
        """
        What the model makes of *lines*, in *reply* tokens.

        As one of *calls* it has its part of the upkeep's time; raises `ModelError`, and
        whatever else `Ask.complete` raises.
        """
        task = task_of(self._part, form)
        request = Request(
            model=self._part.model,
            prompts=compose(self._system, lines, 0, task),
            schema=schema,
            sampling=msgspec.structs.replace(self._part.sampling, max_tokens=reply),
            seed=self.ask.model_seed,
        )
        seconds = self.ask.budget * SHARE / calls
        view = msgspec.structs.replace(view, form=form)
        with anyio.move_on_after(seconds):
            return (await self.ask.complete(request, view)).text
        raise ModelError("timeout", f"no {form} within {seconds:g} s")
