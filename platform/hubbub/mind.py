"""What fills a seat: a mind observes what its seat hears, and acts when it is asked."""

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec

from hubbub.chance import generator
from hubbub.errors import BadPopulation
from hubbub.messages import Message, Remembered
from hubbub.models.base import Reply, Request, Sampling, View
from hubbub.policies import Full, Memory

A = TypeVar("A")
Options = TypeVar("Options")

#: Has a model complete a request, whose view is recorded with it.
Complete = Callable[[Request, View], Awaitable[Reply]]
#: Posts a memory to the seat itself.
Remember = Callable[[Remembered], Awaitable[None]]


class Question(msgspec.Struct, Generic[A], frozen=True, kw_only=True, tag=True):
    """
    What a scenario asks of a seat; the type argument is the answer's.

    Subclass it with the facts a mind needs to answer.  A model answers it with JSON, or
    in words, where the subclass has a *pattern*: a regular expression whose named groups
    are fields of the answer.  A pattern that cannot be one is a `TypeError`.
    """

    pattern: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.pattern is not None:
            _check_pattern(cls, cls.pattern)

    def prompt(self) -> str:
        """The question in words, for minds that read."""
        return (type(self).__doc__ or type(self).__name__).strip()

    def instruction(self) -> str:
        """What form the answer has, in words, for minds that write."""
        if self.pattern is not None:
            return f"End with an answer that matches this pattern: {self.pattern}"
        what = (
            "object" if issubclass(answer_type(type(self)), msgspec.Struct) else "value"
        )
        return f"Answer with one JSON {what} and nothing else."

    def schema(self) -> dict[str, Any] | None:
        """
        The answer's JSON schema, None where the answer is in words.

        Narrow it to what is possible here.
        """
        if self.pattern is not None:
            return None
        return msgspec.json.schema(answer_type(type(self)))

    def check(self, answer: A) -> None:
        """Raise `ValueError` with words for the mind if *answer* is not allowed."""


def answer_type(question: type[Question[Any]]) -> type[Any]:
    """The type of the answers to *question*."""
    for base in getattr(question, "__orig_bases__", ()):
        for argument in get_args(base):
            if isinstance(argument, type) and argument is not Any:
                return argument
    raise TypeError(f"{question.__name__} does not say its answer: Question[Answer]")


def _check_pattern(question: type[Question[Any]], pattern: str) -> None:
    """Raise `TypeError`, where the scenario is read, for what no answer can match."""
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise TypeError(f"{question.__name__}.pattern: {error}") from None
    fields = getattr(answer_type(question), "__struct_fields__", ())
    for name in groups:
        if name not in fields:
            raise TypeError(f"{question.__name__}.pattern: the answer has no {name!r}")


class Unparsed(msgspec.Struct, frozen=True):
    """A mind's answer as text; the platform decodes and validates it."""

    text: str


class Ask:
    """
    One ask, as a mind sees it.

    *question* is the scenario's; *complaint* says what was wrong with the last
    *attempt*'s *raw* answer; a *probe* leaves no trace in the mind.  An act is a function
    of what the mind has observed and of this: chance comes from `rng`, models are reached
    through `complete`.
    """

    def __init__(
        self,
        *,
        id: str,
        seat: str,
        seed: int,
        question: Question[Any],
        budget: float,
        complete: Complete,
        remember: Remember,
        attempt: int = 1,
        complaint: str = "",
        raw: str = "",
        probe: bool = False,
    ) -> None:
        self.id = id
        self.seat = seat
        self.question = question
        self.budget = budget
        self.attempt = attempt
        self.complaint = complaint
        self.raw = raw
        self.probe = probe
        self._complete = complete
        self._remember = remember
        self._seed = seed

    @property
    def rng(self) -> random.Random:
        """A new generator for this ask and attempt, the same at every call."""
        return generator(self._seed, self.seat, self.id, self.attempt)

    @property
    def model_seed(self) -> int:
        """A seed for the model, below 2³¹."""
        return self.rng.getrandbits(31)

    async def complete(self, request: Request, view: View | None = None) -> Reply:
        """
        Have the request's model complete it; recorded before the reply is returned.

        *view* says for the record what of the seat's past the request shows.  Raises
        `ModelError` and `BudgetSpent`; a mind that lets them pass ends the ask as
        ``model_error`` or ``budget_stop``.
        """
        return await self._complete(request, view or View())

    async def remember(self, memory: Remembered) -> None:
        """
        Post *memory* to the seat, which observes it, as an event, before its next act.

        Whatever an act finds out and later acts rest on must go this way.  An act that
        is done again after its host died remembers nothing twice, as long as its
        memories have the same ids; a probe leaves none.
        """
        await self._remember(memory)

    def through(self, complete: Complete) -> "Ask":
        """The same ask, whose model calls go through *complete*."""
        return self._derived(complete=complete)

    def again(self, complaint: str, raw: str) -> "Ask":
        """The same ask after an answer that was not one."""
        return self._derived(attempt=self.attempt + 1, complaint=complaint, raw=raw)

    def _derived(self, **changed: Any) -> "Ask":
        own: dict[str, Any] = {
            "id": self.id,
            "seat": self.seat,
            "seed": self._seed,
            "question": self.question,
            "budget": self.budget,
            "complete": self._complete,
            "remember": self._remember,
            "attempt": self.attempt,
            "complaint": self.complaint,
            "raw": self.raw,
            "probe": self.probe,
        }
        return Ask(**own | changed)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a mind is told when it is made: its seat, the others, and its options.

    For minds that are models: *persona* is who it is, *system* the template of its
    system prompt, empty for the mind's own, *memory* the policy by which it is shown
    its past, and *context* the tokens that a prompt and its reply may have together.
    """

    seat: str
    seats: tuple[str, ...]
    seed: int
    rules: str = ""
    model: str = ""
    sampling: Sampling = Sampling()
    persona: str = ""
    system: str = ""
    memory: Memory = Full()
    context: int = 8_192
    options: dict[str, Any] = {}

    def read(self, options: type[Options]) -> Options:
        """The options as an *options* struct; `BadPopulation` if they are not."""
        try:
            return msgspec.convert(self.options, options, strict=False)
        except msgspec.ValidationError as error:
            raise BadPopulation(f"options of seat {self.seat}: {error}") from None

    @property
    def rng(self) -> random.Random:
        """The generator of the mind's making."""
        return generator(self.seed, self.seat, "mind")


class Mind(ABC):
    """
    What fills a seat.

    A mind that is moved to another process is a new one that observes the old events
    again; so `act` must not change what later acts depend on.
    """

    def __init__(self, part: Part) -> None:
        """Options are read here, with `Part.read`; a mind without takes none."""
        self.part = part

    def observe(self, event: Message) -> None:
        """
        Fold *event* into memory; never waits.

        Events come in ``seq`` order: the rooms' messages, the seat's own included, and
        what it was asked and answered.
        """
        return

    @abstractmethod
    async def act(self, ask: Ask) -> object:
        """
        Return an instance of the answer's type, `Unparsed` text, or None to pass.

        May take as long as ``ask.budget`` seconds.
        """


class Wrapper(Mind):
    """
    A mind around another, which sits in its seat and is turned from some event on.

    *part* has the seat, and options, model and prompt of the turning; *inner* has
    observed all that came before.  It must not matter to `inner` when the wrapper is
    taken off again; what of `inner` is changed is put back in `lift`.  Here, everything
    is passed on: a subclass changes what it means to.
    """

    def __init__(self, part: Part, inner: Mind) -> None:
        super().__init__(part)
        self.inner = inner

    def observe(self, event: Message) -> None:
        self.inner.observe(event)

    async def act(self, ask: Ask) -> object:
        return await self.inner.act(ask)

    def lift(self) -> None:
        """Put back what of the inner mind was changed; it acts by itself from now on."""
        return

    def resume(self) -> None:
        """Change it again, which was `lift`-ed for a while; all of it was observed."""
        return
