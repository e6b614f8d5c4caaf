"""What stand-ins say is an answer, made up or in the shape of what a model said."""

import random
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import ModelError
from hubbub.messages import Remembered
from hubbub.mind import Ask, Question
from hubbub.models.base import Reply, Request, Sampling, View
from hubbub.questions import Accept, Invite, Turn
from hubbub.standins import Guide, StandIn, filler, imagined, is_legal

SEATS = ("ann", "bob", "cleo")
LEGAL = {
    Turn: '{"text":"So it is.","leave":false}',
    Invite: '{"to":"bob"}',
    Accept: '{"accept":["bob"]}',
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with everything that a schema has."""

    why: Annotated[str, msgspec.Meta(min_length=3, max_length=400)]
    whom: str | None
    how: Literal["kindly", "firmly"]
    coins: Annotated[int, msgspec.Meta(ge=0, le=10)]
    share: Annotated[float, msgspec.Meta(ge=0.5, le=0.9)]
    steps: Annotated[tuple[str, ...], msgspec.Meta(max_length=4)] = ()


class Planned(Question[Plan], frozen=True, kw_only=True, tag="planned"):
    """What is your plan?"""

    def check(self, answer: Plan) -> None:
        if answer.coins % 2:
            raise ValueError("an even number of coins")


class Sum(msgspec.Struct, frozen=True):
    """An answer in words."""

    coins: int


class Worded(Question[Sum], frozen=True, kw_only=True, tag="worded"):
    """How much?"""

    pattern: ClassVar[str | None] = r"GIVE \$(?P<coins>\d+)"


async def _none(request: Request, view: View) -> Reply:
    raise ModelError("not_cached", "nobody is called here")


async def _forget(memory: Remembered) -> None:
    return


def asked(question: Question[Any]) -> tuple[Request, Ask]:
    """*question* as it is put to ann, and the request that a model mind would make."""
    ask = Ask(
        id="1/ann",
        seat="ann",
        seed=1,
        question=question,
        budget=60.0,
        complete=_none,
        remember=_forget,
    )
    request = Request(
        model="test/one",
        prompts=(),
        schema=question.schema(),
        pattern=type(question).pattern,
        sampling=Sampling(max_tokens=100),
    )
    return request, ask


TURN = Turn(room="hall", others=("bob",), turn=1, turns=6)
INVITE = Invite(round=1, rounds=3, others=("bob", "cleo"))
ACCEPT = Accept(invited_by=("bob",))
each_question = pytest.mark.parametrize(
    "question",
    [TURN, INVITE, ACCEPT, Planned(), Worded()],
    ids=lambda q: type(q).__name__,
)


@each_question
def test_without_a_guide_every_question_is_answered(question: Question[Any]) -> None:
    """Whatever the schema, the pattern and the question's own check ask for."""
    request, ask = asked(question)
    for seed in range(50):
        reply = StandIn(SEATS)(request, ask, random.Random(seed))

        assert is_legal(reply.text, ask)


@given(st.integers(), st.integers(1, 400))
def test_a_guides_shape_is_kept(seed: int, length: int) -> None:
    """As much text, as many items, the same choices; the answer is legal."""
    plan = Plan(
        why="x" * max(3, length),
        whom=None,
        how="firmly",
        coins=4,
        share=0.7,
        steps=("a", "bb", "ccc"),
    )
    request, ask = asked(Planned())
    guide = Guide(msgspec.json.encode(plan).decode(), 12, legal=True)
    reply = StandIn(SEATS, [guide])(request, ask, random.Random(seed))
    said = msgspec.json.decode(reply.text, type=Plan)

    assert (said.how, said.coins, said.share, said.whom) == ("firmly", 4, 0.7, None)
    assert len(said.why) == len(plan.why)
    assert [len(step) for step in said.steps] == [1, 2, 3]
    assert reply.tokens_out == 12


def test_names_in_a_guide_are_drawn_anew() -> None:
    """Whoever was invited elsewhere, here others are there; nobody stays nobody."""
    request, ask = asked(INVITE)
    someone = StandIn(SEATS, [Guide('{"to":"ann"}', 1, legal=True)])
    nobody = StandIn(SEATS, [Guide('{"to":null}', 1, legal=True)])
    replies = {someone(request, ask, random.Random(seed)).text for seed in range(50)}

    assert replies == {'{"to":"bob"}', '{"to":"cleo"}'}
    assert nobody(request, ask, random.Random(1)).text == '{"to":null}'


def test_what_was_no_answer_is_said_again_as_it_was() -> None:
    """A model that does not listen has to be asked again, in the rehearsal too."""
    request, ask = asked(TURN)
    reply = StandIn(SEATS, [Guide("No.", 2, legal=False)])(
        request, ask, random.Random(1)
    )

    assert reply.text == "No."


def test_an_answer_in_words_is_repeated() -> None:
    """Where a pattern asks for words, the model's own are as good as any."""
    request, ask = asked(Worded())
    guide = Guide("I am generous. GIVE $7", 9, legal=True)

    assert StandIn(SEATS, [guide])(request, ask, random.Random(1)).text == guide.text


def test_words_around_an_answer_do_not_hide_its_shape() -> None:
    """A guide may have said more than it was asked for."""
    request, ask = asked(TURN)
    guide = Guide('Well: {"text":"So it is.","leave":true}', 9, legal=True)
    reply = StandIn(SEATS, [guide])(request, ask, random.Random(1))

    assert msgspec.json.decode(reply.text)["leave"] is True


def test_guides_are_followed_by_their_weights() -> None:
    """One that has no weight is not followed."""
    request, ask = asked(TURN)
    guides = [Guide("yes", 1, legal=False), Guide("no", 1, legal=False)]
    stand_in = StandIn(SEATS, guides, [0.0, 1.0])

    assert {stand_in(request, ask, random.Random(s)).text for s in range(9)} == {"no"}


@pytest.mark.parametrize("company", [0.0, 1.0])
def test_company_is_sought_or_not(company: float) -> None:
    """Without guides, at the ends: nobody goes on talking, or everybody does."""
    stand_in = StandIn(SEATS, company=company)
    turn, invite, accept = (
        msgspec.json.decode(stand_in(*asked(q), random.Random(1)).text)
        for q in (TURN, INVITE, ACCEPT)
    )

    assert turn["leave"] is not bool(company)
    assert (invite["to"] is not None) is bool(company)
    assert accept == {"accept": ["bob"] if company else []}


def test_free_texts_are_as_long_as_is_wanted_and_allowed() -> None:
    """From a letter to all the tokens of a reply, within the schema's bounds."""
    request, ask = asked(Planned())
    for length, expected in ((1, 3), (50, 50), (None, 400)):
        reply = StandIn(SEATS, length=length)(request, ask, random.Random(1))

        assert len(msgspec.json.decode(reply.text)["why"]) == expected


def test_an_imagined_reply_has_the_length_and_not_the_choices() -> None:
    """What a model did not choose in some calls may be chosen in others."""
    request, _ = asked(TURN)
    guide = Guide(LEGAL[Turn], 9, legal=True)
    found = [imagined(guide, request, SEATS, random.Random(s)) for s in range(30)]
    said = [msgspec.json.decode(one.text) for one in found]

    assert {one["leave"] for one in said} == {True, False}
    assert {len(one["text"]) for one in said} == {len("So it is.")}


def test_filler_is_as_long_as_asked() -> None:
    """To the character."""
    for length in (1, 2, 79, 1_000):
        assert len(filler(length, random.Random(length))) == length
