"""An act: what a seat is to do at a definite place in the log, and how it is ended."""

from typing import Any

import msgspec

from hubbub.chat import Chat
from hubbub.messages import (
    Asked,
    Body,
    Contributed,
    Faulted,
    Left,
    Passed,
    Remembered,
    Said,
)
from hubbub.mind import Ask, Complete, Question, Remember
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario
from hubbub.seat import Seat
from hubbub.verdict import Verdict


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that an act depends on, but for its mind and what that has observed.

    *id* names the ask or turn, *room* is where its ending goes, *budget* its seconds.
    A *turn* is one in a chat; a *probe* leaves no memory.
    """

    id: str
    seat: str
    step: int
    room: str
    question: Question[Any]
    budget: float
    probe: bool = False
    turn: bool = False

    def ask(self, seed: int, complete: Complete, remember: Remember) -> Ask:
        """The ask as the mind sees it, in a run with *seed*."""

        async def keep(memory: Remembered) -> None:
            # Whoever takes the seat over must be able to tell from which act it is.
            if not memory.memory.startswith(f"{self.id}/"):
                raise ValueError(f"a memory of {self.id} is called {memory.memory!r}")
            if not self.probe:
                await remember(memory)

        return Ask(
            id=self.id,
            seat=self.seat,
            seed=seed,
            question=self.question,
            budget=self.budget,
            complete=complete,
            remember=keep,
            probe=self.probe,
        )

    def complaint(self, verdict: Verdict) -> Faulted | None:
        """What keeps the raw text of a turn that was none; an answer keeps its own."""
        if not self.turn or not verdict.raw:
            return None
        return Faulted(
            what=verdict.note,
            ask=self.id,
            raw=verdict.raw,
            raw_size=verdict.raw_size,
        )

    def ending(self, verdict: Verdict) -> Body:
        """The message that ends the act with *verdict*."""
        return self._spoken(verdict) if self.turn else self._contributed(verdict)

    def _contributed(self, verdict: Verdict) -> Contributed:
        return Contributed(
            ask=self.id,
            step=self.step,
            outcome=verdict.outcome,
            answer=msgspec.Raw(verdict.encoded),
            raw=verdict.raw,
            raw_size=verdict.raw_size,
            note=verdict.note,
            tries=verdict.tries,
        )

    def _spoken(self, verdict: Verdict) -> Body:
        if verdict.outcome != "answered":
            return Passed(turn=self.id, outcome=verdict.outcome, note=verdict.note)
        speech: Speech = verdict.value
        if speech.leave:
            return Left(seats=(self.seat,), text=speech.text, turn=self.id)
        return Said(text=speech.text, turn=self.id)


def answer(asked: Asked, seat: Seat, scenario: Scenario) -> Act:
    """The act that ends the ask *asked* of *seat*."""
    return Act(
        id=asked.ask,
        seat=seat.name,
        step=asked.step,
        room=asked.reply,
        question=scenario.question(asked.question),
        budget=asked.budget,
        probe=asked.probe,
    )


def turn(chat: Chat, seat: Seat) -> Act:
    """The next turn of *seat* in *chat*."""
    name = seat.name
    others = chat.others(name)
    question = Turn(
        room=chat.room,
        others=others or chat.company(name),
        turn=chat.taken(name) + 1,
        turns=chat.turns,
        parting=not others,
    )
    return Act(
        id=chat.next_turn(name),
        seat=name,
        step=chat.step,
        room=chat.room,
        question=question,
        budget=chat.budget,
        turn=True,
    )


def find(id: str, seat: Seat, scenario: Scenario) -> Act | None:
    """The act called *id*, if it is one that *seat* may do as it stands."""
    if asked := seat.pending.get(id):
        return answer(asked, seat, scenario)
    for chat in seat.chats.values():
        if chat.may_speak(seat.name) and chat.next_turn(seat.name) == id:
            return turn(chat, seat)
    return None
