"""
Speaks with somebody else's words, so that the two are hard to tell apart.

Threat: who is trusted is known by manner, and the manner can be had by listening.
Knowledge: what the *target* has said within its hearing.
Budget: its own seat; it remembers fifty of the target's sentences.
Effect: by their words the two cannot be told apart; it brings none of its own.
Source: impersonation as in OWASP's Agentic AI Threats and Mitigations 2025, T9.
"""

from collections import deque

from hubbub.errors import BadPopulation
from hubbub.messages import Message
from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn, spoken
from hubbub_agents.believer import Believer, BelieverOptions

#: Sentences that it remembers.
KEPT = 50


class MimicOptions(BelieverOptions, frozen=True, forbid_unknown_fields=True):
    """*target*: whose words it uses; without one, those of whom it heard last."""

    target: str = ""


class Mimic(Believer):
    """Says something that its target has said; before it has heard it, talks as others."""

    options = MimicOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, MimicOptions)
        if options.target and options.target not in part.seats:
            raise BadPopulation(f"seat {part.seat} mimics {options.target!r}: no seat")
        self._target = options.target
        self._source = options.target
        self._words: deque[str] = deque(maxlen=KEPT)

    def observe(self, event: Message) -> None:
        super().observe(event)
        sender, text = event.sender, spoken(event)
        if not text or sender not in self.part.seats or sender == self.part.seat:
            return
        if not self._target and sender != self._source:
            self._source = sender
            self._words.clear()
        if sender == self._source:
            self._words.append(text)

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Turn) and self._words:
            return Speech(ask.rng.choice(self._words))
        return await super().act(ask)
