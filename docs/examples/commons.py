from typing import Annotated

import msgspec

from hubbub import Ask, Message, Mind, Question, Speech, Stage, scenario
from hubbub.messages import Ticked


class Gift(msgspec.Struct, frozen=True):
    coins: Annotated[int, msgspec.Meta(ge=0, le=10)]


class Give(Question[Gift], frozen=True, kw_only=True, tag="give"):
    """You have ten coins. How many of them do you put into the common pot?"""


@scenario(asks=[Give], seats=4, least=2)
async def commons(stage: Stage, rounds: int = 3, factor: float = 1.6) -> None:
    """In every round all talk, then give; what is given grows and is shared equally."""
    await stage.open_room("table", stage.seats)
    async for _ in stage.rounds(rounds):
        await stage.chat("talk", stage.seats, turns=1)
        gifts = await stage.collect(Give(), budget=30)
        pot = factor * sum(gift.coins for gift in gifts.values())
        await stage.tick("table", "share", round(pot / len(stage.seats), 2))


class Matcher(Mind):
    share = 5.0  # the last one; as many coins are given

    def observe(self, event: Message) -> None:
        if isinstance(event.body, Ticked):
            self.share = msgspec.json.decode(event.body.value, type=float)

    async def act(self, ask: Ask) -> object:
        if not isinstance(ask.question, Give):
            return Speech(f"My last share was {self.share:g}.")
        return Gift(min(10, round(self.share)))
