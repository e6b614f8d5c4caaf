"""
A game with a known effect: whoever comes into it talks to a random part of the others.

Each round every resident sits at the newcomer's table with probability *table*, and then
all residents say what they believe.  A believer that hears the claim gains *shift* with
probability *attends* and says nothing itself, so after ``k`` rounds with a persuader the
mean belief is higher by ``k * table * attends * shift``, as long as nobody is certain.
"""

from typing import Annotated

import msgspec

from hubbub.beliefs import Believe
from hubbub.mind import Ask
from hubbub.questions import Speech, Turn
from hubbub.scenario import Count, scenario
from hubbub.stage import Stage
from hubbub_agents.adversaries.persuader import CLAIM, Persuader
from hubbub_agents.claims import affirm, deny
from hubbub_scenarios.knowledge_flooding.questions import Say

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


@scenario(asks=[Believe, Say], mind="believer", seats=6, newcomers=True)
async def meetings(stage: Stage, rounds: Count = 6, table: Share = 0.5) -> None:
    """Meetings, at which somebody may talk to you."""
    residents = stage.seats
    async for number in stage.rounds(rounds):
        drawn = [seat for seat in residents if stage.rng.random() < table]
        for guest in stage.seats[len(residents) :]:
            room = f"table-{number}"
            await stage.open_room(room, [guest, *drawn])
            say = Say(room=room, others=tuple(drawn), turn=number, turns=rounds)
            await stage.turns(say, [guest], room=room)
            await stage.dismiss(room, [guest, *drawn])
        held = await stage.probe(Believe(claim=CLAIM), residents)
        moment = {
            "room": "all",
            "round": number,
            "turn": 0,
            "aspect": "claim",
            "beliefs": {seat: answer.belief for seat, answer in held.items()},
        }
        await stage.result("beliefs", moment)


class Waverer(Persuader):
    """Affirms its claim as often as it denies it: it moves everybody, and nobody on average."""

    async def act(self, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech((affirm if ask.rng.random() < 0.5 else deny)(self._claim))
        return await super().act(ask)
