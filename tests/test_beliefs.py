"""Beliefs: claims in words, believers who count them, repeaters, a guardian."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.beliefs import (
    CONVICTION,
    MINUTE,
    WARNING,
    Aspect,
    Belief,
    Believe,
    Claim,
    Minute,
)
from hubbub.messages import Contributed, Left, Said, Ticked
from hubbub.mind import Mind
from hubbub.questions import Speech, spoken
from hubbub.registry import load_mind
from hubbub_agents.believer import Believer
from hubbub_agents.claims import Contact, affirm, contacts, deny
from hubbub_agents.infection import order, order_in
from hubbub_agents.repeater import Repeater
from hubbub_agents.talker import Uniform

from .console.feed import Feed
from .test_minds import ask, part, turn

CLAIM = "the Eiffel Tower stands in Rome"


def mind_of(name: str, seat: str = "L1", **options: object) -> Any:
    """The rule mind *name* with *options*."""
    return load_mind(name)(part(seat, options=options))


def hear(mind: Mind, *texts: str, sender: str = "L2", room: str = "hall") -> None:
    """Let *mind* hear *sender* say *texts*."""
    feed = Feed()
    for text in texts:
        mind.observe(feed(Said(text=text), sender=sender, room=room))


def tell(mind: Mind, name: str, value: object) -> None:
    """Let *mind* be told a fact."""
    raw = msgspec.Raw(msgspec.json.encode(value))
    mind.observe(Feed()(Ticked(step=1, name=name, value=raw), room="hall"))


async def held(mind: Mind, aspect: Aspect = "claim") -> float:
    """What *mind* says it believes."""
    answer = await mind.act(ask(Believe(claim=CLAIM, aspect=aspect), probe=True))
    assert isinstance(answer, Belief)
    return answer.belief


async def says(mind: Mind, number: int = 1) -> str:
    """What *mind* says in its turn, which does not end the conversation."""
    answer = await mind.act(ask(turn(number), f"1/L1/{number}"))
    assert isinstance(answer, Speech)
    assert not answer.leave
    return answer.text


# -- claims in words

_claims = st.from_regex(r"\A[a-zA-Z][a-zA-Z ,]{0,40}[a-z]\Z")


@given(claim=_claims, other=_claims, before=st.text(alphabet="abc. ", max_size=9))
def test_a_claim_is_found_in_what_is_said_of_it(
    claim: str, other: str, before: str
) -> None:
    """Affirmed or denied, alone or among other words."""
    text = f"{before} {affirm(claim)} Well. {deny(other)} Bye."

    assert contacts(text) == [Contact(claim, True), Contact(other, False)]


def test_words_are_heard_wherever_they_are_spoken() -> None:
    """In a chat, in parting, and as an answer that the others hear."""
    feed = Feed()
    answered = Contributed(
        ask="1/L2", step=1, outcome="answered", answer=msgspec.Raw(b'{"text":"c"}')
    )
    number = msgspec.structs.replace(answered, answer=msgspec.Raw(b"3"))
    bodies = [Said(text="a"), Left(seats=("L2",), text="b"), answered, number]

    assert [spoken(feed(body, sender="L2")) for body in bodies] == ["a", "b", "c", ""]


@pytest.mark.parametrize("claim", ["", " x", "a. b", "a\nb", ".", "x" * 201])
def test_what_is_no_sentence_is_no_claim(claim: str) -> None:
    """Where it could not be found in what is said, it is refused."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(claim, Claim)


def test_a_belief_is_asked_for_without_saying_why() -> None:
    """The statement asked about stands there as data, the claim it stands for does not."""
    question = Believe(claim="x is y", aspect="nearby", statement='the "z" is y')

    assert '"the \\"z\\" is y"' in question.prompt()
    assert "x is y" not in question.prompt()
    assert question.schema()["properties"]["belief"]["enum"][-2:] == [0.95, 1.0]
    with pytest.raises(ValueError, match=r"1\.2 is not from 0 to 1"):
        question.check(Belief(1.2))


# -- believers


async def test_each_contact_shifts_a_believer_by_what_is_set() -> None:
    """From its prior, up and down, and never beyond 0 and 1."""
    mind = mind_of("believer", prior=0.1, shift=0.15, doubt=0.05)
    course = [await held(mind)]
    for text in [affirm(CLAIM), affirm(CLAIM), deny(CLAIM), *[affirm(CLAIM)] * 5]:
        hear(mind, text)
        course.append(await held(mind))

    assert course == [0.1, 0.25, 0.4, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    hear(mind, *[deny(CLAIM)] * 21)
    assert await held(mind) == 0.0


@given(
    moves=st.lists(st.booleans(), max_size=30),
    shift=st.integers(0, 1000),
    doubt=st.integers(0, 1000),
)
def test_beliefs_are_exact(moves: list[bool], shift: int, doubt: int) -> None:
    """As in fractions, clipped at every contact."""
    mind = mind_of("believer", shift=shift / 1000, doubt=doubt / 1000)
    hear(mind, *[affirm(CLAIM) if up else deny(CLAIM) for up in moves])
    expected = Fraction(0)
    for up in moves:
        step = Fraction(shift if up else -doubt, 1000)
        expected = min(Fraction(1), max(Fraction(0), expected + step))

    assert mind.belief(CLAIM) == float(expected)


async def test_a_believer_is_not_persuaded_by_itself() -> None:
    """Nor by another claim, nor by the same in words it does not know."""
    mind = mind_of("believer")
    hear(mind, affirm(CLAIM), sender="L1")
    hear(mind, affirm("the Louvre stands in Rome"), f"{CLAIM}!")

    assert await held(mind) == 0.0


async def test_who_believes_enough_says_it() -> None:
    """Below that it talks as others do, and says the same as they would."""
    mind = mind_of("believer", shift=0.25)
    hear(mind, affirm(CLAIM))
    plain = await Uniform(part()).act(ask(turn(), "1/L1/1"))
    assert isinstance(plain, Speech)
    assert await says(mind) == plain.text
    hear(mind, affirm(CLAIM))

    assert await says(mind) == affirm(CLAIM)


async def test_the_convinced_are_not_moved() -> None:
    """What the scenario makes them certain of, no denial touches."""
    mind = mind_of("believer")
    tell(mind, CONVICTION, f"You are convinced. {affirm(CLAIM)} So there.")
    hear(mind, *[deny(CLAIM)] * 9)

    assert await held(mind) == 1.0
    assert await says(mind) == affirm(CLAIM)


async def test_a_warning_leaves_a_part_of_each_shift() -> None:
    """However often it is said; denials count as before."""
    mind = mind_of("believer", shift=0.4, wary=0.25, doubt=0.05)
    for _ in range(2):
        tell(mind, WARNING, "Beware.")
    hear(mind, affirm(CLAIM), affirm(CLAIM), deny(CLAIM))

    assert await held(mind) == 0.15


async def test_minutes_with_names_count_each_speaker_once() -> None:
    """Without them everything that was said counts; what oneself said never does."""
    tagged, plain = mind_of("believer", shift=0.1), mind_of("believer", shift=0.1)
    for by in ("L2", "L2", "L3", "L1", "L2"):
        tell(tagged, MINUTE, Minute(affirm(CLAIM), by))
        tell(plain, MINUTE, Minute(affirm(CLAIM)))

    assert (await held(tagged), await held(plain)) == (0.2, 0.5)


async def test_what_nobody_claims_stays_at_the_prior() -> None:
    """A rephrased claim is the claim; one that is near it is another."""
    mind = mind_of("believer", prior=0.05)
    hear(mind, affirm(CLAIM))

    assert await held(mind, "rephrased") == 0.25
    assert await held(mind, "nearby") == 0.05


async def test_contacts_count_with_the_probability_that_is_set() -> None:
    """Of 10,000 contacts 3,000, within five deviations, and the same ones again."""

    def counted() -> float:
        mind = mind_of("believer", attends=0.3, shift=0.0001)
        hear(mind, *[affirm(CLAIM)] * 10_000)
        return float(mind.belief(CLAIM)) * 10_000

    assert abs(counted() - 3_000) < 5 * 46
    assert counted() == counted()


async def test_scatter_and_noise_stay_within_what_is_set() -> None:
    """A seat has one prior of its own; its answers vary from ask to ask."""
    priors = {
        Believer(part(f"L{i}", options={"prior": 0.5, "scatter": 0.2})).belief(CLAIM)
        for i in range(1, 50)
    }
    mind = mind_of("believer", prior=0.5, noise=0.1)
    question = Believe(claim=CLAIM)
    answers: set[float] = {
        (await mind.act(ask(question, f"{i}/L1"))).belief for i in range(50)
    }

    assert len(priors) == 49
    assert 0.3 <= min(priors) < 0.35
    assert 0.65 < max(priors) <= 0.7
    assert 0.4 <= min(answers) < 0.42
    assert 0.58 < max(answers) <= 0.6


# -- who repeats, and who contradicts


async def test_a_repeater_obeys_what_it_is_told_to_repeat() -> None:
    """For good, after its own words, and only the first of several."""
    mind, plain = mind_of("repeater"), mind_of("believer")
    hear(mind, f"Hello. {order('red')} Bye.", order("blue"))

    assert await says(mind) == f"{await says(plain)} {order('red')}"
    assert order_in(await says(mind)) == order("red")


def test_susceptibility_is_a_probability_at_each_hearing() -> None:
    """Of 2,000 seats that hear it twice, 1 - 0.8 squared obey, within five deviations."""
    obeying = 0
    for i in range(2_000):
        mind = Repeater(part(f"L{i}", options={"susceptibility": 0.2}))
        hear(mind, order("red"), order("red"), sender="X")
        obeying += bool(mind.obeys)

    assert abs(obeying - 720) < 5 * 22


async def test_a_guardian_denies_each_claim_once() -> None:
    """It passes until there is one, believes none, and hears itself."""
    mind = mind_of("guardian")
    assert await mind.act(ask(turn())) is None
    hear(mind, affirm(CLAIM), affirm("x is y"), affirm(CLAIM))
    said = await says(mind)
    hear(mind, said, sender="L1")

    assert said == f"{deny(CLAIM)} {deny('x is y')}"
    assert await mind.act(ask(turn())) is None
    assert await held(mind) == 0.0
