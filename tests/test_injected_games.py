"""Games into which an adversary comes while they go on: numbers to the cent and digit."""

import pytest

from hubbub.measures.effect import effect
from hubbub.messages import Message
from hubbub.population import Cast, Group, Injection, Population
from hubbub.virtual import simulate
from hubbub_agents.adversaries.persuader import CLAIM
from hubbub_agents.claims import affirm
from hubbub_scenarios.poisoning import Infection
from hubbub_scenarios.public_goods import Played

from .leaping import in_no_time
from .test_injections import in_round, injecting, live
from .test_public_goods import results

#: It is asked for in round 2, comes with the third, and plays from the fourth on.
RIDER = Injection(id="i1", mind="free-rider", at="round:3")
#: Each gives what the others gave on average: two of three give it again, the third nothing.
GIFTS = [100.0, 100.0, 100.0, 100.0, 66.67, 44.45, 29.63, 19.75]


def commons(*injections: Injection) -> Cast:
    """Three conditional co-operators, who all play together, and who comes besides."""
    return Cast(
        Population(
            scenario="public-goods",
            seed=2,
            parameters={"rounds": len(GIFTS), "players": 4},
            seats=(Group(count=3, mind="conditional"),),
            inject=injections,
        )
    )


def chain(*injections: Injection) -> Cast:
    """A party of fourteen who all give, and their chain of games, which one begins."""
    return Cast(
        Population(
            scenario="poisoning",
            seed=1,
            parameters={
                "arm": "frequent",
                "malicious": "mallory",
                "rounds": 4,
                "turns": 2,
            },
            seats=(
                Group(count=13, mind="conditional", options={"accepts": 1.0}),
                Group(names=("mallory",), mind="conditional"),
            ),
            inject=injections,
        )
    )


#: It is trusted until the second round of the party, and gives nothing then.
TURNED = Injection(surface="compromise", names=("mallory",), mind="flip", at="round:2")


def gifts(messages: list[Message]) -> list[dict[str, float]]:
    """Who gave what, game by game."""
    return [played.gave for played in results(messages, "game", Played)]


def expected() -> list[dict[str, float]]:
    """By hand: the rider is there from the fourth game on, and gives nothing."""
    return [
        dict.fromkeys(("L1", "L2", "L3"), gift) | ({"L4": 0.0} if place > 3 else {})
        for place, gift in enumerate(GIFTS, 1)
    ]


def test_a_declared_free_rider_wears_giving_down() -> None:
    """100, then two thirds of what was given last, to the cent."""
    assert gifts(simulate(commons(RIDER))) == expected()


@in_no_time
async def test_an_operators_free_rider_does_the_same() -> None:
    """Asked for while round 2 goes on, for the next one: the same gifts."""
    cast = commons()
    messages = await live(cast, in_round(2, injecting(cast, RIDER)))

    assert gifts(messages) == expected()


def test_what_it_took_is_the_difference_of_the_twins() -> None:
    """Nothing before its first game, then a third, five ninths and so on of 100."""
    found = effect(simulate(commons(RIDER)), simulate(commons()))
    (gift,) = found.outcomes

    assert gift.outcome == "gift"
    assert [round(change.effect, 2) for change in gift.changes] == [
        round(amount - 100, 2) for amount in GIFTS
    ]
    assert {spill.distance: spill.seats for spill in gift.spill} == {
        0: ("L4",),
        1: ("L1", "L2", "L3"),
    }
    # Five games with it, of which the last one's gift could not know.
    assert {e.seat: (e.heard, e.read) for e in found.seats} == {
        "L4": (0, 0)
    } | dict.fromkeys(("L1", "L2", "L3"), (5, 4))


@pytest.mark.parametrize(
    ("injections", "change"), [((TURNED,), -100.0), ((), 0.0)], ids=["turned", "twin"]
)
def test_a_trusted_member_that_turns_infects_the_chain(
    injections: tuple[Injection, ...], change: float
) -> None:
    """P1 gives 100 against 0 and then 0, and so does P2; in the twin all give all."""
    found = results(simulate(chain(*injections)), "infection", Infection)

    assert [(i.order, i.before, i.change) for i in found] == [
        (1, 100.0, change),
        (2, 100.0, change),
    ]


def test_the_infection_goes_down_the_chain() -> None:
    """Game by game: P1 meets it, then P2 meets P1's nothing, then P3 that of P2."""
    present, absent = simulate(chain(TURNED)), simulate(chain())
    (line,) = results(present, "chain", list[str])
    found = effect(present, absent, outcomes=["gift"])
    (gift,) = found.outcomes

    assert [dict(change.by_seat) for change in gift.changes] == [
        {line[1]: 0.0},
        {line[1]: -100.0, line[2]: 0.0},
        {line[2]: -100.0, line[3]: 0.0},
    ]
    assert gift.last == {line[1]: -100.0, line[2]: -100.0, line[3]: 0.0}


# -- a false fact


def village(*injections: Injection) -> Cast:
    """Nine believers in two groups of five, of which L5 goes on; nobody is convinced."""
    return Cast(
        Population(
            scenario="knowledge-flooding",
            seed=4,
            parameters={"shuffled": False},
            seats=(Group(count=9, mind="believer"),),
            inject=injections,
        )
    )


#: It speaks last in the second round, and says the claim then and from then on.
CLAIMANT = Injection(
    surface="compromise",
    names=("L5",),
    mind="false-belief",
    options={"claim": affirm(CLAIM)},
    at="round:2",
)


def test_a_turned_carrier_floods_a_group_that_was_never_there() -> None:
    """
    By hand: L1 to L4 hear it twice, 0.4, and say nothing of it; the newcomers hear it once a
    round, are at 0.6 in the third one, and say it to each other: 1.  In the twin all are at 0.
    """
    found = effect(simulate(village(CLAIMANT)), simulate(village()))
    (belief,) = found.outcomes
    first, fresh = (("L1", "L2", "L3", "L4"), ("L6", "L7", "L8", "L9"))

    assert [
        (change.by_seat["L1"], change.by_seat["L9"]) for change in belief.changes
    ] == [(0, 0), (0.2, 0), (0.4, 0), (0.4, 0.2), (0.4, 0.4), (0.4, 1)]
    assert belief.changes[-1].effect == pytest.approx(0.7)
    assert dict(belief.changes[-1].by_seat) == dict.fromkeys(
        first, 0.4
    ) | dict.fromkeys(fresh, 1.0)


def test_who_came_to_say_it_heard_it_from_those_before() -> None:
    """L6 has it from L5 alone; who speaks after it may have it from each one before."""
    (lineage,) = effect(simulate(village(CLAIMANT))).lineages

    assert {c.seat: c.sources for c in lineage.carriers} == {
        "L5": (),
        "L6": ("L5",),
        "L7": ("L5", "L6"),
        "L8": ("L5", "L6", "L7"),
        "L9": ("L5", "L6", "L7", "L8"),
    }
    assert [g.carriers for g in lineage.generations] == [1, 4]
    assert lineage.silent == ("L1", "L2", "L3", "L4")
