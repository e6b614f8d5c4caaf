"""
Rule minds for games of giving; in conversations they talk as `Uniform` does.

Who gives by what others gave begins with the share *first* of its endowment.  The rules
are the usual ones of the literature on public goods: Fischbacher, Gächter and Fehr 2001
for conditional co-operation, Axelrod 1984 for tit for tat, Friedman 1971 for grim.
"""

from abc import abstractmethod
from typing import Annotated

import msgspec

from hubbub.dilemmas import PAYOFF, Contribute, Gift, Payoff, cents, dollars
from hubbub.messages import Message, Ticked
from hubbub.mind import Ask, Part
from hubbub_agents.talker import TalkerOptions, Uniform

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

_payoff = msgspec.json.Decoder(Payoff).decode


class GiverOptions(TalkerOptions, frozen=True, forbid_unknown_fields=True):
    """*first*: the share of its endowment that it gives before it has seen a game."""

    first: Share = 1.0


class Giver(Uniform):
    """Remembers the games it has played; a subclass's `share` says what it gives."""

    options = GiverOptions

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        options = part.read(self.options)
        assert isinstance(options, GiverOptions)
        #: What it was told of each of its games, in order.
        self.payoffs: list[Payoff] = []
        #: The share that it gives before it has seen a game.
        self.first = options.first

    def observe(self, event: Message) -> None:
        match event.body:
            case Ticked(name=name, value=value) if name == PAYOFF:
                self.payoffs.append(_payoff(value))
            case _:
                pass
        super().observe(event)

    async def act(self, ask: Ask) -> object:
        if not isinstance(ask.question, Contribute):
            return await super().act(ask)
        game = ask.question
        share = min(1.0, max(0.0, self.share(game)))
        return Gift(dollars(round(share * cents(game.endowment))))

    @abstractmethod
    def share(self, game: Contribute) -> float:
        """The share of its endowment to give in *game*, from 0 to 1."""

    def seen(self, payoff: Payoff, game: Contribute) -> float:
        """The others' mean gift in a past game, as a share of the endowment."""
        return payoff.others(self.part.seat) / game.endowment


class Altruist(Giver):
    """Gives everything."""

    def share(self, game: Contribute) -> float:
        return 1.0


class FreeRider(Giver):
    """Gives nothing."""

    def share(self, game: Contribute) -> float:
        return 0.0


class Conditional(Giver):
    """Gives what the others gave on average in the last game, whoever they were."""

    def share(self, game: Contribute) -> float:
        return self.seen(self.payoffs[-1], game) if self.payoffs else self.first


class Grim(Giver):
    """Gives *first* until others have given less than that on average; then nothing."""

    def share(self, game: Contribute) -> float:
        betrayed = any(self.seen(payoff, game) < self.first for payoff in self.payoffs)
        return 0.0 if betrayed else self.first


class TitForTat(Giver):
    """Gives what these partners gave when it last played with them, else *first*."""

    def share(self, game: Contribute) -> float:
        met = [p for p in self.payoffs if set(game.partners) & set(p.partners)]
        return self.seen(met[-1], game) if met else self.first


class Imitator(Giver):
    """Gives what whoever earned most in the last game gave; needs revealed gifts."""

    def share(self, game: Contribute) -> float:
        if not self.payoffs:
            return self.first
        # All have the same share of the pot: who gave least has earned most.
        return min(self.payoffs[-1].gave.values()) / game.endowment
