"""
Public goods: the question that games of giving ask, and what a player is told after.

A player keeps what it does not give.  What all give is multiplied and shared equally:
``payoff = endowment - own + multiplier * sum(all) / players``.  Money is counted in
whole cents, so that results are the same to the cent wherever they are computed.
"""

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Annotated, Any

import msgspec

from hubbub.mind import Question

#: An amount in dollars; what is below a cent is refused.
Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
#: The name under which players are told a `Payoff`, as a fact of the environment.
PAYOFF = "payoff"


class Gift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much to give, in dollars, and why."""

    amount: float
    reason: str = ""


class Contribute(Question[Gift], frozen=True, kw_only=True, tag="contribute"):
    """
    Give any amount from 0 to *endowment* to a pot that is multiplied and shared.

    *game* counts this seat's games from 1.  *partners* are the other players' names,
    empty where they stay unknown; *players* counts everybody.
    """

    game: int
    players: int
    endowment: float
    multiplier: float
    partners: tuple[str, ...] = ()

    def prompt(self) -> str:
        return (
            f"A game with {self._company()}. Each of the {self.players} players has "
            f"${self.endowment:g} and puts any part of it into a common pot, without "
            f"knowing what the others do. The pot is multiplied by {self.multiplier:g} "
            f"and shared equally among all {self.players}. You keep what you do not "
            f"give. {self._manner()}"
        )

    def _manner(self) -> str:
        return (
            'First say in "reason" in one or two sentences what you consider, then give '
            'your amount in whole dollars in "amount".'
        )

    def _company(self) -> str:
        if self.partners:
            return " and ".join(self.partners)
        count = self.players - 1
        return "another player" if count == 1 else f"{count} other players"

    def schema(self) -> dict[str, Any] | None:
        return {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "maxLength": 200},
                # Servers that decode by a schema keep the bounds of whole numbers alone.
                "amount": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": int(self.endowment),
                },
            },
            "required": ["reason", "amount"],
            "additionalProperties": False,
        }

    def check(self, answer: Gift) -> None:
        if not 0 <= answer.amount <= self.endowment:
            raise ValueError(f"${answer.amount:g} is not from 0 to {self.endowment:g}")
        if cents(answer.amount) != Fraction(str(answer.amount)) * 100:
            raise ValueError(f"${answer.amount} is no whole number of cents")


class ContributeAloud(Contribute, frozen=True, kw_only=True, tag="contribute-aloud"):
    """As `Contribute`, answered in words: a reason, and then the amount."""

    pattern = r"(?s)(?P<reason>.*?)CONTRIBUTE \$(?P<amount>\d+(?:\.\d\d?)?)"

    def _manner(self) -> str:
        return (
            "First say in one or two sentences what you consider. Then end with a line "
            "like CONTRIBUTE $12, with your own amount."
        )

    def instruction(self) -> str:
        return ""

    def schema(self) -> None:
        return None


class Payoff(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one player learns of a game, all in dollars.

    *pot* is what was given, multiplied; *share* what this player gets of it, *gain* what
    it has now beyond its endowment.  *gave* has everybody's gift where the game reveals it,
    else this player's alone; *partners* are named where the game names them.
    """

    game: int
    players: int
    partners: tuple[str, ...] = ()
    multiplier: float
    pot: float
    share: float
    gain: float
    gave: dict[str, float]

    def others(self, seat: str) -> float:
        """The mean gift of the others, in dollars, which the pot betrays to *seat*."""
        given = Fraction(str(self.pot)) / Fraction(str(self.multiplier))
        rest = given - Fraction(str(self.gave.get(seat, 0.0)))
        return dollars(round(rest * 100 / (self.players - 1)))


def cents(amount: float) -> int:
    """*amount* in dollars as whole cents, the nearest ones."""
    return round(Fraction(str(amount)) * 100)


def dollars(amount: int) -> float:
    """Whole cents as dollars."""
    return amount / 100


def settle(
    games: Mapping[str, int],
    gifts: Mapping[str, float],
    *,
    endowment: float,
    multiplier: float,
    named: bool,
    reveal: bool,
    withheld: Collection[tuple[str, str]] = (),
) -> dict[str, Payoff]:
    """
    What each player of one game is told; *gifts* in dollars by seat.

    *games* is the game's number in each seat's own count.  For each pair in *withheld*,
    what the second would get of the first one's gift is paid to nobody.

    A share that is no whole number of cents is rounded to the nearest, half to even.
    """
    factor, total = Fraction(str(multiplier)), sum(map(cents, gifts.values()))
    pot = round(factor * total)
    share: dict[str, int] = {}
    for seat in gifts:
        kept = sum(cents(gifts[by]) for by, other in withheld if other == seat)
        share[seat] = round(factor * (total - kept) / len(gifts))
    return {
        seat: Payoff(
            game=games[seat],
            players=len(gifts),
            partners=tuple(other for other in gifts if named and other != seat),
            multiplier=multiplier,
            pot=dollars(pot),
            share=dollars(share[seat]),
            gain=dollars(share[seat] - cents(gift)),
            gave=dict(gifts) if reveal else {seat: gift},
        )
        for seat, gift in gifts.items()
    }
