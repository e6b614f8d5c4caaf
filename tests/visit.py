"""A scenario for seats that are taken from outside: every kind of ask once a round."""

import msgspec

from hubbub import Question, Stage, scenario
from hubbub.scenario import Count, Seconds


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer in JSON."""

    value: int


class Colour(msgspec.Struct, frozen=True):
    """An answer in words."""

    name: str


class Guess(Question[Number], frozen=True, kw_only=True, tag="guess"):
    """Guess a number from 1 to *most*."""

    most: int

    def check(self, answer: Number) -> None:
        if not 1 <= answer.value <= self.most:
            raise ValueError(f"{answer.value} is not from 1 to {self.most}")


class Paint(Question[Colour], frozen=True, kw_only=True, tag="paint"):
    """Say which colour you like."""

    pattern = r"I like (?P<name>\w+)"


@scenario(asks=[Guess, Paint], seats=2)
async def visit(stage: Stage, rounds: Count = 1, budget: Seconds = 60.0) -> None:
    """A visit: guests guess, paint, talk and are asked in private."""
    first, *_ = stage.seats
    await stage.open_room("table", stage.seats)
    async for _ in stage.rounds(rounds):
        await stage.collect(Guess(most=9), budget=budget)
        await stage.turns(Paint(), [first], room="table", budget=budget)
        await stage.chat("table", stage.seats, turns=2, opener=first, budget=budget)
        await stage.probe(Guess(most=3), [first], budget=budget)
