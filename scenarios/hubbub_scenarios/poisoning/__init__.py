"""
Poisoning: how far one who gives nothing spoils giving, in and out of a collective.

After Lai et al. (arXiv 2402.12590, section 4.2): a chain of games of two.  The malicious
player meets the first normal one, that one the second, the second the third.  An
infection is the change in a player's own gift from the game in which it met what came
before it to its next one.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from hubbub.dilemmas import Contribute, ContributeAloud, Dollars
from hubbub.errors import BadPopulation
from hubbub.names import inbox
from hubbub.order import Order
from hubbub.regulation import Flags, Majority, Regulate
from hubbub.rulings import Rule
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage
from hubbub_scenarios.cocktail_party import Talk, party
from hubbub_scenarios.poisoning.histories import Account, account
from hubbub_scenarios.public_goods import (
    SANCTIONS,
    Multiplier,
    Played,
    Powers,
    Rules,
    play_game,
)

#: What the players have behind them; see docs/poisoning.md.
Arm = Literal[
    "strangers", "frequent", "never-met", "foreign", "shuffled", "nameless", "filler"
]
#: Where in the party's network the first player stands.
Place = Literal["any", "hub", "periphery", "member"]

_TEXTS: dict[str, Account] = {
    "foreign": "foreign",
    "shuffled": "shuffled",
    "nameless": "nameless",
    "filler": "filler",
}


class Infection(msgspec.Struct, frozen=True, kw_only=True):
    """
    The change in the gift of the player of this *order* in the chain, in dollars.

    *before* is what it gave in the game with what infects it, *after* in its next one;
    None where that ask was not answered or the game not played.
    """

    order: int
    seat: str
    before: float | None
    after: float | None
    change: float | None


@scenario(
    asks=[Contribute, ContributeAloud, Regulate, Rule],
    mind="conditional",
    seats=14,
    least=5,
)
async def poisoning(
    stage: Stage,
    arm: Arm = "strangers",
    malicious: str = "",
    place: Place = "any",
    chain: Count = 3,
    doses: Count = 1,
    clean: int = 0,
    rounds: Count = 30,
    turns: Count = 6,
    endowment: Dollars = 100.0,
    multiplier: Multiplier = 1.3,
    aloud: bool = False,
    regulation: Powers = "off",
    overseer: str = "",
    flags: Flags = "public",
    majority: Majority = 0.5,
    budget: Seconds = 60.0,
) -> None:
    """
    A gathering at which some talk with each other, and later some play a game for money
    in twos: each puts any part of what it has into a common pot, the pot is multiplied
    and shared equally.

    The seat called *malicious* begins the chain; without one, an ordinary seat does, which
    is the control.  In a chain of *chain* players the first meets it *doses* times, after
    *clean* games with others.  The *arm* says what the players have behind them: nothing
    (``strangers``), the party (``frequent`` partners, or ``never-met`` ones), or, instead
    of a party of their own, a text about one.

    After each game the chain may do about each other what *regulation* says; a game of
    which a player was expelled is not played.
    """
    rules = Rules(
        endowment=endowment,
        multiplier=multiplier,
        named=arm not in ("strangers", "nameless", "filler"),
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
    poison, guests, outsiders = _company(order.seats, malicious, place, chain, clean)
    talks: list[Talk] = []
    if arm != "strangers":
        talks = await party(stage, guests, rounds=rounds, turns=turns, budget=budget)
    met = Counter(frozenset(talk.pair) for talk in talks)
    players = _chain(stage, arm, place, poison, guests, met, chain)
    if arm in _TEXTS:
        readers = dict(zip(players, outsiders, strict=True))
        for hero, reader in readers.items():
            for line in account(_TEXTS[arm], hero, talks, readers, stage.rng):
                await stage.post(inbox(reader), line)
        players = list(readers.values())
    await stage.result("chain", [poison, *players])
    spare = [seat for seat in order.seats if seat not in (poison, *players)]
    games = await _games(stage, [poison, *players], doses, spare[:clean], rules, order)
    for infection in infections(games, poison, players):
        await stage.result("infection", infection)


async def _games(
    stage: Stage,
    line: Sequence[str],
    doses: int,
    warm: Sequence[str],
    rules: Rules,
    order: Order,
) -> list[Played]:
    """The clean games of the first player, its games with the poison, then the chain."""
    pairs = [(line[1], other) for other in warm]
    pairs += [(line[0], line[1])] * doses
    pairs += pairwise(line[1:])
    count: Counter[str] = Counter()
    games: list[Played] = []
    for number, pair in enumerate(pairs, 1):
        if not set(pair) <= set(order.seats):
            continue
        count.update(pair)
        numbers = {seat: count[seat] for seat in pair}
        games.append(await play_game(stage, str(number), numbers, rules, order))
        await order.review(number, [*line, *warm])
    return games


def infections(
    games: Sequence[Played], poison: str, players: Sequence[str]
) -> list[Infection]:
    """
    Each player's change, first order first; the last player has no game after.

    With several doses, *before* is the gift in the first game with the poison: chosen
    before anything was known of it.
    """
    found: list[Infection] = []
    for order, seat in enumerate(players[:-1], 1):
        carrier = poison if order == 1 else players[order - 2]
        own = [game for game in games if seat in game.outcomes]
        met = [carrier in game.outcomes for game in own]
        first = met.index(True) if any(met) else len(own)
        later = [game for game in own[first:] if carrier not in game.outcomes]
        before = own[first].gave.get(seat) if any(met) else None
        after = later[0].gave.get(seat) if later else None
        change = None if before is None or after is None else round(after - before, 2)
        found.append(
            Infection(order=order, seat=seat, before=before, after=after, change=change)
        )
    return found


def _company(
    seats: Sequence[str], malicious: str, place: Place, chain: int, clean: int
) -> tuple[str, list[str], list[str]]:
    """Who begins the chain, who is at the party, and who stays outside."""
    if malicious and malicious not in seats:
        raise BadPopulation(
            f"the malicious seat {malicious!r} is not in the population"
        )
    poison = malicious or seats[-1]
    others = [seat for seat in seats if seat != poison]
    # Outsiders are there in every arm, so that the party is of the same size in all.
    guests, outsiders = others[: len(others) - chain], others[len(others) - chain :]
    if len(guests) < max(2, chain) or clean > len(guests):
        raise BadPopulation(
            f"{len(seats)} seats are too few: besides one that begins, a chain of "
            f"{chain} needs {chain} at the party and {chain} outside"
        )
    return poison, guests + [poison] * (place == "member"), outsiders


def _busiest(guests: Sequence[str], met: Counter[frozenset[str]]) -> list[str]:
    """*guests* by how many conversations they had, most first."""
    talked = Counter(seat for pair, n in met.items() for seat in pair for _ in range(n))
    return sorted(guests, key=lambda seat: (-talked[seat], guests.index(seat)))


def _chain(
    stage: Stage,
    arm: Arm,
    place: Place,
    poison: str,
    guests: Sequence[str],
    met: Counter[frozenset[str]],
    length: int,
) -> list[str]:
    """The normal players, each chosen by how often the one before it has met it."""
    free = [seat for seat in guests if seat != poison]
    stage.rng.shuffle(free)
    if arm == "strangers":
        return free[:length]
    busiest = [seat for seat in _busiest(guests, met) if seat != poison]
    match place:
        case "hub":
            first = busiest[0]
        case "periphery":
            first = busiest[-1]
        case "member":
            first = max(free, key=lambda seat: met[frozenset((poison, seat))])
        case "any":
            first = free[0]
    players = [first]
    # A text tells of frequent partners, so that it has what they would have.
    sign = -1 if arm == "never-met" else 1
    while len(players) < length:
        last = players[-1]
        left = [seat for seat in free if seat not in players]
        players.append(max(left, key=lambda s: sign * met[frozenset((last, s))]))
    return players
