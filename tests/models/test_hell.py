"""A real run with a server from hell: 50 seats, and every fifth call is broken."""

import gc
import random
from collections import defaultdict
from statistics import median

import msgspec

from hubbub import Stage, scenario
from hubbub.messages import Asked, Called, Contributed, Message
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Call, Prompt, Request
from hubbub.models.openai import OpenAIModel

from ..playing import Guess, Player, Troupe, play, seats
from .hell import DEEDS, HARMLESS, WELL, deed_of, hell, resident

SEATS, ROUNDS = 50, 6
#: One with which each deed is met by some seat.
SEED = 8
#: Seconds that a seat has for an answer.
BUDGET = 2.5


@scenario(asks=[Guess])
async def quiz(stage: Stage) -> None:
    """All are asked again and again, every other time with nothing in the way."""
    async for number in stage.rounds(ROUNDS):
        about = WELL if number % 2 else "Guess."
        await stage.collect(Guess(about=about), budget=BUDGET)


async def consult(player: Player, ask: Ask) -> object:
    """Ask the model, and take it at its word."""
    assert isinstance(ask.question, Guess)
    prompts = (Prompt("user", ask.question.about),)
    request = Request(model="hell/m", prompts=prompts, seed=ask.model_seed)
    return Unparsed((await ask.complete(request)).text)


def met(log: list[Message]) -> dict[str, set[str]]:
    """What the calls of each ask met; ``well`` if nothing was in their way."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for message in log:
        if isinstance(message.body, Called):
            call = msgspec.json.decode(message.body.record, type=Call)
            well = call.request.prompts[0].content == WELL
            deed = "well" if well else deed_of(call.request.seed or 0)
            found[call.call.rpartition("/")[0]].add(deed)
    return found


async def test_a_server_from_hell_stalls_nobody_and_breaks_nothing() -> None:
    """One outcome each, in time, in bounded memory, and the healthy are not delayed."""
    cast = Troupe(quiz, seats(SEATS, consult), seed=SEED)
    async with hell() as server:
        model = OpenAIModel(server.url, rng=random.Random(1))
        gc.collect()
        before = resident()
        log = await play(cast, models={"hell/m": model})
        await model.aclose()
    asked = {m.body.ask: m.at for m in log if isinstance(m.body, Asked)}
    ended = [(m.body, m.at) for m in log if isinstance(m.body, Contributed)]
    took = {end.ask: (at - asked[end.ask]) / 1000 for end, at in ended}
    deeds = met(log)

    def usual(deed: str) -> float:
        return median(took[ask] for ask, found in deeds.items() if found == {deed})

    assert set(server.deeds) == {"", *DEEDS}
    assert len(ended) == len(took) == len(asked) == SEATS * ROUNDS
    assert max(took.values()) <= BUDGET + 1
    assert server.memory - before < 50e6
    assert usual("") <= 1.5 * usual("well") + 0.1
    for end, _ in ended:
        unharmed = deeds[end.ask] <= {"", "well", *HARMLESS}
        broken = ("answered", "model_error", "unparsable", "late")
        assert end.outcome in (("answered",) if unharmed else broken)
