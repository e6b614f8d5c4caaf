"""Public goods and poisoning: money to the cent, rules of giving, chains of infection."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.dilemmas import (
    Contribute,
    ContributeAloud,
    Gift,
    Payoff,
    cents,
    settle,
)
from hubbub.errors import BadPopulation, first_error
from hubbub.journal import Line
from hubbub.messages import Message, Resulted, Said, Ticked
from hubbub.mind import Mind, Unparsed
from hubbub.population import Cast, Group, Population
from hubbub.registry import load_mind
from hubbub.verdict import read_answer
from hubbub_agents.talker import Uniform
from hubbub_scenarios.cocktail_party import Talk
from hubbub_scenarios.poisoning import Infection
from hubbub_scenarios.poisoning.histories import Account, account, renamed
from hubbub_scenarios.public_goods import Played

from .leaping import in_no_time
from .playing import Scribe, play
from .test_minds import ask, part
from .test_scenarios import dyads

T = TypeVar("T")

MONEY = st.integers(0, 10_000).map(lambda amount: amount / 100)


def results(messages: Sequence[Message], name: str, form: type[T]) -> list[T]:
    """What the scenario declared under *name*."""
    return [
        msgspec.json.decode(m.body.value, type=form)
        for m in messages
        if isinstance(m.body, Resulted) and m.body.name == name
    ]


def game(**changes: object) -> Contribute:
    """A game of two, at $100 and 1.3."""
    told = {"game": 1, "players": 2, "endowment": 100.0, "multiplier": 1.3}
    return msgspec.convert(told | changes, Contribute)


def payoffs(
    *gifts: float, named: bool = True, reveal: bool = True
) -> dict[str, Payoff]:
    """What L1, L2 and so on are told of a game with these *gifts*."""
    gave = {f"L{place}": gift for place, gift in enumerate(gifts, 1)}
    return settle(
        dict.fromkeys(gave, 1),
        gave,
        endowment=100.0,
        multiplier=1.3,
        named=named,
        reveal=reveal,
    )


def told(mind: Mind, payoff: Payoff) -> None:
    """Let *mind* observe *payoff*."""
    value = msgspec.Raw(msgspec.json.encode(payoff))
    mind.observe(Scribe().write(Ticked(step=1, name="payoff", value=value), room="@L1"))


async def gift(mind: Mind, question: Contribute | None = None) -> float:
    """What *mind* gives."""
    answer = await mind.act(ask(question or game()))
    assert isinstance(answer, Gift)
    return answer.amount


def giver(name: str, **options: object) -> Mind:
    """A rule mind in seat L1."""
    return load_mind(name)(part(options=options))


# -- money


@pytest.mark.parametrize(
    ("gifts", "gains"),
    [((100, 100), (30, 30)), ((0, 0), (0, 0)), ((100, 0), (-35, 65))],
)
def test_payoffs_are_those_of_the_paper(
    gifts: tuple[float, float], gains: tuple[float, float]
) -> None:
    """All in is 130 each, nothing 100 each, all against nothing 65 and 165."""
    told = payoffs(*gifts)

    assert (told["L1"].gain, told["L2"].gain) == gains


@given(gifts=st.lists(MONEY, min_size=2, max_size=7))
def test_the_pot_betrays_what_the_others_gave(gifts: list[float]) -> None:
    """Their mean to the cent, also where nobody is told who gave what."""
    told = payoffs(*gifts, reveal=False)
    others = sum(map(cents, gifts[1:])) / (len(gifts) - 1)

    assert abs(cents(told["L1"].others("L1")) - others) <= 1
    assert told["L1"].gave == {"L1": gifts[0]}


@pytest.mark.parametrize("amount", [-1, 100.01, 33.333, float("nan")])
def test_a_gift_beyond_the_endowment_or_below_a_cent_is_refused(amount: float) -> None:
    """Nothing is rounded to something a player has not said."""
    with pytest.raises(ValueError, match=r"\$"):
        game().check(Gift(amount))


def test_an_answer_in_words_has_its_reason() -> None:
    """The last amount counts, and the words before it are kept."""
    question = ContributeAloud(game=1, players=2, endowment=100, multiplier=1.3)
    said = "They may CONTRIBUTE $0. I trust them.\nCONTRIBUTE $40.50"
    answer, _ = read_answer(Unparsed(said), ask(question))

    assert answer == Gift(40.5, ". I trust them.")
    assert "CONTRIBUTE $12" in question.prompt()


# -- rules of giving


async def test_the_generous_and_the_free_rider_do_not_look_back() -> None:
    """Whatever they are told, one gives all and the other nothing."""
    for name, amount in (("altruist", 100.0), ("free-rider", 0.0)):
        mind = giver(name)
        told(mind, payoffs(100, 0)["L1"])

        assert await gift(mind) == amount


async def test_a_conditional_cooperator_gives_what_others_gave_last() -> None:
    """To the cent, and its first share before it has seen anything."""
    mind = giver("conditional", first=0.6)
    assert await gift(mind) == 60.0
    told(mind, payoffs(60, 12.34, 0, reveal=False)["L1"])

    assert await gift(mind) == 6.17


async def test_grim_forgives_nothing() -> None:
    """One game below its own share, and it never gives again."""
    mind = giver("grim")
    told(mind, payoffs(100, 100)["L1"])
    assert await gift(mind) == 100.0
    told(mind, payoffs(100, 99)["L1"])
    told(mind, payoffs(0, 100)["L1"])

    assert await gift(mind) == 0.0


async def test_tit_for_tat_answers_the_partner_and_not_the_world() -> None:
    """What L2 did to it is no reason to be stingy with L3."""
    mind = giver("tit-for-tat")
    told(mind, payoffs(100, 20)["L1"])

    assert await gift(mind, game(partners=("L2",))) == 20.0
    assert await gift(mind, game(partners=("L3",))) == 100.0


async def test_an_imitator_does_as_the_richest() -> None:
    """Who gave least has earned most."""
    mind = giver("imitator")
    told(mind, payoffs(100, 70, 10)["L1"])

    assert await gift(mind) == 10.0


async def test_givers_talk_as_others_do() -> None:
    """They can be guests of a party, with a talker's options."""
    mind = giver("conditional", leaves=1.0)

    assert isinstance(mind, Uniform)
    with pytest.raises(BadPopulation, match="leavs"):
        giver("conditional", leavs=1.0)


# -- games


def cast(scenario: str, *groups: Group, seed: int = 1, **parameters: object) -> Cast:
    """A game with these seats."""
    return Cast(
        Population(scenario=scenario, seed=seed, parameters=parameters, seats=groups)
    )


@in_no_time
async def test_groups_play_every_round_and_nobody_twice() -> None:
    """Five seats in twos: one sits out, and it is not always the same."""
    group = Group(count=5, mind="altruist")
    played = results(await play(cast("public-goods", group, rounds=20)), "game", Played)
    out = {
        5 * 6 // 2 - sum(int(s[1:]) for g in played[i : i + 2] for s in g.gave)
        for i in range(0, 40, 2)
    }

    assert len(played) == 40
    assert all(game.payoffs == dict.fromkeys(game.gave, 130.0) for game in played)
    assert len(out) > 2


@in_no_time
async def test_a_game_with_a_missing_gift_pays_nobody() -> None:
    """No gift is made up, and nobody is told a payoff that is none."""
    groups = Group(names=("A",), mind="altruist"), Group(names=("B",), mind="silent")
    messages = await play(cast("public-goods", *groups))
    (played,) = results(messages, "game", Played)

    assert played.gave == {"A": 100.0}
    assert played.payoffs == {}
    assert played.outcomes == {"A": "answered", "B": "passed"}
    assert not [m for m in messages if m.kind == "tick"]


# -- infection


def society(mind: str, seed: int = 1, **parameters: object) -> Cast:
    """Thirteen ordinary seats and mallory, who gives nothing."""
    ordinary = Group(count=13, mind=mind, options={"accepts": 1.0})
    malicious = Group(names=("mallory",), mind="free-rider")
    told = {"malicious": "mallory", "rounds": 6, "turns": 2} | parameters
    return cast("poisoning", ordinary, malicious, seed=seed, **told)


def acquainted(messages: Sequence[Message]) -> set[frozenset[str]]:
    """Who has talked with whom."""
    return set(map(frozenset, dyads(list(messages))))


@in_no_time
async def test_a_free_rider_infects_conditional_cooperators_to_the_cent() -> None:
    """
    P1 gives 100 against 0 and then 0; P2 gives 100 against that 0 and then 0.

    By hand: each copies the last partner, so the zero travels down the chain whole.
    """
    messages = await play(society("conditional"))
    games = results(messages, "game", Played)
    found = results(messages, "infection", Infection)

    assert [sorted(g.gave.values()) for g in games] == [[0, 100], [0, 100], [0, 100]]
    assert [sorted(g.payoffs.values()) for g in games] == [[65, 165]] * 3
    assert [(i.order, i.before, i.after, i.change) for i in found] == [
        (1, 100.0, 0.0, -100.0),
        (2, 100.0, 0.0, -100.0),
    ]


@in_no_time
async def test_a_stingy_gift_is_passed_on_to_the_cent() -> None:
    """$33.33 is what P1 was given, then what P2 was given: 66.67 less for both."""
    ordinary = Group(count=13, mind="conditional")
    half = Group(names=("half",), mind="conditional", options={"first": 0.3333})
    messages = await play(cast("poisoning", ordinary, half, malicious="half", rounds=1))

    changes = [i.change for i in results(messages, "infection", Infection)]
    assert changes == [-66.67, -66.67]


@in_no_time
async def test_without_poison_nobody_is_infected() -> None:
    """The control: an ordinary seat begins the chain."""
    ordinary = Group(count=14, mind="conditional")
    messages = await play(cast("poisoning", ordinary, rounds=1))

    assert [i.change for i in results(messages, "infection", Infection)] == [0.0, 0.0]


@in_no_time
async def test_a_grim_chain_is_infected_by_its_second_order_too() -> None:
    """P1 turns to nothing, and P2 after it; altruists do not."""
    grim = results(await play(society("grim")), "infection", Infection)
    kind = results(await play(society("altruist")), "infection", Infection)

    assert [i.change for i in grim] == [-100.0, -100.0]
    assert [i.change for i in kind] == [0.0, 0.0]


@in_no_time
async def test_frequent_partners_have_met_and_never_met_ones_have_not() -> None:
    """The chain follows the party's conversations, or avoids them."""
    for arm, fits in (("frequent", True), ("never-met", False)):
        messages = await play(society("conditional", arm=arm, seed=3))
        (line,) = results(messages, "chain", list[str])
        met = acquainted(messages)
        pairs = [frozenset(pair) for pair in pairwise(line[1:])]

        assert all((pair in met) == fits for pair in pairs)


@in_no_time
async def test_a_member_that_turns_meets_its_closest_friend_first() -> None:
    """It was at the party, and begins with whom it met most."""
    messages = await play(society("altruist", arm="frequent", place="member"))
    (line,) = results(messages, "chain", list[str])

    assert frozenset(line[:2]) in acquainted(messages)


@in_no_time
async def test_doses_and_clean_games_come_before_the_chain() -> None:
    """Two clean games, three with the poison, then the chain of two."""
    messages = await play(society("altruist", doses=3, clean=2))
    games = results(messages, "game", Played)
    (line,) = results(messages, "chain", list[str])

    with_poison = [place for place, g in enumerate(games) if "mallory" in g.gave]
    assert (len(games), with_poison) == (7, [2, 3, 4])
    assert all(line[1] in g.gave for g in games[:6])


@in_no_time
@pytest.mark.parametrize("arm", ["foreign", "shuffled", "nameless", "filler"])
async def test_texts_about_a_party_are_told_to_players_who_were_not_there(
    arm: str,
) -> None:
    """As many characters in every arm, and nobody else hears them."""
    messages = await play(society("conditional", arm=arm))
    (line,) = results(messages, "chain", list[str])
    told = [m for m in messages if isinstance(m.body, Said) and m.room[0] == "@"]
    guests = {seat for pair in acquainted(messages) for seat in pair}

    assert {m.room for m in told} == {f"@{seat}" for seat in line[1:]}
    assert not guests & set(line)


def test_names_are_changed_where_they_are_words() -> None:
    """L1 is not in L10, and a reader finds itself in its hero's place."""
    names = {"L1": "F1", "L10": "F2"}

    assert renamed("L1 and L10, not L11: L1's", names) == "F1 and F2, not L11: F1's"


def test_a_shuffled_text_has_the_same_lines() -> None:
    """Only their order is another; filler has the same lengths."""
    lines = tuple(Line(f"L{i % 2 + 1}", f"word {i}") for i in range(20))
    talks = [Talk(1, ("L1", "L2"), lines), Talk(1, ("L3", "L4"), (Line("L3", "no"),))]

    def text(kind: Account) -> list[str]:
        return account(kind, "L1", talks, {"L1": "F1"}, random.Random(1))

    assert sorted(text("shuffled")) == sorted(text("foreign"))
    assert text("shuffled") != text("foreign")
    assert text("foreign")[0] == "F1: word 0"
    assert list(map(len, text("filler"))) == list(map(len, text("foreign")))
    assert text("nameless")[0] == "word 0"


@in_no_time
async def test_too_few_seats_are_named_before_anybody_plays() -> None:
    """The words say how many a chain needs."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await play(cast("poisoning", Group(count=6, mind="altruist")))

    assert "a chain of 3 needs 3 at the party" in str(first_error(caught.value))
