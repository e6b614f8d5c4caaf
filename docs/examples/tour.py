"""Everything a scenario can do on the stage, one after another."""

from typing import Any

import msgspec

from hubbub import Question, Stage, scenario


class Choice(msgspec.Struct, frozen=True):
    """Whom to follow."""

    name: str


class Vote(Question[Choice], frozen=True, kw_only=True, tag="vote"):
    """Vote for one of the others."""

    others: tuple[str, ...]

    def prompt(self) -> str:
        return f"Whom would you follow: {', '.join(self.others)}?"

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"name": {"enum": [*self.others]}},
            "required": ["name"],
            "additionalProperties": False,
        }

    def check(self, answer: Choice) -> None:
        if answer.name not in self.others:
            raise ValueError(f"{answer.name} is none of {', '.join(self.others)}")


class Bid(msgspec.Struct, frozen=True):
    """How much to pay."""

    coins: int


class Raise(Question[Bid], frozen=True, kw_only=True, tag="raise"):
    """You have heard the bids so far. What is yours?"""


@scenario(asks=[Vote, Raise], seats=4, least=4)
async def tour(stage: Stage, rounds: int = 2) -> None:
    """A tour of the stage."""
    seats = stage.seats

    async for number in stage.rounds(rounds):
        await stage.post(f"@{seats[0]}", f"You see round {number} coming.")

    await stage.open_room("hall", seats[:3])
    await stage.post("hall", "Good evening. The doors are open.")
    await stage.tick("hall", "weather", {"sky": "clear", "degrees": 12})
    await stage.dismiss("hall", seats[2:3])
    await stage.mute(seats[0], seats[1])

    others = {s: tuple(o for o in seats if o != s) for s in seats}
    votes = await stage.collect(lambda seat: Vote(others=others[seat]), budget=30)
    names = sorted({vote.name for vote in votes.values()})
    silent = [s for s, outcome in votes.outcomes.items() if outcome != "answered"]

    await stage.open_room("auction", seats)
    bids = await stage.turns(Raise(), seats, room="auction", budget=30)

    lines = await stage.chat("auction", seats, turns=2, opener=seats[0])

    await stage.chats([(seats[0], seats[1]), (seats[2], seats[3])], turns=3)

    asked = {seat: Vote(others=others[seat]) for seat in seats[:2]}
    inner = await stage.probe(asked)

    winner = stage.rng.choice(names) if names else None
    await stage.result("winner", winner)
    await stage.result("counts", [len(silent), len(bids), len(lines), len(inner)])
