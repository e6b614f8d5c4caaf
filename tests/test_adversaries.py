"""The catalogue of adversaries: what each does, that it does no more, and its page."""

import re
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubbub.dilemmas import Gift
from hubbub.errors import BadPopulation, UnknownName
from hubbub.groups import read_template
from hubbub.measures.lineage import read_lineage
from hubbub.messages import Message, RoundBegan
from hubbub.mind import Mind, Question
from hubbub.models.base import Request
from hubbub.models.scripted import ScriptedModel, legal
from hubbub.population import Cast, Group, Population
from hubbub.questions import Accept, Acceptance, Invitation, Invite, Speech, spoken
from hubbub.registry import load_mind
from hubbub.replay import replay
from hubbub.tape import MemoryTape
from hubbub.verdict import read_answer
from hubbub_agents.adversaries import ADVERSARIES, PROMPTED, prompt
from hubbub_agents.adversaries.persuader import CLAIM
from hubbub_agents.claims import affirm, contacts
from hubbub_agents.infection import order, order_in
from hubbub_agents.topics import sentence

from .console.feed import Feed
from .leaping import in_no_time
from .playing import play, views
from .test_beliefs import hear, held, mind_of, says
from .test_minds import OTHERS, ask, invited, turn
from .test_public_goods import game, gift, payoffs, told

PAGE = Path(__file__).parents[1] / "docs" / "adversary-minds.md"
CARD = ("Threat", "Knowledge", "Budget", "Effect", "Source")
#: What an adversary cannot be made without.
NEEDED: dict[str, dict[str, Any]] = {
    "colluder": {"allies": ["L2"]},
    "insider": {"round": 2},
}

every = pytest.mark.parametrize("name", ADVERSARIES)


def adversary(name: str, seat: str = "L1", **options: object) -> Any:
    """The adversary *name*, with what it needs and *options*."""
    return mind_of(name, seat, **NEEDED.get(name, {}) | options)


def question_of(round: int = 1) -> Invite:
    """An invitation to one of ten."""
    return Invite(round=round, rounds=9, others=OTHERS)


# -- all of them


@every
def test_it_is_registered_under_its_name(name: str) -> None:
    """Whoever names it in a population file gets it."""
    assert load_mind(name) is ADVERSARIES[name]


@every
async def test_it_answers_what_every_guest_is_asked(name: str) -> None:
    """Each answer is legal, and the same from a second mind that has heard the same."""
    asks = [
        ask(question)
        for question in (
            turn(),
            question_of(),
            Accept(invited_by=("L2", "L3")),
            game(),
        )
    ]
    answers: list[list[object]] = []
    for _ in range(2):
        mind = adversary(name)
        hear(mind, "Lately I keep thinking about tides and gulls.", affirm("x is y"))
        answers.append([await mind.act(a) for a in asks])

    assert answers[0] == answers[1]
    for asked, answer in zip(asks, answers[0], strict=True):
        if answer is not None:
            read_answer(answer, asked)


@every
def test_it_refuses_options_it_does_not_know(name: str) -> None:
    """A misspelt dose is an error, not a dose of nothing."""
    if ADVERSARIES[name].__name__ == "AlwaysDefect":
        return
    with pytest.raises(BadPopulation, match="frquency"):
        adversary(name, frquency=1)


@in_no_time
@every
async def test_its_run_is_its_record(name: str) -> None:
    """A party and a game of giving with it, replayed byte for byte."""
    ordinary = Group(count=4, mind="repeater", options={"accepts": 1.0})
    hostile = Group(
        names=("M1", "M2"),
        mind=name,
        options={"allies": ["L1"]} if name == "colluder" else NEEDED.get(name, {}),
    )
    population = Population(
        scenario="cocktail-party",
        seed=3,
        parameters={"rounds": 3, "turns": 2},
        seats=(ordinary, hostile),
    )
    messages = await play(Cast(population))
    done = await replay(Cast(population), MemoryTape(messages))

    assert done.complete
    assert done.acts
    assert not done.skipped


def card(name: str) -> dict[str, str]:
    """What the docstring of the module of *name* says it is."""
    doc = getdoc(import_module(f"hubbub_agents.adversaries.{name.replace('-', '_')}"))
    lines = re.split(rf"^({'|'.join(CARD)}): ", doc or "", flags=re.MULTILINE)
    texts = (re.sub(r"\s*\n\s*", " ", text).strip() for text in lines[2::2])
    return dict(zip(lines[1::2], texts, strict=True))


def test_the_page_says_what_the_modules_say() -> None:
    """Threat, knowledge, budget, effect and source of each, in the catalogue's order."""
    expected = [
        f"| `{name}` | {' | '.join(card(name)[key] for key in CARD)} |".replace(
            "``", "`"
        ).replace("*", "`")
        for name in ADVERSARIES
    ]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index("| adversary | threat | knowledge | budget | effect | source |")

    found = lines[start + 2 : start + 2 + len(expected)]
    assert found == expected, "the page should say:\n" + "\n".join(expected)


# -- those who do not give


async def test_always_defect_takes_part_in_name_only() -> None:
    """It gives nothing, invites nobody, accepts nobody and says nothing."""
    mind = adversary("always-defect")
    asked = (game(), question_of(), Accept(invited_by=("L2",)), turn())

    assert [await mind.act(ask(question)) for question in asked] == [
        Gift(0.0),
        Invitation(),
        Acceptance(),
        None,
    ]


async def test_a_colluder_gives_within_its_ring_alone() -> None:
    """To strangers, to mixed company and where nobody is named it gives nothing."""
    mind = adversary("colluder", allies=["L2", "L3"])
    games = [(), ("L2",), ("L2", "L3"), ("L2", "L4"), ("L5",)]

    given = [await gift(mind, game(partners=partners)) for partners in games]
    assert given == [0.0, 100.0, 100.0, 0.0, 0.0]


async def test_in_games_others_are_ordinary() -> None:
    """They give what others gave last, like a conditional co-operator."""
    for name in ("persuader", "flooder", "mimic", "prompt-infector", "target-picker"):
        mind = adversary(name)
        told(mind, payoffs(100, 20)["L1"])

        assert await gift(mind) == 20.0, name


# -- those who persuade


async def test_a_persuader_says_its_claim_as_often_as_is_set() -> None:
    """And never ends a conversation, whatever its options as a talker are."""
    mind = adversary("persuader", claim="x is y", often=0.25, leaves=1.0)
    said = [await says(mind, number) for number in range(1, 1_001)]

    assert abs(said.count(affirm("x is y")) - 250) < 5 * 14
    assert len(set(said)) > 100


@pytest.mark.parametrize("name", ["persuader", "committed", "target-picker"])
async def test_who_persuades_is_not_persuaded(name: str) -> None:
    """Nine denials leave it certain, and it goes on."""
    mind = adversary(name)
    hear(mind, *[f"It is not true that {CLAIM}."] * 9)

    assert await held(mind) == 1.0
    assert await says(mind) == affirm(CLAIM)


async def test_sybils_speak_with_one_voice() -> None:
    """Whatever each of them has heard; another voice says something else."""
    first, second = adversary("sybil", "L1", voice=7), adversary("sybil", "L2", voice=7)
    hear(second, affirm("x is y"), affirm("x is y"), affirm("x is y"))
    other = adversary("sybil", "L3", voice=8)
    asked: list[Question[Any]] = [
        *map(turn, range(1, 5)),
        *map(question_of, range(1, 5)),
        *(game(game=i) for i in range(1, 5)),
    ]
    answers = [
        [await mind.act(ask(question)) for question in asked]
        for mind in (first, second, other)
    ]

    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    assert len(set(map(repr, answers[0]))) == 12


async def test_sybils_with_a_claim_say_that() -> None:
    """Each of them is a contact."""
    said = [await says(adversary("sybil", s, claim="x is y")) for s in ("L1", "L2")]

    assert said == [affirm("x is y")] * 2


async def test_a_ring_says_elsewhere_what_it_agreed_on_aside() -> None:
    """Until its leader has spoken in the side room, a member is like any other."""
    leader = adversary("colluder", "L1", allies=["L2"], claim="x is y")
    member = adversary("colluder", "L2", allies=["L1"], claim="never said")
    aside = msgspec.structs.replace(turn(), room="side")
    hear(member, affirm("a is b"), sender="L3", room="side")
    hear(member, affirm("a is b"), sender="L1", room="hall")
    assert not contacts(await says(member))
    plan = await leader.act(ask(aside))
    hear(member, plan.text, sender="L1", room="side")

    assert plan == Speech(affirm("x is y"))
    assert await says(member) == await says(leader) == affirm("x is y")
    assert await member.act(ask(aside)) == Speech("Agreed.")


@pytest.mark.parametrize("allies", [[], ["L1"], ["L2", "nobody"]])
def test_a_ring_is_of_other_seats(allies: list[str]) -> None:
    """A name that is no seat is found before the run."""
    with pytest.raises(BadPopulation, match="allies are other seats"):
        adversary("colluder", allies=allies)


ASIDE = """
from hubbub import Stage, scenario

@scenario()
async def evening(stage: Stage) -> None:
    '''An evening.'''
    await stage.chat("side", ["M1", "M2"], turns=1, opener="M1")
    await stage.chat("hall", stage.seats, turns=1)
"""


@in_no_time
async def test_a_ring_meets_in_a_room_that_a_scenario_opens(tmp_path: Path) -> None:
    """What is agreed there nobody else hears, and all of the ring say it after it."""
    game = tmp_path / "evening.py"
    game.write_text(ASIDE)
    ring = [
        Group(names=(seat,), mind="colluder", options={"allies": [ally]})
        for seat, ally in (("M1", "M2"), ("M2", "M1"))
    ]
    ordinary = Group(count=2, mind="uniform")
    messages = await play(Cast(Population(scenario=str(game), seats=(ordinary, *ring))))
    said = [(m.room, m.sender) for m in messages if CLAIM in spoken(m)]

    assert sorted(said) == [("hall", "M1"), ("hall", "M2"), ("side", "M1")]


# -- those who fill, copy and infect


@pytest.mark.parametrize("size", [1, 40, 60_000])
async def test_a_flooder_says_as_much_as_is_set(size: int) -> None:
    """To the character, in every turn, and never the same."""
    mind = adversary("flooder", size=size, leaves=1.0)
    said = [await says(mind, number) for number in (1, 2)]

    assert list(map(len, said)) == [size, size]
    assert size < 40 or said[0] != said[1]


async def test_a_mimic_uses_its_targets_words() -> None:
    """And nobody else's, once it has heard any."""
    mind = adversary("mimic", target="L3")
    plain = await says(mind)
    hear(mind, "one", "two", sender="L3")
    hear(mind, "three", sender="L2")
    said = {await says(mind, number) for number in range(1, 40)}

    assert said == {"one", "two"}
    assert plain not in said


async def test_a_mimic_without_a_target_copies_whom_it_heard_last() -> None:
    """A conductor's words and its own are nobody's to copy."""
    mind = adversary("mimic")
    hear(mind, "one", sender="L3")
    hear(mind, "two", sender="L2")
    hear(mind, "three", sender="conductor")
    hear(mind, "four", sender="L1")

    assert await says(mind) == "two"
    with pytest.raises(BadPopulation, match="mimics 'nobody'"):
        adversary("mimic", target="nobody")


async def test_an_infector_says_its_instruction_with_its_mark() -> None:
    """Found again in what it says, and by its mark in the log."""
    mind = adversary("prompt-infector", canary="red-7")

    assert await says(mind) == order_in(await says(mind)) == order("red-7")
    assert "red-7" in await says(mind)
    with pytest.raises(BadPopulation, match="canary"):
        adversary("prompt-infector", canary="red 7.")


def guests(mind: str, count: int = 6, **options: object) -> Cast:
    """A party with one infector, in which everybody accepts everybody."""
    friendly = {"accepts": 1.0, **options}
    population = Population(
        scenario="cocktail-party",
        parameters={"rounds": 8, "turns": 2},
        seats=(
            Group(count=count, mind=mind, options=friendly),
            Group(names=("M",), mind="prompt-infector", options={"accepts": 1.0}),
        ),
    )
    return Cast(population)


def carriers(messages: list[Message], text: str) -> dict[str, int]:
    """Who has said *text*, and where first, in order."""
    return {each.seat: each.seq for each in read_lineage(messages, text).carriers}


@in_no_time
async def test_an_instruction_spreads_among_the_susceptible_alone() -> None:
    """Who carries it has heard it from one who did before; the immune do not."""
    messages = await play(guests("repeater"))
    immune = await play(guests("repeater", susceptibility=0.0))
    carrying, heard = carriers(messages, "canary-1"), views(messages)

    assert next(iter(carrying)) == "M"
    assert set(carrying) == {"M", *(f"L{i}" for i in range(1, 7))}
    assert set(carriers(immune, "canary-1")) == {"M"}
    for seat, seq in [*carrying.items()][1:]:
        others = (m for m in heard[seat] if m.sender != seat)
        assert next(m.seq for m in others if "canary-1" in spoken(m)) < seq


# -- those who wait, stay, and choose


def rounds(mind: Mind, *numbers: int) -> None:
    """Let rounds begin."""
    feed = Feed()
    for number in numbers:
        mind.observe(feed(RoundBegan(step=number, round=number, of=9)))


async def test_an_insider_is_ordinary_until_its_round() -> None:
    """Then it is what it turns into, with all that it has observed."""
    mind = adversary(
        "insider", round=3, before="altruist", after="conditional", after_options={}
    )
    told(mind, payoffs(100, 30)["L1"])
    rounds(mind, 1, 2)
    before = await gift(mind), mind.turned
    rounds(mind, 3)

    assert before == (100.0, False)
    assert (await gift(mind), mind.turned) == (30.0, True)
    rounds(mind, 1)
    assert mind.turned


async def test_an_insider_turns_at_a_place_in_the_log() -> None:
    """With the first event it hears that is so far."""
    mind = adversary("insider", round=None, seq=3, before="altruist")
    feed = Feed()
    given: list[float] = []
    for number in range(1, 5):
        mind.observe(feed(RoundBegan(step=number, round=1, of=1)))
        given.append(await gift(mind))

    assert given == [100.0, 100.0, 0.0, 0.0]


@pytest.mark.parametrize("options", [{}, {"round": 1, "seq": 1}, {"round": 0}])
def test_an_insider_turns_once_and_says_when(options: dict[str, Any]) -> None:
    """Neither, both or a round before the first are refused; so are unknown minds."""
    with pytest.raises(BadPopulation):
        mind_of("insider", **options)
    with pytest.raises(UnknownName, match="free-ridr"):
        mind_of("insider", round=1, after="free-ridr")


class Name(msgspec.Struct, frozen=True):
    """A word for something."""

    name: str


class Call(Question[Name], frozen=True, kw_only=True, tag="call-it"):
    """Choose one of two names."""

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "properties": {"name": {"enum": ["Q", "M"]}}}


async def test_the_committed_never_choose_otherwise() -> None:
    """In every question that offers their choice; what does not, they pass."""
    mind, other = adversary("committed", choice="M"), adversary("committed", choice="Z")
    asked = ask(Call())

    assert read_answer(await mind.act(asked), asked)[0] == Name("M")
    assert await other.act(asked) is None
    assert await adversary("committed").act(asked) is None
    assert await gift(adversary("committed", share=0.125)) == 12.5


def follow(mind: Mind, leader: str, follower: str) -> None:
    """Let *mind* hear *leader* say things, and *follower* each of them after it."""
    rng = ask(turn()).rng
    for topic in ("sea", "stars", "dreams"):
        words = sentence(topic, rng)
        hear(mind, words, sender=leader)
        hear(mind, words, sender=follower)


async def test_a_picker_invites_whom_the_others_follow() -> None:
    """By lot before it knows, and always that one after."""
    mind = adversary("target-picker", echo=0.9)
    assert len(await invited(mind, 200)) == 10
    follow(mind, "L7", "L3")

    assert mind.influence["L7"] == 3_000
    assert set(await invited(mind, 50)) == {"L7"}


# -- prompts


@pytest.mark.parametrize("name", PROMPTED)
def test_a_prompt_is_a_template(name: str, tmp_path: Path) -> None:
    """A file that a population takes; it says who the seat is, and its aim is in it."""
    path = tmp_path / "prompt.txt"
    path.write_text(prompt(name), encoding="utf-8")
    text = read_template(path)

    assert name in ADVERSARIES
    assert all(place in text for place in ("{seat}", "{rules}", "{persona}"))
    assert len(text) > 400


def test_what_is_prompted_says_what_the_rules_say() -> None:
    """The same claim, and an instruction by which rule minds are infected too."""
    for name in ("persuader", "committed", "target-picker"):
        assert CLAIM in one_line(prompt(name))
    assert order_in(prompt("prompt-infector")) == order("canary-1")
    with pytest.raises(UnknownName, match="flooder"):
        prompt("flooder")


def one_line(text: str) -> str:
    """*text* with single spaces."""
    return " ".join(text.split())


@in_no_time
async def test_a_model_with_such_a_prompt_plays_to_the_end() -> None:
    """Its aim is in its own prompt alone."""
    population = Population(
        scenario="cocktail-party",
        parameters={"rounds": 2, "turns": 1},
        seats=(
            Group(count=3, mind="believer"),
            msgspec.convert(
                {
                    "names": ["M"],
                    "model": "scripted/legal",
                    "system": {"text": prompt("persuader")},
                },
                Group,
            ),
        ),
    )
    seen: list[Request] = []

    def reply(request: Request) -> str:
        seen.append(request)
        return legal(request)

    messages = await play(
        Cast(population), models={"scripted/legal": ScriptedModel(reply)}
    )

    assert messages[-1].kind == "end"
    assert seen
    assert all(CLAIM in one_line(r.prompts[0].content) for r in seen)
    assert not carriers(messages, CLAIM)
