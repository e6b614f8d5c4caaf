"""
Talks at great length, with everybody, for as long as it may.

Threat: what others have said falls out of memories and contexts, and calls cost more.
Knowledge: none.
Budget: its own seat and turns; *size* characters in each.
Effect: prompts of who hears it grow up to their limit; models see 1,000 characters of each.
Source: denial of service by context exhaustion, OWASP LLM10:2025 Unbounded Consumption.
"""

import random
from typing import Annotated

import msgspec

from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn
from hubbub_agents.believer import Believer, BelieverOptions
from hubbub_agents.topics import TOPICS, sentence


class FlooderOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """*size*: the characters that it says in a turn."""

    size: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 5_000


class Flooder(Believer):
    """Says *size* characters in each of its turns, and never ends a conversation."""

    options = FlooderOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, FlooderOptions)
        self._size = options.size

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(_torrent(self._size, ask.rng))
        return await super().act(ask)


def _torrent(size: int, rng: random.Random) -> str:
    """Sentences on every topic, *size* characters of them."""
    topics, text = [*TOPICS], ""
    while len(text) < size:
        text += sentence(rng.choice(topics), rng) + " "
    return text[:size]
