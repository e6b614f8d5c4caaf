"""
What a scenario holds in its hands.

Each call is a numbered step of the log.  A conductor that takes over plays the scenario
again from the top: closed steps return what the log says, the open one goes on.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from math import ceil
from typing import Any, Generic, Literal, TypeVar

import anyio
import msgspec

from hubbub.bus.base import Receipt, Voice
from hubbub.chance import generator
from hubbub.errors import ScenarioChanged
from hubbub.journal import Journal, Step
from hubbub.messages import (
    KIND_OF,
    Asked,
    Body,
    Form,
    Joined,
    Left,
    Message,
    Outcome,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Said,
    Ticked,
)
from hubbub.mind import Question, answer_type
from hubbub.names import CONDUCTOR, PHASES, check_room, inbox
from hubbub.text import escape_json

A = TypeVar("A")

#: What to ask: one question for all, one for each seat, or a function of the seat.
Questions = Question[A] | Mapping[str, Question[A]] | Callable[[str], Question[A]]


class Collected(Mapping[str, A], Generic[A]):
    """
    What a phase brought in: the answers of those who answered, by seat.

    `outcomes` has every seat that was asked.
    """

    def __init__(self, answers: dict[str, A], outcomes: dict[str, Outcome]) -> None:
        self._answers = answers
        self.outcomes = outcomes

    def __getitem__(self, seat: str) -> A:
        return self._answers[seat]

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)


class Stage:
    """The scenario's side of a run; see the methods for the phases of a game."""

    def __init__(
        self,
        voice: Voice,
        journal: Journal,
        *,
        seats: tuple[str, ...],
        seed: int,
        known: int,
        grace: float,
    ) -> None:
        #: All seats of the population, in order.
        self.seats = seats
        #: The scenario's own generator.
        self.rng = generator(seed, "stage")
        self._voice = voice
        self._journal = journal
        self._known = known
        self._grace = grace
        self._steps = 0

    @property
    def steps(self) -> int:
        """How many steps have been taken."""
        return self._steps

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
        one for each seat (then *seats* may be left out), or a function of the seat.
        """
        asks = _each(questions, seats or self.seats)
        return await self._ask("collect", asks, inbox(CONDUCTOR), budget, quorum)

    async def probe(
        self,
        questions: Questions[A],
        seats: Sequence[str] | None = None,
        *,
        budget: float = 60.0,
    ) -> Collected[A]:
        """As `collect`, but no mind remembers that it was asked."""
        asks = _each(questions, seats or self.seats)
        return await self._ask("probe", asks, inbox(CONDUCTOR), budget, 1.0)

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
        for seat, question in _each(questions, seats).items():
            one = await self._ask("turns", {seat: question}, room, budget, 1.0)
            answers.update(one)
            outcomes |= one.outcomes
        return Collected(answers, outcomes)

    async def _ask(
        self,
        form: Form,
        asks: Mapping[str, Question[A]],
        reply: str,
        budget: float,
        quorum: float,
    ) -> Collected[A]:
        number = self._next()
        encoded = {seat: _encode(question) for seat, question in asks.items()}
        opened = PhaseOpened(
            step=number,
            form=form,
            what=" ".join(sorted({type(q).__name__ for q in asks.values()})),
            seats=tuple(asks),
            digest=_digest(reply, *encoded.values()),
            budget=budget,
            quorum=quorum,
        )
        step = await self._recorded(number, opened)
        posts: list[tuple[str, Body]] = [] if step.made else [(PHASES, opened)]
        posts += [
            (
                inbox(seat),
                Asked(
                    ask=f"{number}/{seat}",
                    step=number,
                    question=question,
                    reply=reply,
                    budget=budget,
                    probe=form == "probe",
                ),
            )
            for seat, question in encoded.items()
            if seat not in step.asked
        ]
        await self._say_all(posts)
        if step.closed is None:
            why = await self._gather(step, asks, budget, quorum)
            missing = tuple(seat for seat in asks if seat not in step.given)
            closed = PhaseClosed(step=number, why=why, missing=missing)
            await self._say(PHASES, closed)
        self._journal.forget(number)
        return _collected(step, asks)

    async def _gather(
        self, step: Step, asks: Mapping[str, object], budget: float, quorum: float
    ) -> Literal["all", "quorum", "deadline"]:
        enough = ceil(quorum * len(asks))
        # A host may die half-way: its successor starts the budget anew.
        with anyio.move_on_after(2 * budget + self._grace):
            while len(step.given) < enough:
                await step.change()
        if len(step.given) == len(asks):
            return "all"
        return "quorum" if len(step.given) >= enough else "deadline"

    # -- conversation

    async def chat(
        self,
        room: str,
        seats: Sequence[str],
        *,
        turns: int,
        opener: str = "",
        pause: float | None = None,
        budget: float = 3600.0,
    ) -> int:
        """
        Let *seats* talk in *room* and return how many times something was said.

        A seat speaks when somebody else has, at most *turns* times; with an *opener*
        that one begins, else everybody may.  With a *pause* (mean seconds, drawn anew
        for each seat and turn) silence moves them too.  The chat is over when nobody
        has anything to answer, or after *budget* seconds.  Members who were in the room
        before stay in it; the others leave.
        """
        number = self._next()
        return await self._chat(number, room, seats, turns, opener, pause, budget)

    async def chats(
        self, pairs: Sequence[tuple[str, str]], *, turns: int, budget: float = 3600.0
    ) -> None:
        """
        Let *pairs* talk in twos, each in a room of its own, the first one opening.

        All go on at the same time, but a seat is never in two: it holds its
        conversations one after another, in the order of *pairs*.
        """
        held: dict[str, anyio.Event] = {}
        async with anyio.create_task_group() as tasks:
            for pair in pairs:
                number, done = self._next(), anyio.Event()
                before = [held[seat] for seat in pair if seat in held]
                held |= dict.fromkeys(pair, done)
                tasks.start_soon(self._dyad, number, pair, turns, budget, before, done)

    async def _dyad(
        self,
        number: int,
        pair: tuple[str, str],
        turns: int,
        budget: float,
        before: list[anyio.Event],
        done: anyio.Event,
    ) -> None:
        for event in before:
            await event.wait()
        room = f"chat-{number}-{'-'.join(pair)}"[:64]
        await self._chat(number, room, pair, turns, pair[0], None, budget)
        done.set()

    async def _chat(
        self,
        number: int,
        room: str,
        seats: Sequence[str],
        turns: int,
        opener: str,
        pause: float | None,
        budget: float,
    ) -> int:
        opened = PhaseOpened(
            step=number,
            form="chat",
            what=check_room(room),
            seats=tuple(seats),
            budget=budget,
            turns=turns,
            opener=opener,
            pause=pause,
        )
        step = await self._recorded(number, opened)
        if not step.joined and step.chat is None:
            new = self._strangers(room, seats)
            posts: list[tuple[str, Body]] = [(room, Joined(seats=new, step=number))]
            await self._say_all([*(posts if new else []), (room, opened)])
        elif step.chat is None:
            await self._say(room, opened)
        assert step.chat is not None
        if step.closed is None:
            why = await self._listen(step, budget)
            await self._say(room, PhaseClosed(step=number, why=why))
        if step.joined and not step.left:
            members = self._journal.members.get(room, {})
            if here := tuple(seat for seat in seats if seat in members):
                await self._say(room, Left(seats=here, step=number))
        self._journal.forget(number)
        return step.chat.said

    async def _listen(self, step: Step, budget: float) -> Literal["over", "deadline"]:
        assert step.chat is not None
        with anyio.move_on_after(budget + self._grace):
            while not step.chat.over:
                await step.change()
            return "over"
        return "deadline"

    def _strangers(self, room: str, seats: Sequence[str]) -> tuple[str, ...]:
        members = self._journal.members.get(room, {})
        return tuple(seat for seat in seats if seat not in members)

    # -- rooms, words, the environment, results

    async def open_room(self, room: str, seats: Sequence[str]) -> None:
        """From now on *seats* hear *room*."""
        await self._tell(
            check_room(room), Joined(seats=tuple(seats), step=self._next())
        )

    async def dismiss(self, room: str, seats: Sequence[str]) -> None:
        """From now on *seats* no longer hear *room*."""
        await self._tell(check_room(room), Left(seats=tuple(seats), step=self._next()))

    async def post(self, room: str, text: str) -> None:
        """Say *text* in *room*, as the conductor."""
        await self._tell(check_room(room), Said(text=text, step=self._next()))

    async def tick(self, room: str, name: str, value: object) -> None:
        """Tell *room* a fact of the environment, any value msgspec can encode."""
        raw = _encode(value)
        body = Ticked(step=self._next(), name=name, value=raw)
        await self._tell(check_room(room), body)

    async def result(self, name: str, value: object) -> None:
        """Declare a result of the run, any value msgspec can encode."""
        raw = _encode(value)
        await self._tell(PHASES, Resulted(step=self._next(), name=name, value=raw))

    async def rounds(self, count: int) -> AsyncIterator[int]:
        """Count from 1 to *count*, marking each round in the log."""
        for number in range(1, count + 1):
            await self._tell(
                PHASES, RoundBegan(step=self._next(), round=number, of=count)
            )
            yield number

    # -- steps

    def _next(self) -> int:
        self._steps += 1
        return self._steps

    async def _recorded(self, number: int, body: Body) -> Step:
        """
        What the log has of step *number*, which is to begin with *body*.

        Waits until the log is known to have it or not; raises `ScenarioChanged`.
        """
        step = self._journal.step(number)
        single = not isinstance(body, PhaseOpened)
        while self._journal.cursor < self._known and not (
            step.settled or (single and step.made)
        ):
            await self._journal.move()
        if step.made is not None:
            _same(number, step.made, body)
        return step

    async def _tell(self, room: str, body: Any) -> None:
        step = await self._recorded(body.step, body)
        if step.made is None:
            await self._say(room, body)
        self._journal.forget(body.step)

    async def _say(self, room: str, body: Body) -> None:
        await self._say_all([(room, body)])

    async def _say_all(self, posts: Sequence[tuple[str, Body]]) -> None:
        """Post, and wait until the journal has read it."""
        if not posts:
            return
        receipts: list[Receipt] = await self._voice.say_all(
            posts, seen=self._journal.cursor
        )
        await self._journal.reach(receipts[-1].seq)


def _each(questions: Questions[A], seats: Sequence[str]) -> dict[str, Question[A]]:
    match questions:
        case Question():
            return dict.fromkeys(seats, questions)
        case Mapping():
            return dict(questions)
        case _:
            return {seat: questions(seat) for seat in seats}


def _encode(value: object) -> msgspec.Raw:
    return msgspec.Raw(escape_json(msgspec.json.encode(value)))


def _digest(*parts: str | msgspec.Raw) -> str:
    state = sha256()
    for part in parts:
        state.update(part.encode() if isinstance(part, str) else bytes(part))
        state.update(b"\n")
    return state.hexdigest()[:16]


def _collected(step: Step, asks: Mapping[str, Question[A]]) -> Collected[A]:
    answers: dict[str, A] = {}
    outcomes: dict[str, Outcome] = {}
    for seat, question in asks.items():
        given = step.given.get(seat)
        outcomes[seat] = given.outcome if given else "absent"
        if given is not None and given.outcome == "answered":
            wanted = answer_type(type(question))
            answers[seat] = msgspec.json.decode(given.answer, type=wanted)
    return Collected(answers, outcomes)


def _same(number: int, recorded: Message, body: Body) -> None:
    """Raise `ScenarioChanged` unless *recorded* is how a step with *body* begins."""
    found, known = _outline(body), _outline(recorded.body)
    opening = isinstance(recorded.body, Joined) and isinstance(body, PhaseOpened)
    if found != known and not opening:
        raise ScenarioChanged(number, known, found)


def _outline(body: Body) -> str:
    match body:
        case PhaseOpened(form=form, what=what, seats=seats, digest=digest):
            return f"{form} {what} of {len(seats)} seats [{digest or ' '.join(seats)}]"
        case RoundBegan(round=round, of=of):
            return f"round {round} of {of}"
        case Said(text=text):
            return f"post {text[:60]!r}"
        case Ticked(name=name) | Resulted(name=name):
            return f"{KIND_OF[type(body)]} {name}"
        case Joined(seats=seats) | Left(seats=seats):
            return f"{KIND_OF[type(body)]} of {len(seats)} seats"
        case _:
            return KIND_OF[type(body)]
