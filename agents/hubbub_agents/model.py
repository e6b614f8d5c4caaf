"""A mind that is a language model: reads what it heard, answers by JSON schema."""

from collections import deque
from functools import cache
from importlib import resources
from typing import Annotated

import msgspec

from hubbub.errors import BadPopulation
from hubbub.messages import Contributed, Left, Message, PhaseOpened, Said, Ticked
from hubbub.mind import Ask, Mind, Part, Unparsed
from hubbub.models.base import Prompt, Request
from hubbub.text import escape_json

#: Characters of one message that are remembered: who says more shall not push out of a
#: model's memory what all others said.
QUOTED = 1_000
#: Names of a conversation's company; the rest is counted.
NAMED = 8


class ModelOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*memory*: how many characters of what it heard a model is shown, newest kept."""

    memory: Annotated[int, msgspec.Meta(ge=1)] = 4_000


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
        self._options = part.read(ModelOptions)
        self._system = _template().format(
            seat=part.seat, count=len(part.seats), rules=part.rules
        )
        self._heard: deque[str] = deque()
        self._size = 0

    def observe(self, event: Message) -> None:
        line = _remembered(event, self.part.seat)
        if line is None:
            return
        self._heard.append(line)
        self._size += len(line)
        while self._size > self._options.memory and len(self._heard) > 1:
            self._size -= len(self._heard.popleft())

    async def act(self, ask: Ask) -> object:
        request = Request(
            model=self.part.model,
            prompts=self._prompts(ask),
            schema=ask.question.schema(),
            sampling=self.part.sampling,
            seed=ask.model_seed,
        )
        return Unparsed((await ask.complete(request)).text)

    def _prompts(self, ask: Ask) -> tuple[Prompt, ...]:
        heard = "\n".join(self._heard) or "(nothing yet)"
        question = f"What you have heard so far:\n{heard}\n\n{ask.question.prompt()}"
        prompts = (Prompt("system", self._system), Prompt("user", question))
        if ask.attempt == 1:
            return prompts
        again = (
            f"That was no valid answer: {ask.complaint}\nAnswer again, as JSON only."
        )
        return (*prompts, Prompt("assistant", ask.raw), Prompt("user", again))


@cache
def _template() -> str:
    return (resources.files("hubbub_agents") / "system.txt").read_text("utf-8")


class _Quote(msgspec.Struct, omit_defaults=True):
    n: int
    room: str
    sender: str
    text: str = ""
    answer: msgspec.Raw = msgspec.Raw(b"")


def _remembered(event: Message, seat: str) -> str | None:
    """One line of memory, as JSON, so that no text can pass for another's."""
    sender = "you" if event.sender == seat else event.sender
    quote = _Quote(n=event.seq, room=event.room, sender=sender)
    match event.body:
        case Said(text=text) | Left(text=text) if text:
            quote.text = text if len(text) <= QUOTED else text[:QUOTED] + "…"
        case Contributed(answer=answer, outcome="answered"):
            quote.answer = answer
        case PhaseOpened(form="chat", seats=seats):
            return f"[a conversation between {_company(seats)} begins]"
        case Ticked(name=name, value=value):
            return f"[{name}: {bytes(value).decode()}]"
        case _:
            return None
    return escape_json(msgspec.json.encode(quote)).decode()


def _company(seats: tuple[str, ...]) -> str:
    shown, rest = seats[:NAMED], len(seats) - NAMED
    return " and ".join(shown) + (f" and {rest} others" if rest > 0 else "")
