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
from hubbub.order import Order
from hubbub.regulation import Flags, Majority, Regulate, among
from hubbub.rulings import Rule, Sanction
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage

Multiplier = Annotated[float, msgspec.Meta(gt=0, le=1_000)]
Players = Annotated[int, msgspec.Meta(ge=2, le=1_000)]
#: What seats may do about each other where nobody says anything.
Powers = Annotated[str, among("flag", "refuse", "shun", "report", "expel")]
SANCTIONS: tuple[Sanction, ...] = ("nothing", "warn", "expel")


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


@scenario(
    asks=[Contribute, ContributeAloud, Regulate, Rule],
    mind="conditional",
    seats=4,
    least=2,
    newcomers=True,
)
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
    regulation: Powers = "off",
    overseer: str = "",
    flags: Flags = "public",
    majority: Majority = 0.5,
    budget: Seconds = 60.0,
) -> None:
    """
    A game of giving. In every round you play with others for money: each puts any part
    of what it has into a common pot, the pot is multiplied and shared equally.

    Groups of *players* are drawn by lot, anew in each round if they *regroup*; whoever
    is left over sits the round out.  Where fewer are there, all play together.  Who
    comes into the run is in the next lot.  Each game is a result ``game``.

    After each round seats may do about each other what *regulation* says.  Who declines
    to deal with somebody withholds from it what it would get of its own gift; whoever is
    expelled plays no more.
    """
    rules = Rules(
        endowment=endowment,
        multiplier=multiplier,
        named=named,
        reveal=reveal,
        aloud=aloud,
        budget=budget,
    )
    order = Order(
        stage,
        regulation,
        overseer=overseer,
        flags=flags,
        majority=majority,
        sanctions=SANCTIONS,
        budget=budget,
    )
    groups = _groups(stage, order.seats, players)
    async for number in stage.rounds(rounds):
        if regroup and number > 1:
            groups = _groups(stage, order.seats, players)
        asks: dict[str, Contribute] = {}
        for group in groups:
            asks |= _asks(group, dict.fromkeys(group, number), rules)
        given = await stage.collect(asks, budget=budget)
        for place, group in enumerate(groups, 1):
            outcomes: dict[str, Outcome] = {s: given.outcomes[s] for s in group}
            gifts = {seat: given[seat] for seat in group if seat in given}
            numbers = dict.fromkeys(group, number)
            name = f"{number}.{place}"
            await _finish(stage, name, numbers, gifts, outcomes, rules, order)
        await order.review(number)
        groups = _left(groups, order.seats)


async def play_game(
    stage: Stage, name: str, numbers: dict[str, int], rules: Rules, order: Order
) -> Played:
    """
    Have the seats of *numbers* play one game; the number is each seat's own count.

    Each is told its payoff, and the game is declared as a result ``game``.  Who declines
    to deal with another withholds from it what it would get of its own gift.
    """
    asks = _asks(tuple(numbers), numbers, rules)
    given = await stage.collect(asks, budget=rules.budget)
    return await _finish(
        stage, name, numbers, dict(given), given.outcomes, rules, order
    )


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
    order: Order,
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
            withheld=order.standing.withheld(gave),
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


def _groups(stage: Stage, seats: Sequence[str], players: int) -> list[tuple[str, ...]]:
    lot = list(seats)
    stage.rng.shuffle(lot)
    size = max(2, min(players, len(lot)))
    whole = len(lot) - len(lot) % size
    return [tuple(lot[i : i + size]) for i in range(0, whole, size)]


def _left(
    groups: Sequence[tuple[str, ...]], seats: Sequence[str]
) -> list[tuple[str, ...]]:
    """*groups* as far as they are among *seats*; nobody plays alone."""
    left = [tuple(seat for seat in group if seat in seats) for group in groups]
    return [group for group in left if len(group) > 1]
