"""A member that is turned at an event is turned there, whoever hosts it."""

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.errors import UnknownName
from hubbub.injecting import eject
from hubbub.messages import (
    Contributed,
    Left,
    Lifted,
    Message,
    Onset,
    Passed,
    RoundBegan,
    Said,
)
from hubbub.population import Cast, Injection
from hubbub.replay import replay
from hubbub.tape import MemoryTape
from hubbub_agents.wrappers import flip

from .house import STUCK, House, Process
from .leaping import in_no_time
from .playing import read_all
from .test_injections import hall, in_round, injecting, live, party, when_said


def turning(name: str = "L1", *, mind: str, **fields: object) -> Injection:
    """The injection that puts *mind* around the one in seat *name*."""
    return Injection(
        surface="compromise",
        names=(name,),
        mind=mind,
        **fields,  # type: ignore[arg-type]
    )


def turned(messages: list[Message]) -> tuple[str, ...]:
    """On whom the first injection is."""
    body = onset_of(messages).body
    assert isinstance(body, Onset)
    return body.what.seats


def onset_of(messages: list[Message]) -> Message:
    """Where the first injection began."""
    return next(m for m in messages if isinstance(m.body, Onset))


def acts_of(messages: list[Message], seat: str) -> list[Message]:
    """How the acts of *seat* ended."""
    ends = (Contributed, Said, Passed, Left)
    return [m for m in messages if m.sender == seat and isinstance(m.body, ends)]


@in_no_time
async def test_a_member_is_silent_from_the_event_on() -> None:
    """What it had begun before, it ends as it would have; and others are not turned."""
    cast = party()
    messages = await live(cast, in_round(2, injecting(cast, turning(mind="silence"))))

    onset = onset_of(messages)
    for act in acts_of(messages, "L1"):
        outcome = getattr(act.body, "outcome", "answered")
        assert (outcome == "passed") == (act.seen >= onset.seq), act
    others = [m.body for m in acts_of(messages, "L2") if m.seen > onset.seq]
    assert any(getattr(body, "outcome", "answered") == "answered" for body in others)


@in_no_time
async def test_a_member_is_itself_again_when_it_is_lifted() -> None:
    """Its mind has heard all that was said meanwhile."""
    cast = party(rounds=6)

    async def release(house: House) -> None:
        await eject(house.bus, "i1")

    silence = injecting(cast, turning(mind="silence"))
    messages = await live(cast, in_round(2, silence), in_round(4, release))

    lifted = next(m.seq for m in messages if isinstance(m.body, Lifted))
    after = [m.body for m in acts_of(messages, "L1") if m.seen >= lifted]
    assert any(getattr(body, "outcome", "answered") == "answered" for body in after)


@in_no_time
async def test_wrappers_lie_on_one_another() -> None:
    """The inner one can be taken off; the outer one stays."""
    cast = party(rounds=6)
    claim = {"claim": "The moon is cheese."}

    async def turn(house: House) -> None:
        await injecting(cast, turning(mind="silence"))(house)
        belief = turning(mind="false-belief", options=claim)
        await injecting(cast, belief)(house)
        await eject(house.bus, "i1", "round:4")

    messages = await live(cast, in_round(2, turn))

    lifted = next(m.seq for m in messages if isinstance(m.body, Lifted))
    said = [
        m.body.text
        for m in acts_of(messages, "L1")
        if m.seen >= lifted and isinstance(m.body, Said | Left)
    ]
    assert said
    assert all("The moon is cheese." in text for text in said)


@in_no_time
async def test_a_turned_seat_that_is_taken_over_is_turned() -> None:
    """Its new host folds the event with all the others."""
    cast, bus = party(rounds=6), MemoryBus()
    hosts: list[Process] = []

    async def trouble(house: House) -> None:
        await injecting(cast, turning(mind="silence"))(house)
        await house.until(lambda m: isinstance(m.body, RoundBegan))
        hosts.append(house.worker())
        hosts[0].kill()

    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus)
            tasks.start_soon(in_round(2, trouble), house)
            hosts.append(house.worker())
            house.conductor()

    messages = await read_all(bus)
    await replay(Cast(cast.population), MemoryTape(messages))
    onset = onset_of(messages)
    late = [m for m in acts_of(messages, "L1") if m.seen >= onset.seq and m.inc > 1]
    assert late
    assert {getattr(m.body, "outcome", "answered") for m in late} <= {"passed", "late"}


@in_no_time
async def test_a_leak_tells_elsewhere_what_was_said_in_private() -> None:
    """With the name of who said it."""
    cast = party(rounds=6)
    messages = await live(cast, in_round(2, injecting(cast, turning(mind="leak"))))

    told = [
        m.body.text
        for m in acts_of(messages, "L1")
        if isinstance(m.body, Said | Left) and ' said: "' in m.body.text
    ]
    assert told
    heard = [m.body.text for m in messages if isinstance(m.body, Said | Left)]
    quoted = told[0].split(' said: "')[1].rstrip('"')
    assert quoted in heard


@in_no_time
async def test_drawn_members_are_drawn_from_the_seed() -> None:
    """Whom a minority consists of is the same in a run again."""
    cast = hall()
    two = Injection(surface="compromise", count=2, mind="silence", seed=5)
    first = await live(cast, when_said(injecting(cast, two)))
    again = await live(cast, when_said(injecting(cast, two)))

    assert turned(first) == turned(again)
    assert len(set(turned(first))) == 2


@in_no_time
async def test_who_has_come_can_be_turned_until_it_goes() -> None:
    """By an operator who knows the run from its log alone."""
    cast = party()

    async def turn(house: House) -> None:
        fresh = Cast(cast.population)
        await injecting(fresh, Injection(mind="uniform"))(house)
        await injecting(Cast(cast.population), turning("L5", mind="silence"))(house)
        await eject(house.bus, "i1")
        await house.until(lambda m: isinstance(m.body, Lifted))
        with pytest.raises(UnknownName):
            await injecting(cast, turning("L5", mind="leak"))(house)

    messages = await live(cast, in_round(1, turn))

    begun = [m.body.what.seats for m in messages if isinstance(m.body, Onset)]
    assert begun == [("L5",), ("L5",)]


@pytest.mark.parametrize(
    ("value", "schema", "opposite"),
    [
        (True, {"type": "boolean"}, False),
        (3, {"type": "integer", "minimum": 0, "maximum": 10}, 7),
        (3, {"type": "integer"}, 3),
        ("word", {"type": "string"}, "word"),
        (
            {"give": 10, "why": "so"},
            {"properties": {"give": {"minimum": 0, "maximum": 20}}},
            {"give": 10, "why": "so"},
        ),
        ([True], {"items": {"type": "boolean"}}, [False]),
    ],
)
def test_the_opposite_is_what_is_opposite(
    value: object, schema: dict[str, object], opposite: object
) -> None:
    """Where nothing is, it is the same."""
    assert flip(value, schema, {}) == opposite
