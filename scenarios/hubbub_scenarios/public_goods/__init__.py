"""
The public goods game: what is given to all, when keeping it pays more.

With two seats, one round and the parameters as they are it is the game of Lai et al.
(arXiv 2402.12590, section 4.1 and appendix C): $100 each, the pot multiplied by 1.3.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from hubbub.dilemmas import (
    PAYOFF,
    Contribute,
    ContributeAloud,
    Dollars,
    Gift,
    Payoff,
    settle,
)
from hubbub.messages import Outcome
from hubbub.names import inbox
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage

Multiplier = Annotated[float, msgspec.Meta(gt=0, le=1_000)]
Players = Annotated[int, msgspec.Meta(ge=2, le=1_000)]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a game is played.

    *named*: players know with whom they play; *reveal*: they are told who gave what,
    not only what the pot came to; *aloud*: they answer in words, as in the paper, not in
    JSON.  *budget* is a player's time in seconds.
    """

    endowment: float = 100.0
    multiplier: float = 1.3
    named: bool = False
    reveal: bool = False
    aloud: bool = False
    budget: float = 60.0


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """
    One game: what each player gave in dollars, and how each one's ask ended.

    Who did not answer gave nothing and is not in *gave*; a game in which anybody did not
    has no *payoffs*.
    """

    game: str
    gave: dict[str, float]
    payoffs: dict[str, float]
    outcomes: dict[str, Outcome]


@scenario(asks=[Contribute, ContributeAloud], mind="conditional", seats=4, least=2)
async def public_goods(
    stage: Stage,
    rounds: Count = 1,
    players: Players = 2,
    endowment: Dollars = 100.0,
    multiplier: Multiplier = 1.3,
    named: bool = False,
    reveal: bool = False,
    aloud: bool = False,
    regroup: bool = True,
    budget: Seconds = 60.0,
) -> None:
    """
    A game of giving. In every round you play with others for money: each puts any part
    of what it has into a common pot, the pot is multiplied and shared equally.

    Groups of *players* are drawn by lot, anew in each round if they *regroup*; whoever
    is left over sits the round out.  Each game is a result ``game``.
    """
    rules = Rules(
        endowment=endowment,
        multiplier=multiplier,
        named=named,
        reveal=reveal,
        aloud=aloud,
        budget=budget,
    )
    groups = _groups(stage, players)
    async for number in stage.rounds(rounds):
        if regroup and number > 1:
            groups = _groups(stage, players)
        asks: dict[str, Contribute] = {}
        for group in groups:
            asks |= _asks(group, dict.fromkeys(group, number), rules)
        given = await stage.collect(asks, budget=budget)
        for place, group in enumerate(groups, 1):
            outcomes: dict[str, Outcome] = {s: given.outcomes[s] for s in group}
            gifts = {seat: given[seat] for seat in group if seat in given}
            numbers = dict.fromkeys(group, number)
            name = f"{number}.{place}"
            await _finish(stage, name, numbers, gifts, outcomes, rules)


async def play_game(
    stage: Stage, name: str, numbers: dict[str, int], rules: Rules
) -> Played:
    """
    Have the seats of *numbers* play one game; the number is each seat's own count.

    Each is told its payoff, and the game is declared as a result ``game``.
    """
    asks = _asks(tuple(numbers), numbers, rules)
    given = await stage.collect(asks, budget=rules.budget)
    return await _finish(stage, name, numbers, dict(given), given.outcomes, rules)


def _asks(
    group: Sequence[str], numbers: dict[str, int], rules: Rules
) -> dict[str, Contribute]:
    question = ContributeAloud if rules.aloud else Contribute
    return {
        seat: question(
            game=numbers[seat],
            players=len(group),
            endowment=rules.endowment,
            multiplier=rules.multiplier,
            partners=tuple(o for o in group if rules.named and o != seat),
        )
        for seat in group
    }


async def _finish(
    stage: Stage,
    name: str,
    numbers: dict[str, int],
    gifts: dict[str, Gift],
    outcomes: dict[str, Outcome],
    rules: Rules,
) -> Played:
    """Tell each player its payoff; nobody's gift is made up where one is missing."""
    gave = {seat: gift.amount for seat, gift in gifts.items()}
    payoffs: dict[str, Payoff] = {}
    if gave.keys() == numbers.keys():
        payoffs = settle(
            numbers,
            gave,
            endowment=rules.endowment,
            multiplier=rules.multiplier,
            named=rules.named,
            reveal=rules.reveal,
        )
    for seat, payoff in payoffs.items():
        await stage.tick(inbox(seat), PAYOFF, payoff)
    played = Played(
        game=name,
        gave=gave,
        payoffs={seat: rules.endowment + p.gain for seat, p in payoffs.items()},
        outcomes=outcomes,
    )
    await stage.result("game", played)
    return played


def _groups(stage: Stage, players: int) -> list[tuple[str, ...]]:
    lot = list(stage.seats)
    stage.rng.shuffle(lot)
    whole = len(lot) - len(lot) % players
    return [tuple(lot[i : i + players]) for i in range(0, whole, players)]
