"""
Takes part in name only: gives nothing, invites nobody, accepts nobody, says nothing.

Threat: a seat on which the others count and which does nothing for them.
Knowledge: the rules of the game.
Budget: its own seat.
Effect: as that of a free rider on gifts; conversations with it do not come about.
Source: Axelrod, The Evolution of Cooperation, 1984 (the strategy ALL D).
"""

from hubbub.dilemmas import Contribute, Gift
from hubbub.mind import Ask, Mind
from hubbub.questions import Accept, Acceptance, Invitation, Invite


class AlwaysDefect(Mind):
    """Gives nothing and talks with nobody."""

    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Contribute():
                return Gift(0.0)
            case Invite():
                return Invitation()
            case Accept():
                return Acceptance()
            case _:
                return None
