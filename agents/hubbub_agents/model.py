"""A mind that is a language model: reads what it heard, answers by JSON schema."""

from importlib import resources

import msgspec

from hubbub.errors import BadPopulation
from hubbub.messages import Contributed, Left, Message, PhaseOpened, Said, Ticked
from hubbub.mind import Ask, Mind, Part, Unparsed
from hubbub.models.base import Prompt, Request


class ModelOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*memory*: how many characters of what it heard a model is shown, newest kept."""

    memory: int = 4_000


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
        self._heard: list[str] = []
        self._size = 0

    def observe(self, event: Message) -> None:
        line = _remembered(event, self.part.seat)
        if line is None:
            return
        self._heard.append(line)
        self._size += len(line)
        while self._size > self._options.memory and len(self._heard) > 1:
            self._size -= len(self._heard.pop(0))

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
        if not ask.complaint:
            return prompts
        again = (
            f"That was no valid answer: {ask.complaint}\nAnswer again, as JSON only."
        )
        return (*prompts, Prompt("assistant", ask.raw), Prompt("user", again))


def _template() -> str:
    return (resources.files("hubbub_agents") / "system.txt").read_text()


class _Quote(msgspec.Struct):
    n: int
    room: str
    sender: str
    text: str


def _remembered(event: Message, seat: str) -> str | None:
    """One line of memory, as JSON, so that no text can pass for another's."""
    match event.body:
        case Said(text=text) | Left(text=text) if text:
            sender = "you" if event.sender == seat else event.sender
            quote = _Quote(n=event.seq, room=event.room, sender=sender, text=text)
            return msgspec.json.encode(quote).decode()
        case PhaseOpened(form="chat", seats=seats):
            return f"[a conversation between {' and '.join(seats)} begins]"
        case Ticked(name=name, value=value):
            return f"[{name}: {bytes(value).decode()}]"
        case Contributed(answer=answer, outcome="answered"):
            return f"[you answered: {bytes(answer).decode()}]"
        case _:
            return None
