"""The games that come with Hubbub, and what makes a function a game."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import ScenarioFailed, first_error
from hubbub.messages import Asked, Contributed, Joined, Message, PhaseOpened, RoundBegan
from hubbub.mind import Question
from hubbub.population import Cast, Group, Population
from hubbub.questions import Accept, Acceptance, Invitation, Invite, Turn
from hubbub.registry import load_scenario
from hubbub.scenario import scenario
from hubbub.stage import Stage
from hubbub_scenarios.cocktail_party import by_target, cocktail_party, pairs
from hubbub_scenarios.open_room import open_room

from .leaping import in_no_time
from .playing import (
    Act,
    Guess,
    Number,
    Troupe,
    always,
    chatter,
    conversations,
    decline,
    play,
    seats,
)

GUESTS = ("A", "B", "C", "D")


def party(mind: str = "reinforcement", seed: int = 1, **parameters: object) -> Cast:
    """A party of five."""
    group = Group(count=5, mind=mind)
    return Cast(
        Population(
            scenario="cocktail-party",
            seed=seed,
            parameters=parameters,
            seats=(group,),
        )
    )


def dyads(messages: list[Message]) -> list[tuple[str, ...]]:
    """The conversations, each with its opener first, in the order they were opened."""
    return [
        m.body.seats
        for m in messages
        if isinstance(m.body, PhaseOpened) and m.body.form == "chat"
    ]


# -- who talks with whom


def test_invitations_are_sorted_by_whom_they_are_for() -> None:
    """In the order of the inviters; who invites nobody is in no list."""
    invitations = {
        "A": Invitation("C"),
        "B": Invitation("C"),
        "C": Invitation(None),
        "D": Invitation("A"),
    }

    assert by_target(invitations) == {"C": ("A", "B"), "A": ("D",)}


def test_who_invites_and_is_accepted_has_a_conversation() -> None:
    """The inviter is the first of the two."""
    invitations = {"A": Invitation("C"), "B": Invitation("C")}

    assert pairs(invitations, {"C": Acceptance(("B", "A"))}) == [("A", "C"), ("B", "C")]
    assert pairs(invitations, {"C": Acceptance()}) == []
    assert pairs(invitations, {}) == []


def test_two_who_invite_each_other_talk_once() -> None:
    """Opened by the one who comes first."""
    invitations = {"A": Invitation("B"), "B": Invitation("A")}
    accepted = {"A": Acceptance(("B",)), "B": Acceptance(("A",))}

    assert pairs(invitations, accepted) == [("A", "B")]


_to = st.none() | st.sampled_from(GUESTS)


@given(
    targets=st.fixed_dictionaries(dict.fromkeys(GUESTS, _to)),
    accepting=st.sets(st.tuples(st.sampled_from(GUESTS), st.sampled_from(GUESTS))),
)
def test_nobody_talks_who_did_not_agree(
    targets: dict[str, str | None], accepting: set[tuple[str, str]]
) -> None:
    """Each pair has invited and accepted, and talks once."""
    invitations = {a: Invitation(b if b != a else None) for a, b in targets.items()}
    accepted = {
        host: Acceptance(tuple(g for g in GUESTS if (host, g) in accepting))
        for host in GUESTS
    }
    found = pairs(invitations, accepted)

    assert all(invitations[a].to == b and (b, a) in accepting for a, b in found)
    assert len({frozenset(pair) for pair in found}) == len(found)
    assert len({a for a, _ in found}) == len(found)


# -- the party


@in_no_time
async def test_every_round_invites_accepts_and_talks() -> None:
    """Everybody is asked whom to invite; who was invited, whom to accept."""
    messages = await play(party(rounds=3))
    rounds = [m.body.round for m in messages if isinstance(m.body, RoundBegan)]
    forms = Counter(
        (m.body.form, m.body.what)
        for m in messages
        if isinstance(m.body, PhaseOpened) and m.body.form == "collect"
    )

    assert rounds == [1, 2, 3]
    assert forms == {("collect", "Invite"): 3, ("collect", "Accept"): 3}
    assert dyads(messages)


@in_no_time
async def test_a_conversation_is_between_two_who_take_turns() -> None:
    """The inviter begins, they alternate, and nobody has more turns than there are."""
    messages = await play(party(rounds=4, turns=3))
    rooms = conversations(messages)
    opened = {
        m.room: m.body.opener
        for m in messages
        if isinstance(m.body, PhaseOpened) and m.body.form == "chat"
    }

    assert rooms.keys() == opened.keys()
    for room, said in rooms.items():
        speakers = [speaker for speaker, _ in said]
        assert speakers[0] == opened[room]
        assert all(a != b for a, b in pairwise(speakers))
        assert max(Counter(speakers).values()) <= 3


@in_no_time
async def test_nobody_is_in_two_conversations_at_once() -> None:
    """A guest that was accepted twice talks to one after the other."""
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for message in await play(party(rounds=5)):
        if message.kind == "join":
            assert isinstance(message.body, Joined)
            for seat in message.body.seats:
                inside[seat].add(message.room)
                assert len(inside[seat]) == 1
        elif message.kind == "leave":
            seats_left: Any = message.body
            for seat in seats_left.seats:
                inside[seat].discard(message.room)


@in_no_time
async def test_an_invitation_names_all_others() -> None:
    """And nobody oneself."""
    for message in await play(party(rounds=1)):
        if isinstance(message.body, Asked):
            question = cocktail_party.question(message.body.question)
            seat = message.room.removeprefix("@")
            if isinstance(question, Invite):
                assert set(question.others) == {f"L{i}" for i in range(1, 6)} - {seat}
            else:
                assert isinstance(question, Accept)
                assert seat not in question.invited_by


@in_no_time
async def test_a_party_where_nobody_cares_ends() -> None:
    """All rounds are played, with nobody talking."""
    messages = await play(party(mind="silent", rounds=3))

    assert messages[-1].kind == "end"
    assert not dyads(messages)
    assert {m.body.outcome for m in messages if isinstance(m.body, Contributed)} == {
        "passed"
    }


@in_no_time
async def test_the_same_seed_is_the_same_party() -> None:
    """Who was asked what, who answered what, who talked and what they said."""

    def story(messages: list[Message]) -> Any:
        asks = {
            m.body.ask: bytes(m.body.answer)
            for m in messages
            if isinstance(m.body, Contributed)
        }
        return asks, dyads(messages), conversations(messages)

    first = story(await play(party(seed=3, rounds=4)))

    assert story(await play(party(seed=3, rounds=4), workers=3)) == first
    assert story(await play(party(seed=4, rounds=4))) != first


# -- the open room


def hall(minds: dict[str, Act], **parameters: object) -> Troupe:
    """An open room of *minds*."""
    troupe = Troupe(open_room, minds)
    troupe.parameters = open_room.bind(parameters)
    return troupe


@in_no_time
async def test_in_the_open_room_everybody_says_all_they_may() -> None:
    """All in one room, each as many times as it has turns."""
    messages = await play(hall(seats(6, chatter()), acts=4))
    (said,) = conversations(messages).values()

    assert Counter(speaker for speaker, _ in said) == {f"L{i}": 4 for i in range(1, 7)}


@in_no_time
async def test_an_open_room_of_one_ends() -> None:
    """There is nobody to talk to."""
    messages = await play(hall(seats(1, decline), acts=3))

    assert messages[-1].kind == "end"


# -- what a scenario is


def test_a_scenario_is_called_like_its_function() -> None:
    """With hyphens; its docstring's first paragraph is what minds are told."""
    assert cocktail_party.name == "cocktail-party"
    assert cocktail_party.rules.startswith("A party. In every round each guest may")
    assert "*turns*" not in cocktail_party.rules
    assert list(cocktail_party.parameters)[:2] == ["rounds", "turns"]
    assert load_scenario("cocktail-party") is cocktail_party


def test_a_scenario_reads_its_own_questions_and_the_common_ones() -> None:
    """Told apart by their tags."""

    @scenario(asks=[Guess])
    async def guessing(stage: Stage) -> None:
        """Guess."""

    for question in (Guess(about="x"), Accept(invited_by=("L1",))):
        encoded = msgspec.Raw(msgspec.json.encode(question))
        assert guessing.question(encoded) == question


def test_a_question_needs_an_answers_type() -> None:
    """A scenario with one that has none is refused where it is written."""

    class Vague(Question[Any], frozen=True, kw_only=True):
        """What?"""

    with pytest.raises(TypeError, match="Vague does not say its answer"):
        scenario(asks=[Vague])(cocktail_party.play)


class Hidden(Question[Number], frozen=True, kw_only=True, tag="hidden"):
    """A question that no scenario declares."""


@in_no_time
async def test_a_question_that_is_not_declared_fails_the_scenario() -> None:
    """The error names it and says how to declare it."""

    @scenario(asks=[Guess])
    async def forgetful(stage: Stage) -> None:
        """Asks what it has not declared."""
        await stage.collect(Hidden())

    with pytest.raises(ExceptionGroup) as raised:
        await play(Troupe(forgetful, seats(2, always(Number(1)))))
    error = first_error(raised.value)

    assert isinstance(error, ScenarioFailed)
    assert "asks=[" in str(error)


@in_no_time
async def test_a_scenario_that_raises_fails_with_its_step() -> None:
    """The run has not ended: mended, it goes on."""

    @scenario(asks=[Guess])
    async def clumsy(stage: Stage) -> None:
        """Fails after a question."""
        await stage.collect(Guess())
        raise ZeroDivisionError("oh")

    with pytest.raises(ExceptionGroup) as raised:
        await play(Troupe(clumsy, seats(2, always(Number(1)))))
    error = first_error(raised.value)

    assert isinstance(error, ScenarioFailed)
    assert str(error) == "clumsy raised ZeroDivisionError after step 1: oh"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
@in_no_time
async def test_a_budget_that_is_no_time_fails_the_scenario(number: float) -> None:
    """Before it is in a log that nobody could then read."""

    @scenario(asks=[Guess])
    async def endless(stage: Stage) -> None:
        """Gives no finite time."""
        await stage.collect(Guess(), budget=number)

    with pytest.raises(ExceptionGroup) as raised:
        await play(Troupe(endless, seats(2, always(Number(1)))))

    assert isinstance(first_error(raised.value), ScenarioFailed)


def test_the_common_questions_have_common_tags() -> None:
    """They are in every log; their bytes stay."""
    questions = {
        b'{"type":"turn","room":"r","others":[],"turn":1,"turns":2,"parting":false}': (
            Turn(room="r", others=(), turn=1, turns=2)
        ),
        b'{"type":"invite","round":1,"rounds":2,"others":["L2"]}': (
            Invite(round=1, rounds=2, others=("L2",))
        ),
        b'{"type":"accept","invited_by":["L2"]}': Accept(invited_by=("L2",)),
    }

    assert {e: msgspec.json.encode(q) for e, q in questions.items()} == {
        e: e for e in questions
    }
