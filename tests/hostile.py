"""
A game, and every mind that misbehaves in it: loaded by path, as a user's would be.

Each mind's `ends` says how its asks must end, and `raw` what must be kept of them.
"""

import asyncio
from typing import ClassVar, cast

import anyio
import msgspec

from hubbub import Ask, Message, Mind, Part, Question, Stage, Unparsed, scenario
from hubbub.messages import Outcome
from hubbub.questions import Speech, Turn
from hubbub.scenario import Seconds


class Guessed(msgspec.Struct, frozen=True):
    """A number, and why."""

    number: float
    why: str = ""


class Guess(Question[Guessed], frozen=True, kw_only=True):
    """Guess a number."""

    round: int


@scenario(asks=[Guess], mind="silent", seats=2)
async def trial(stage: Stage, budget: Seconds = 0.05) -> None:
    """Guess numbers twice, talk once."""
    async for round in stage.rounds(2):
        await stage.collect(Guess(round=round), budget=budget)
    await stage.chat("hall", stage.seats, turns=2, limit=budget)


class Honest(Mind):
    """Guesses and talks by its own chance alone, so that nobody can sway it."""

    ends: ClassVar[Outcome] = "answered"
    raw: ClassVar[int] = 0

    async def act(self, ask: Ask) -> object:
        number = ask.rng.randrange(1_000)
        if isinstance(ask.question, Turn):
            return Speech(f"{ask.question.turn}: {number}")
        return Guessed(number)


class Crash(Mind):
    """Those whose acts are crashes."""

    ends: ClassVar[Outcome] = "crashed"
    raw: ClassVar[int] = 0


class Garbage(Mind):
    """Those whose answers are none."""

    ends: ClassVar[Outcome] = "unparsable"
    given: ClassVar[object] = Unparsed("I would rather not say.")
    raw: ClassVar[int] = 23

    async def act(self, ask: Ask) -> object:
        return self.given


# -- it observes


class ObserveRaises(Honest):
    """Can observe nothing."""

    def observe(self, event: Message) -> None:
        raise ZeroDivisionError("\x1b[2J")


class ObserveStops(Honest):
    """Raises what ends a loop."""

    def observe(self, event: Message) -> None:
        raise StopIteration


class ObserveExits(Honest):
    """Wants the process to end."""

    def observe(self, event: Message) -> None:
        raise SystemExit(1)


# -- it acts


class Raises(Crash):
    """Fails."""

    async def act(self, ask: Ask) -> object:
        raise ValueError(f"no {ask.id} \x1b[2J\ud800")


class Exits(Crash):
    """Wants the process to end."""

    async def act(self, ask: Ask) -> object:
        raise SystemExit(1)


class Cancels(Crash):
    """Raises what tasks are cancelled with."""

    async def act(self, ask: Ask) -> object:
        raise asyncio.CancelledError


class Recurses(Crash):
    """Never comes to an end, in no time."""

    async def act(self, ask: Ask) -> object:
        return await self.act(ask)


class Synchronous(Crash):
    """Is no coroutine."""

    def act(self, ask: Ask) -> object:  # type: ignore[override]
        return Guessed(1.0)


class Groups(Crash):
    """Fails in two ways at once."""

    async def act(self, ask: Ask) -> object:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fail)
            tasks.start_soon(self._fail)
        return None

    async def _fail(self) -> None:
        raise ValueError("both")


class Second(Crash):
    """Can be made for one seat alone, and not for this one."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        if part.seat.endswith("2"):
            raise ValueError("not me")

    async def act(self, ask: Ask) -> object:
        raise ValueError("nor me")


class Passes(Mind):
    """Declines."""

    ends: ClassVar[Outcome] = "passed"
    raw: ClassVar[int] = 0

    async def act(self, ask: Ask) -> object:
        return None


# -- it answers


class Words(Garbage):
    """Text that is no JSON."""


class WrongType(Garbage):
    """An answer to something else."""

    given: ClassVar[object] = {"number": 1}
    raw: ClassVar[int] = 13


class Unencodable(Garbage):
    """An answer of the right type that is no JSON."""

    given: ClassVar[object] = Guessed(cast("float", Honest))
    raw: ClassVar[int] = -1


class Megabyte(Garbage):
    """Far too much."""

    given: ClassVar[object] = Unparsed("x" * 1_000_000)
    raw: ClassVar[int] = 1_000_000


class Controls(Garbage):
    """As much as fits, of what is longest when it is made inert."""

    given: ClassVar[object] = Unparsed("\U000e0041" * 500_000)
    raw: ClassVar[int] = 500_000


class Surrogate(Garbage):
    """Text that is no Unicode."""

    given: ClassVar[object] = Guessed(1.0, "\ud800")
    raw: ClassVar[int] = -1


class Deep(Garbage):
    """JSON without an end to its nesting."""

    given: ClassVar[object] = Unparsed('{"else": ' + "[" * 50_000)
    raw: ClassVar[int] = 50_009


class Digits(Garbage):
    """A number of five thousand digits."""

    given: ClassVar[object] = Unparsed('{"number": ' + "9" * 5_000 + "}")
    raw: ClassVar[int] = 5_012


class NotANumber(Garbage):
    """What JSON has no word for."""

    given: ClassVar[object] = Guessed(float("nan"))
    raw: ClassVar[int] = 27


# -- it takes its time


class Never(Mind):
    """Does not answer."""

    ends: ClassVar[Outcome] = "late"
    raw: ClassVar[int] = 0

    async def act(self, ask: Ask) -> object:
        await anyio.sleep_forever()
        raise AssertionError


class Swallows(Never):
    """Does not let itself be cut off."""

    async def act(self, ask: Ask) -> object:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            return Guessed(1.0)
        raise AssertionError


class Objects(Never):
    """Turns being cut off into another error."""

    async def act(self, ask: Ask) -> object:
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError("rude")


MINDS: dict[str, type[Mind]] = {
    mind.__name__: mind
    for mind in vars().copy().values()
    if isinstance(mind, type)
    and issubclass(mind, Mind)
    and mind not in (Mind, Crash, Garbage)
}
