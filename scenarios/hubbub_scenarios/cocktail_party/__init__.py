"""
The cocktail party: who talks with whom, when nobody says with whom to talk.

After Lai et al., "Evolving AI Collectives to Enhance Human Diversity and Enable
Self-Regulation" (arXiv 2402.12590), section 2 and appendix A: ten agents without roles
or goals, thirty rounds of invitation, acceptance and one-on-one conversation.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hubbub.journal import Line
from hubbub.questions import Accept, Acceptance, Invitation, Invite
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage


class Talk(NamedTuple):
    """One conversation of a party: in which round, the inviter first, and the words."""

    round: int
    pair: tuple[str, str]
    lines: tuple[Line, ...]


@scenario(mind="reinforcement", seats=10, least=2, newcomers=True)
async def cocktail_party(
    stage: Stage, rounds: Count = 30, turns: Count = 6, budget: Seconds = 60.0
) -> None:
    """
    A party. In every round each guest may invite one other to a conversation between
    two, then may accept any of the invitations it got. There are no roles and no aims;
    talk about whatever you like, for as long as you like.

    A conversation ends when one of the two leaves and the other has had a last word, or
    when each has spoken *turns* times.  *budget* is a guest's time in seconds to invite,
    to accept, and for each turn.
    """
    await party(stage, None, rounds=rounds, turns=turns, budget=budget)


async def party(
    stage: Stage,
    guests: Sequence[str] | None,
    *,
    rounds: int,
    turns: int,
    budget: float,
) -> list[Talk]:
    """
    Hold a party; its conversations, in the order they were arranged.

    It is held among *guests*, or where these are None, in each round among all who are
    there when it begins.
    """
    talks: list[Talk] = []
    async for number in stage.rounds(rounds):
        here = stage.seats if guests is None else guests
        arranged = await mingle(stage, here, number, rounds, budget)
        held = await stage.chats(arranged, turns=turns, budget=budget)
        talks += map(Talk, [number] * len(held), arranged, held)
    return talks


async def mingle(
    stage: Stage, guests: Sequence[str], round: int, rounds: int, budget: float
) -> list[tuple[str, str]]:
    """Have *guests* invite and accept each other; the pairs that come of it."""
    invitations = await stage.collect(
        {
            seat: Invite(
                round=round,
                rounds=rounds,
                others=tuple(guest for guest in guests if guest != seat),
            )
            for seat in guests
        },
        budget=budget,
    )
    asked = {
        seat: Accept(invited_by=inviters)
        for seat, inviters in by_target(invitations).items()
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
