"""A mind that is a language model: shown what its memory recalls, it answers in words."""

import msgspec
import structlog

from hubbub.errors import BadPopulation, ModelError
from hubbub.messages import Message
from hubbub.mind import Ask, Mind, Part, Unparsed
from hubbub.models.base import Prompt, Request, View
from hubbub_agents.desk import Desk
from hubbub_agents.memory import Recalled, open_memory
from hubbub_agents.memory.base import shrinking
from hubbub_agents.prompting import (
    compose,
    question_of,
    repair,
    size,
    system_of,
)
from hubbub_agents.tokens import tokens

#: The share of a prompt's tokens that the system prompt may have.
SYSTEM = 0.5

log = structlog.get_logger()


class ModelOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model has no options: its memory, context and prompts are the group's own."""


class ModelMind(Mind):
    """
    Answers with the model that the population gives its seat.

    What others say enters as quoted data with sender and number, never as instruction.
    """

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        if not part.model:
            raise BadPopulation(
                f"seat {part.seat} has the mind 'model' and no model: set --model "
                "provider/model, for example local/smollm2-135m"
            )
        part.read(ModelOptions)
        self._room = part.context - part.sampling.max_tokens
        self._system = system_of(part)
        self._check()
        self._memory = open_memory(part)

    def _check(self) -> None:
        """Raise `BadPopulation` for prompts that leave no room or nobody would see."""
        part, wanted = self.part, tokens(self._system)
        if wanted > self._room * SYSTEM:
            raise BadPopulation(
                f"seat {part.seat}: a system prompt of about {wanted:,} tokens is more "
                f"than half of what a context of {part.context:,} has beside replies of "
                f"{part.sampling.max_tokens:,}: shorten it, or set context or max_tokens"
            )
        if part.persona and part.system and "{persona}" not in part.system:
            raise BadPopulation(
                f"seat {part.seat} has a persona, and its system prompt no {{persona}}"
            )

    def observe(self, event: Message) -> None:
        self._memory.observe(event)

    async def act(self, ask: Ask) -> object:
        if ask.attempt == 1 and not ask.probe:
            await self._keep(ask)
        # The mark of what is left out counts whether or not it will stand there.
        frame = self._prompts(ask, Recalled((), View(dropped=1_000_000)))
        recalled = self._memory.recall(ask, self._room - size(frame))

        async def attempt(limit: int) -> str:
            return await self._answer(ask, self._memory.recall(ask, limit))

        shown = sum(tokens(line) + 1 for line in recalled.lines)
        return Unparsed(await shrinking(shown, attempt))

    async def _keep(self, ask: Ask) -> None:
        try:
            await self._memory.keep(Desk(self.part, ask))
        except ModelError as error:
            # The record has the call; the answer can do without what it was for.
            log.info("memory was not kept", ask=ask.id, error=error.kind)

    async def _answer(self, ask: Ask, recalled: Recalled) -> str:
        request = Request(
            model=self.part.model,
            prompts=self._prompts(ask, recalled),
            schema=ask.question.schema(),
            pattern=ask.question.pattern,
            sampling=self.part.sampling,
            seed=ask.model_seed,
        )
        return (await ask.complete(request, recalled.view)).text

    def _prompts(self, ask: Ask, recalled: Recalled) -> tuple[Prompt, ...]:
        task = question_of(ask.question)
        shown = compose(self._system, recalled.lines, recalled.view.dropped, task)
        return (*shown, *repair(ask))
