"""
What a scenario holds in its hands.

Each call is a numbered step of the log.  A conductor that takes over plays the scenario
again from the top: closed steps return what the log says, the open one goes on.  So a
scenario must make the same calls in the same order whenever it is played.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import anyio

from hubbub.chance import generator
from hubbub.errors import BadName, UnknownName
from hubbub.journal import Line, Step
from hubbub.messages import (
    Joined,
    Left,
    Muted,
    Outcome,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Said,
    Ticked,
)
from hubbub.mind import Question
from hubbub.names import CONDUCTOR, NAME, PHASES, inbox
from hubbub.phases import Collected, Phases, encode
from hubbub.steps import Steps

A = TypeVar("A")

#: What to ask: one question for all, one for each seat, or a function of the seat.
Questions = Question[A] | Mapping[str, Question[A]] | Callable[[str], Question[A]]


class _Dyad:
    """A conversation of two, held when those *before* it are over."""

    def __init__(self, opened: PhaseOpened, before: Sequence["_Dyad"]) -> None:
        self.lines: tuple[Line, ...] = ()
        self._opened = opened
        self._before = before
        self._over = anyio.Event()

    async def hold(self, phases: Phases) -> None:
        for dyad in self._before:
            await dyad._over.wait()
        self.lines = await phases.chat(self._opened.what, self._opened)
        self._over.set()


class Stage:
    """
    The scenario's side of a run; see the methods for the phases of a game.

    All raise `UnknownName` for a seat that is not in the population, `BadName` for a
    room that is none, and `ScenarioChanged` for a step that is not the recorded one.
    """

    def __init__(
        self,
        steps: Steps,
        phases: Phases,
        *,
        seats: tuple[str, ...],
        seed: int,
        newcomers: bool = False,
    ) -> None:
        #: All seats of the population, in order.  With *newcomers* also who has come
        #: into the run since, without who was ejected; both when a round begins.
        self.seats = seats
        #: The scenario's own generator.
        self.rng = generator(seed, "stage")
        self._steps = steps
        self._phases = phases
        self._population = seats
        self._newcomers = newcomers
        self._names = set(seats)

    # -- sealed collect, private probe, ordered turns

    async def collect(
        self,
        questions: Questions[A],
        seats: Sequence[str] | None = None,
        *,
        budget: float = 60.0,
        quorum: float = 1.0,
    ) -> Collected[A]:
        """
        Ask all *seats* at once; nobody sees an answer before the phase has closed.

        *budget* is each seat's time in seconds.  The phase closes when everybody, or
        the share *quorum* of them, has contributed.  *questions* may be one question,
        one for each seat (then *seats* may be left out), or a function of the seat;
        without *seats*, it is for everybody.
        """
        asks = self._each(questions, seats)
        return await self._phases.ask("collect", asks, inbox(CONDUCTOR), budget, quorum)

    async def probe(
        self,
        questions: Questions[A],
        seats: Sequence[str] | None = None,
        *,
        budget: float = 60.0,
    ) -> Collected[A]:
        """As `collect`, but no mind remembers that it was asked."""
        asks = self._each(questions, seats)
        return await self._phases.ask("probe", asks, inbox(CONDUCTOR), budget, 1.0)

    async def turns(
        self,
        questions: Questions[A],
        seats: Sequence[str],
        *,
        room: str,
        budget: float = 60.0,
    ) -> Collected[A]:
        """Ask *seats* one after another; each hears in *room* what those before said."""
        answers: dict[str, A] = {}
        outcomes: dict[str, Outcome] = {}
        for seat, question in self._each(questions, seats).items():
            one = await self._phases.ask("turns", {seat: question}, room, budget, 1.0)
            answers.update(one)
            outcomes |= one.outcomes
        return Collected(answers, outcomes)

    def _each(
        self, questions: Questions[A], seats: Sequence[str] | None
    ) -> dict[str, Question[A]]:
        named = self.seats if seats is None else seats
        match questions:
            case Question():
                asks = dict.fromkeys(named, questions)
            case Mapping():
                asks = {
                    s: questions[s] for s in (questions if seats is None else seats)
                }
            case _:
                asks = {seat: questions(seat) for seat in named}
        self._check_seats(asks)
        return asks

    # -- conversation

    async def chat(
        self,
        room: str,
        seats: Sequence[str],
        *,
        turns: int,
        opener: str = "",
        pause: float | None = None,
        budget: float = 60.0,
        limit: float = 3600.0,
    ) -> tuple[Line, ...]:
        """
        Let *seats* talk in *room* and return what was said, in order.

        A seat speaks when somebody else has, at most *turns* times and within *budget*
        seconds each time; with an *opener* that one begins, else everybody may.  With a
        *pause* (mean seconds, drawn anew for each seat and turn) silence moves them
        too.  The chat is over when nobody has anything to answer, or after *limit*
        seconds.  Members who were in the room before stay in it; the others leave.
        """
        opened = PhaseOpened(
            step=self._steps.next(),
            form="chat",
            what=self._check_room(room),
            seats=self._check_seats(seats),
            budget=budget,
            turns=turns,
            opener=opener,
            pause=pause,
            limit=limit,
        )
        if opener and opener not in opened.seats:
            raise UnknownName("opener", opener, list(opened.seats))
        return await self._phases.chat(room, opened)

    async def chats(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        turns: int,
        budget: float = 60.0,
        limit: float = 3600.0,
    ) -> list[tuple[Line, ...]]:
        """
        Let *pairs* talk in twos, each in a room of its own, the first one opening.

        Returns what each pair said.  *turns*, *budget* and *limit* are those of `chat`.

        All go on at the same time, but a seat is never in two: it holds its
        conversations one after another, in the order of *pairs*.
        """
        dyads: list[_Dyad] = []
        last: dict[str, _Dyad] = {}
        async with anyio.create_task_group() as tasks:
            for pair in pairs:
                number = self._steps.next()
                opened = PhaseOpened(
                    step=number,
                    form="chat",
                    what=f"chat-{number}-{'-'.join(pair)}"[:64],
                    seats=self._check_seats(pair),
                    budget=budget,
                    turns=turns,
                    opener=pair[0],
                    limit=limit,
                )
                dyad = _Dyad(opened, [last[seat] for seat in pair if seat in last])
                last |= dict.fromkeys(pair, dyad)
                dyads.append(dyad)
                tasks.start_soon(dyad.hold, self._phases)
        return [dyad.lines for dyad in dyads]

    # -- rooms, words, the environment, results

    async def open_room(self, room: str, seats: Sequence[str]) -> None:
        """From now on *seats* hear *room*."""
        number = self._steps.next()
        body = Joined(seats=self._check_seats(seats), step=number)
        await self._steps.tell(number, self._check_room(room), body)

    async def dismiss(self, room: str, seats: Sequence[str]) -> None:
        """From now on *seats* no longer hear *room*."""
        number = self._steps.next()
        body = Left(seats=self._check_seats(seats), step=number)
        await self._steps.tell(number, self._check_room(room), body)

    async def mute(self, listener: str, seat: str, *, on: bool = False) -> None:
        """From now on *listener* no longer hears *seat*; or, *on*, does again."""
        number = self._steps.next()
        self._check_seats((listener, seat))
        body = Muted(step=number, seat=seat, on=on)
        await self._steps.tell(number, inbox(listener), body)

    async def post(self, room: str, text: str) -> None:
        """Say *text* in *room*, as the conductor."""
        number = self._steps.next()
        await self._steps.tell(number, room, Said(text=text, step=number))

    async def tick(self, room: str, name: str, value: object) -> None:
        """Tell *room* a fact of the environment, any value msgspec can encode."""
        number = self._steps.next()
        body = Ticked(step=number, name=name, value=encode(value))
        await self._steps.tell(number, room, body)

    async def result(self, name: str, value: object) -> None:
        """Declare a result of the run, any value msgspec can encode."""
        number = self._steps.next()
        body = Resulted(step=number, name=name, value=encode(value))
        await self._steps.tell(number, PHASES, body)

    async def rounds(self, count: int) -> AsyncIterator[int]:
        """Count from 1 to *count*, marking each round in the log."""
        for round in range(1, count + 1):
            number = self._steps.next()
            body = RoundBegan(step=number, round=round, of=count)
            self._seat(await self._steps.tell(number, PHASES, body))
            yield round

    def _seat(self, began: Step) -> None:
        """Count in who is there when a round begins."""
        if self._newcomers:
            self.seats = (*self._population, *began.came)
            self._names.update(began.came)

    # -- names

    def _check_seats(self, seats: Iterable[str]) -> tuple[str, ...]:
        """*seats*, each once."""
        for seat in seats:
            if seat not in self._names:
                raise UnknownName("seat", seat, list(self.seats))
        return tuple(dict.fromkeys(seats))

    def _check_room(self, room: str) -> str:
        """*room*, which must be one that seats may come into: nobody's inbox."""
        if not NAME.fullmatch(room):
            raise BadName("room", room)
        return room
