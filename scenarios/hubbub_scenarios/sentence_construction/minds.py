"""A rule mind that writes: valid sentences, from the vocabulary that it talks with."""

from typing import Annotated

import msgspec

from hubbub.mind import Ask
from hubbub_agents.talker import Reinforcement, TalkerOptions
from hubbub_agents.topics import TOPICS
from hubbub_scenarios.sentence_construction.questions import (
    Judge,
    Judged,
    Write,
    Written,
)

Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


class WriterOptions(TalkerOptions, frozen=True, forbid_unknown_fields=True):
    """*slips*: the probability that a sentence lacks one of its words."""

    slips: Chance = 0.0


class Writer(Reinforcement):
    """
    Writes each sentence around the seven words in an order of its own.

    Between them stand words of a topic that it likes as much as it talks of it, so that
    writers who have heard the same write alike.  As a judge it finds everything coherent.
    """

    options = WriterOptions

    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Write() as task:
                return self._write(task, ask)
            case Judge(sentences=sentences):
                return Judged(tuple(True for _ in sentences))
            case _:
                return await super().act(ask)

    def _write(self, task: Write, ask: Ask) -> Written:
        rng, slips = ask.rng, self.part.read(WriterOptions).slips
        topics = self.topics
        sentences: list[str] = []
        for _ in range(task.count):
            words = list(task.words)
            rng.shuffle(words)
            if rng.random() < slips:
                words.pop()
            (topic,) = rng.choices(list(topics), list(topics.values()))
            filling = rng.choices(TOPICS[topic], k=len(words))
            pairs = zip(filling, words, strict=True)
            text = " ".join(f"{one} {two}" for one, two in pairs)
            sentences.append(f"{text[:1].upper()}{text[1:]}.")
        return Written(tuple(sentences))
