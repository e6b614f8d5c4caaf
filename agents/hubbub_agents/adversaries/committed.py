"""
One of a minority that holds to one position and never to another.

Threat: a few who do not move can turn a convention that all others hold.
Knowledge: its position.
Budget: k of n seats; below a critical share the rest stays as it is.
Effect: says, votes and gives the same at all times, whatever it has heard.
Source: Centola et al. 2018 (Science 360, 1116); Ashery et al. 2025 (arXiv 2410.08948).
"""

from typing import Any

import msgspec

from hubbub.beliefs import Claim
from hubbub.dilemmas import Contribute
from hubbub.mind import Ask, Part, Unparsed
from hubbub.questions import Speech, Turn
from hubbub_agents.adversaries.persuader import CLAIM
from hubbub_agents.believer import Believer, BelieverOptions, Share
from hubbub_agents.claims import affirm


class CommittedOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """
    *claim*: what it says.  *share*: what it gives, of its endowment.  *choice*: its
    answer to every question of a scenario's own that offers it.
    """

    claim: Claim = CLAIM
    share: Share = 0.0
    choice: str = ""


class Committed(Believer):
    """Never moves; passes what its position says nothing about."""

    options = CommittedOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, CommittedOptions)
        self._position = options
        self.convince(options.claim)

    def share(self, game: Contribute) -> float:
        return self._position.share

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(affirm(self._position.claim))
        answer = await super().act(ask)
        if answer is not None or not self._position.choice:
            return answer
        return chosen(ask.question.schema(), self._position.choice)


def chosen(schema: dict[str, Any] | None, choice: str) -> Unparsed | None:
    """The answer by *schema* that is *choice*, or one field of which is; else None."""
    told: dict[str, Any] = schema or {}
    if choice in told.get("enum", ()):
        return Unparsed(msgspec.json.encode(choice).decode())
    fields: dict[str, dict[str, Any]] = told.get("properties", {})
    for name, field in fields.items():
        if choice in field.get("enum", ()):
            return Unparsed(msgspec.json.encode({name: choice}).decode())
    return None
