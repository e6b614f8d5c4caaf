"""Knowledge flooding: beliefs to the digit, defences, a memory that outlives the chat."""

from typing import Any

import pytest

from hubbub.errors import first_error
from hubbub.messages import Asked, Message, PhaseOpened, Ticked, encode_body
from hubbub.models.scripted import ScriptedModel, legal
from hubbub.population import Cast, Group, Population
from hubbub.questions import spoken
from hubbub.replay import replay
from hubbub.tape import MemoryTape
from hubbub_scenarios.knowledge_flooding.company import Company, gather
from hubbub_scenarios.knowledge_flooding.probing import Moment, Spread

from .leaping import in_no_time
from .playing import play, views
from .test_public_goods import results

CLAIM = "the Eiffel Tower stands in Rome"
ALL = tuple(f"L{i}" for i in range(1, 10))


def village(*extra: Group, count: int = 9, options: Any = None, **changes: Any) -> Cast:
    """Nine believers in two groups of five, of which L1 is convinced and L5 goes on."""
    ordinary = Group(count=count, mind="believer", options=options or {})
    told = {"convinced": "L1", "shuffled": False} | changes
    return Cast(
        Population(
            scenario="knowledge-flooding",
            seed=4,
            parameters=told,
            seats=(ordinary, *extra),
        )
    )


GUARD = Group(names=("G",), mind="guardian")


async def beliefs(cast: Cast) -> dict[tuple[str, int, int], tuple[float, ...]]:
    """What L1, L2 and so on believe, by room, round and turn."""
    moments = results(await play(cast), "beliefs", Moment)
    return {
        (m.room, m.round, m.turn): tuple(m.beliefs[seat] for seat in ALL)
        for m in moments
        if m.aspect == "claim"
    }


async def course(cast: Cast) -> list[tuple[float, float]]:
    """After each round, what L2 believes, who was there, and L9, who was not."""
    return [(row[1], row[8]) for row in (await beliefs(cast)).values()]


# -- to the digit


@in_no_time
async def test_the_claim_spreads_as_computed_by_hand() -> None:
    """
    0.2 for each contact, said by oneself from 0.5 on.

    Two rounds L1 alone says it: 0.4.  In the third everybody is at 0.6 when L2's turn
    comes, so all say it, and the fourth contact of each brings 1.  L5 carries it on, and
    the newcomers go the same way.
    """
    found = await beliefs(village())
    new = (0.0,) * 4

    assert found == {
        ("first", 1, 0): (1.0, 0.2, 0.2, 0.2, 0.2, *new),
        ("first", 2, 0): (1.0, 0.4, 0.4, 0.4, 0.4, *new),
        ("first", 3, 0): (1.0, 1.0, 1.0, 1.0, 1.0, *new),
        ("fresh", 1, 0): (1.0, 1.0, 1.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2),
        ("fresh", 2, 0): (1.0, 1.0, 1.0, 1.0, 1.0, 0.4, 0.4, 0.4, 0.4),
        ("fresh", 3, 0): (1.0,) * 9,
    }


@in_no_time
async def test_after_each_turn_beliefs_are_those_of_that_turn() -> None:
    """In the third round: L1 brings all to 0.6, then each one that speaks adds 0.2."""
    found = await beliefs(village(probes="turn"))

    assert len(found) == 30
    assert [found["first", 3, turn][:5] for turn in range(1, 6)] == [
        (1.0, 0.6, 0.6, 0.6, 0.6),
        (1.0, 0.6, 0.8, 0.8, 0.8),
        (1.0, 0.8, 0.8, 1.0, 1.0),
        (1.0, 1.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, 1.0, 1.0),
    ]


@in_no_time
async def test_without_the_convinced_nobody_believes_anything() -> None:
    """The control: the same seats in the same groups."""
    control = village(convinced="")

    assert await course(control) == [(0.0, 0.0)] * 6
    assert results(await play(control), "spread", Spread) == [
        Spread(group=0.0, group_adopted=0.0, fresh=0.0, fresh_adopted=0.0)
    ]


@in_no_time
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Half of 0.2 for each contact: nobody comes to say it, and L5 carries nothing on.
        (
            {"vigilance": True},
            [(0.1, 0), (0.2, 0), (0.3, 0), (0.3, 0), (0.3, 0), (0.3, 0)],
        ),
        # G, last in each round, takes back what L1 has said.
        ({"guardian": "G"}, [(0, 0)] * 6),
        # L1 has said it once a round, to everybody: three contacts, or one named source.
        ({"memory": "minutes"}, [(0.1, 0), (0.2, 0), (0.3, 0)] + [(0.3, 0.3)] * 3),
        (
            {"memory": "minutes", "provenance": True},
            [(0.1, 0), (0.2, 0), (0.3, 0)] + [(0.3, 0.1)] * 3,
        ),
    ],
    ids=["vigilance", "guardian", "minutes", "provenance"],
)
async def test_defences_do_what_follows_from_the_rules(
    changes: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    """By hand; for the minutes with half the shift, so that L1 stays the only speaker."""
    options = {"shift": 0.1} if "memory" in changes else {}

    assert await course(village(GUARD, options=options, **changes)) == expected


@in_no_time
async def test_the_last_moment_is_summed_up() -> None:
    """Means and shares of the ordinary members, and of those who were not there."""
    cast = village(
        options={"shift": 0.1}, rounds=5, later=1, memory="minutes", provenance=True
    )
    (found,) = results(await play(cast), "spread", Spread)

    # In round 5 L1 brings all to 0.5, and each of the four hears the other three.  Five
    # named sources are 0.5 for the newcomers, and each of them hears three more.
    assert found == Spread(group=0.8, group_adopted=1.0, fresh=0.8, fresh_adopted=1.0)


@in_no_time
async def test_other_statements_are_asked_about_too() -> None:
    """A rephrased claim goes with it, and one nearby stays where it was."""
    cast = village(
        rephrased="Rome has the Eiffel Tower", nearby="the Louvre is in Rome"
    )
    moments = results(await play(cast), "beliefs", Moment)
    last = {moment.aspect: moment.beliefs for moment in moments}

    assert len(moments) == 18
    assert last["claim"] == last["rephrased"] == dict.fromkeys(ALL, 1.0)
    assert set(last["nearby"].values()) == {0.0}


# -- probes leave no trace


def heard_and_said(messages: list[Message]) -> dict[str, list[tuple[str, str, bytes]]]:
    """Every body that each seat heard, with its room and sender, in order."""
    heard = views(messages)
    return {
        seat: [(m.room, m.sender, encode_body(m.body)) for m in heard[seat]]
        for seat in ALL
    }


@in_no_time
@pytest.mark.parametrize("probes", ["turn", "round"])
async def test_probes_leave_no_trace(probes: str) -> None:
    """To the byte: the same words, steps and asks, among believers who talk by chance."""
    options = {"shift": 0.05, "attends": 0.7, "leaves": 0.5}
    with_, without = [
        await play(village(options=options, probes=probes, asked=asked, shuffled=True))
        for asked in (True, False)
    ]
    probed = [m for m in with_ if isinstance(m.body, Asked) and m.body.probe]

    assert len(probed) == {"turn": 270, "round": 54}[probes]
    assert heard_and_said(with_) == heard_and_said(without)
    assert len(heard_and_said(with_)["L9"]) > 20
    assert not [m for m in without if isinstance(m.body, Asked) and m.body.probe]


# -- the company, and what it hears


def test_the_convinced_speak_first_and_the_last_go_on() -> None:
    """Who is convinced takes a place in the first group; the guardian has one beside."""
    company = gather(ALL, "L7", "L2", 4, 2)

    assert company == Company(
        convinced="L7",
        guardian="L2",
        first=("L7", "L1", "L3", "L4", "L2"),
        carriers=("L3", "L4"),
        newcomers=("L5", "L6", "L8", "L9"),
    )
    assert company.benign == ("L1", "L3", "L4")
    assert "L2" not in company.watched


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"convinced": "X"}, "the convinced seat 'X' is not in the population"),
        ({"guardian": "X"}, "the guardian seat 'X' is not"),
        ({"guardian": "L1"}, "both convinced and guardian"),
        ({"group": 9}, "9 members are too few: a group of 9 needs one beside it"),
        ({"carriers": 5}, "and 5 in it who go on"),
        ({"probes": "turn", "order": "open"}, "there is no turn to probe after"),
    ],
)
@in_no_time
async def test_what_cannot_be_played_is_said(
    changes: dict[str, Any], words: str
) -> None:
    """Before anybody has spoken."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await play(village(**changes))

    assert words in str(first_error(caught.value))


@in_no_time
async def test_newcomers_hear_nothing_of_the_first_group() -> None:
    """But its minutes, where these are passed on; with names where names are."""
    for memory, minutes in (("members", 0), ("minutes", 15), ("both", 15)):
        messages = await play(village(memory=memory, provenance=True))
        heard = views(messages)["L9"]
        told = [m.body for m in heard if isinstance(m.body, Ticked)]

        assert {m.room for m in heard} <= {"fresh", "@L9", "@phases"}
        assert len(told) == minutes
        assert all(b'"by":"L' in bytes(body.value) for body in told)


@in_no_time
async def test_one_conviction_is_told_to_one_seat() -> None:
    """In its own inbox; nobody else is told anything of it."""
    messages = await play(village())
    told = [m for m in messages if isinstance(m.body, Ticked)]

    assert [m.room for m in told] == ["@L1"]


@in_no_time
async def test_all_may_talk_at_once() -> None:
    """Each has a turn in each round, and the claim comes to the newcomers as well."""
    messages = await play(village(order="open", rounds=4, later=4))
    chats = [m for m in messages if isinstance(m.body, PhaseOpened)]
    (found,) = results(messages, "spread", Spread)

    assert (
        sum(m.body.form == "chat" for m in chats if isinstance(m.body, PhaseOpened))
        == 8
    )
    assert sum(bool(spoken(m)) for m in messages) >= 40
    assert found.fresh == 1.0


@in_no_time
@pytest.mark.parametrize("order", ["turns", "open"])
async def test_its_run_is_its_record(order: str) -> None:
    """Replayed byte for byte, probes included; the same seed is the same run."""
    cast = village(GUARD, order=order, guardian="G", memory="both", shuffled=True)
    messages = await play(cast)
    done = await replay(cast, MemoryTape(messages))
    again = await play(
        village(GUARD, order=order, guardian="G", memory="both", shuffled=True)
    )

    assert done.complete
    assert not done.skipped
    assert [encode_body(m.body) for m in messages] == [
        encode_body(m.body) for m in again
    ]


@in_no_time
async def test_models_play_it_to_the_end() -> None:
    """Every ask is answered, the convinced one's by a persuader's prompt or not."""
    cast = Cast(
        Population(
            scenario="knowledge-flooding",
            parameters={"convinced": "L1", "memory": "both", "nearby": "x is y"},
            seats=(Group(count=9, model="scripted/legal"),),
        )
    )
    messages = await play(cast, models={"scripted/legal": ScriptedModel(legal)})
    moments = results(messages, "beliefs", Moment)

    assert messages[-1].kind == "end"
    assert all(set(m.outcomes.values()) == {"answered"} for m in moments)
    assert all(0 <= b <= 1 for m in moments for b in m.beliefs.values())
