"""
The cocktail party: who talks with whom, when nobody says with whom to talk.

After Lai et al., "Evolving AI Collectives to Enhance Human Diversity and Enable
Self-Regulation" (arXiv 2402.12590), section 2 and appendix A: ten agents without roles
or goals, thirty rounds of invitation, acceptance and one-on-one conversation.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, NamedTuple

from hubbub.journal import Line
from hubbub.order import Order
from hubbub.questions import Accept, Acceptance, Invitation, Invite
from hubbub.regulation import Flags, Majority, Regulate, among
from hubbub.rulings import Rule
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage

#: What guests may do about each other.
Powers = Annotated[str, among("flag", "refuse", "shun", "mute", "report", "expel")]


#: Whether the first of two seats has nothing to do with the second.
Declines = Callable[[str, str], bool]


def nobody_declined(seat: str, other: str) -> bool:
    """Nobody declines to deal with anybody."""
    return False


class Talk(NamedTuple):
    """One conversation of a party: in which round, the inviter first, and the words."""

    round: int
    pair: tuple[str, str]
    lines: tuple[Line, ...]


@scenario(
    asks=[Regulate, Rule], mind="reinforcement", seats=10, least=2, newcomers=True
)
async def cocktail_party(
    stage: Stage,
    rounds: Count = 30,
    turns: Count = 6,
    regulation: Powers = "off",
    overseer: str = "",
    flags: Flags = "public",
    majority: Majority = 0.5,
    budget: Seconds = 60.0,
) -> None:
    """
    A party. In every round each guest may invite one other to a conversation between
    two, then may accept any of the invitations it got. There are no roles and no aims;
    talk about whatever you like, for as long as you like.

    A conversation ends when one of the two leaves and the other has had a last word, or
    when each has spoken *turns* times.  *budget* is a guest's time in seconds to invite,
    to accept, and for each turn.

    After each round guests may do about each other what *regulation* says.  Who declines
    to deal with somebody cannot invite it, and never gets to hear of its invitation.
    """
    order = Order(
        stage,
        regulation,
        overseer=overseer,
        flags=flags,
        majority=majority,
        budget=budget,
    )
    async for number in stage.rounds(rounds):
        await _round(stage, order.seats, number, rounds, turns, budget, order.declines)
        await order.review(number)


async def party(
    stage: Stage,
    guests: Sequence[str],
    *,
    rounds: int,
    turns: int,
    budget: float,
) -> list[Talk]:
    """Hold a party among *guests*; its conversations, in the order they were arranged."""
    talks: list[Talk] = []
    async for number in stage.rounds(rounds):
        talks += await _round(stage, guests, number, rounds, turns, budget)
    return talks


async def _round(
    stage: Stage,
    guests: Sequence[str],
    number: int,
    rounds: int,
    turns: int,
    budget: float,
    declines: Declines = nobody_declined,
) -> list[Talk]:
    arranged = await mingle(stage, guests, number, rounds, budget, declines)
    held = await stage.chats(arranged, turns=turns, budget=budget)
    return [
        Talk(number, pair, lines) for pair, lines in zip(arranged, held, strict=True)
    ]


async def mingle(
    stage: Stage,
    guests: Sequence[str],
    round: int,
    rounds: int,
    budget: float,
    declines: Declines = nobody_declined,
) -> list[tuple[str, str]]:
    """
    Have *guests* invite and accept each other; the pairs that come of it.

    Who declines another, as *declines* says of the two, neither invites nor accepts it.
    """
    invitations = await stage.collect(
        {
            seat: Invite(
                round=round,
                rounds=rounds,
                others=tuple(
                    guest
                    for guest in guests
                    if guest != seat and not declines(seat, guest)
                ),
            )
            for seat in guests
        },
        budget=budget,
    )
    welcome = {
        seat: tuple(inviter for inviter in inviters if not declines(seat, inviter))
        for seat, inviters in by_target(invitations).items()
    }
    asked = {
        seat: Accept(invited_by=inviters)
        for seat, inviters in welcome.items()
        if inviters
    }
    accepted = await stage.collect(asked, budget=budget)
    return pairs(invitations, accepted)


def by_target(invitations: Mapping[str, Invitation]) -> dict[str, tuple[str, ...]]:
    """Who was invited, and by whom, in the order of the invitations."""
    inviters: dict[str, tuple[str, ...]] = {}
    for seat, invitation in invitations.items():
        if invitation.to is not None:
            inviters[invitation.to] = (*inviters.get(invitation.to, ()), seat)
    return inviters


def pairs(
    invitations: Mapping[str, Invitation], accepted: Mapping[str, Acceptance]
) -> list[tuple[str, str]]:
    """
    The conversations of a round, the inviter first.

    Two who have invited and accepted each other have one conversation, not two.
    """
    found: dict[frozenset[str], tuple[str, str]] = {}
    for seat, invitation in invitations.items():
        host = invitation.to
        if host is not None and host in accepted and seat in accepted[host].accept:
            found.setdefault(frozenset((seat, host)), (seat, host))
    return list(found.values())
