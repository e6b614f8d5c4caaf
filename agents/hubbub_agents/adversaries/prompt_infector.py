"""
Says an instruction that asks to be repeated, with a canary by which its way can be traced.

Threat: text that makes models spread it, from seat to seat, without its author.
Knowledge: that others read what is said; nothing of who obeys.
Budget: its own seat and turns.
Effect: a repeater obeys with its *susceptibility* at each hearing and then says it too.
Source: Lee and Tiwari 2024, Prompt Infection (arXiv 2410.07283).
"""

from typing import Annotated

import msgspec

from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn
from hubbub_agents.believer import Believer, BelieverOptions
from hubbub_agents.infection import order


class InfectorOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """*canary*: the mark that the instruction carries."""

    canary: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "canary-1"


class PromptInfector(Believer):
    """Says its instruction in every turn, and never ends a conversation."""

    options = InfectorOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, InfectorOptions)
        self._canary = options.canary

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(order(self._canary))
        return await super().act(ask)
