"""What a phase does: asks its seats or lets them talk, waits, and closes."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Generic, Literal, TypeVar

import anyio
import msgspec

from hubbub.budget import Budget
from hubbub.journal import Journal, Line, Step
from hubbub.messages import (
    Asked,
    Body,
    Form,
    Joined,
    Left,
    Outcome,
    PhaseClosed,
    PhaseOpened,
)
from hubbub.mind import Question, answer_type
from hubbub.names import PHASES, inbox
from hubbub.scenario import Scenario
from hubbub.steps import Steps, digest
from hubbub.text import escape_json

A = TypeVar("A")


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


class Phases:
    """
    Plays phases as steps of the log, as long as *budget* allows.

    *grace* is how many seconds a dead host's seats may take to be hosted again.
    """

    def __init__(
        self,
        steps: Steps,
        journal: Journal,
        scenario: Scenario,
        budget: Budget,
        grace: float,
    ) -> None:
        self._steps = steps
        self._journal = journal
        self._scenario = scenario
        self._budget = budget
        self._grace = grace

    async def ask(
        self,
        form: Form,
        asks: Mapping[str, Question[A]],
        reply: str,
        budget: float,
        quorum: float,
    ) -> Collected[A]:
        """Ask every seat its question at once and wait until the phase has closed."""
        number = self._steps.next()
        encoded = {seat: encode(question) for seat, question in asks.items()}
        for question in dict.fromkeys(map(bytes, encoded.values())):
            # Found here, it is the scenario's mistake; found by a host, the run's end.
            self._scenario.question(msgspec.Raw(question))
        opened = PhaseOpened(
            step=number,
            form=form,
            what=" ".join(sorted({type(q).__name__ for q in asks.values()})),
            seats=tuple(asks),
            digest=digest(reply.encode(), *map(bytes, encoded.values())),
            budget=budget,
            quorum=quorum,
        )
        step = await self._enter(PHASES, opened)
        if step.closed is None:
            posts: list[tuple[str, Body]] = [] if step.made else [(PHASES, opened)]
            posts += [
                (inbox(seat), _asked(opened, seat, question, reply))
                for seat, question in encoded.items()
                if seat not in step.asked
            ]
            await self._steps.say_all(posts)
            await self._steps.say(PHASES, await self._gather(step, opened))
        self._leave(opened)
        return _collected(step, asks)

    async def _enter(self, room: str, opened: PhaseOpened) -> Step:
        """What the log has of the phase; where that is nothing, it may begin."""
        step = await self._steps.find(opened.step, room, opened)
        if step.made is None:
            await self._budget.check()
        self._budget.enter(opened.step)
        return step

    def _leave(self, opened: PhaseOpened) -> None:
        self._journal.forget(opened.step)
        self._budget.leave(opened.step)

    async def _gather(self, step: Step, opened: PhaseOpened) -> PhaseClosed:
        """Wait for the contributions; how the phase closes."""
        asked = len(opened.seats)
        # A share like 0.28 of 25 is a whole number that its product is a little above.
        enough = min(asked, ceil(opened.quorum * asked - 1e-9))
        # A host may die half-way: its successor starts the budget anew.
        with anyio.move_on_after(2 * opened.budget + self._grace):
            while len(step.given) < enough:
                await step.change()
        why: Literal["all", "quorum", "deadline"] = "deadline"
        if len(step.given) >= enough:
            why = "all" if len(step.given) == asked else "quorum"
        return PhaseClosed(step=opened.step, why=why)

    async def chat(self, room: str, opened: PhaseOpened) -> tuple[Line, ...]:
        """Hold the chat to its end; what was said in it, in order."""
        number = opened.step
        step = await self._enter(room, opened)
        if step.chat is None:
            members = self._journal.members.get(room, {})
            new = tuple(seat for seat in opened.seats if seat not in members)
            posts: list[tuple[str, Body]] = [(room, opened)]
            if new:
                posts.insert(0, (room, Joined(seats=new, step=number)))
            await self._steps.say_all(posts)
        assert step.chat is not None
        if step.closed is None:
            why = await self._listen(step, opened.limit)
            await self._steps.say(room, PhaseClosed(step=number, why=why))
        if step.leaving and not step.left:
            await self._steps.say(room, Left(seats=step.leaving, step=number))
        self._leave(opened)
        return tuple(step.lines)

    async def _listen(self, step: Step, limit: float) -> Literal["over", "deadline"]:
        assert step.chat is not None
        with anyio.move_on_after(limit + self._grace):
            while not step.chat.over:
                await step.change()
            return "over"
        return "deadline"


def encode(value: object) -> msgspec.Raw:
    """*value* as JSON that is safe on a terminal."""
    return msgspec.Raw(escape_json(msgspec.json.encode(value)))


def _asked(opened: PhaseOpened, seat: str, question: msgspec.Raw, reply: str) -> Asked:
    return Asked(
        ask=f"{opened.step}/{seat}",
        step=opened.step,
        question=question,
        reply=reply,
        budget=opened.budget,
        probe=opened.form == "probe",
    )


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
