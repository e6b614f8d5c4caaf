"""A seat taken from outside is a seat like any other, whoever dies meanwhile."""

from typing import Any

import anyio
import pytest

from hubbub.errors import BadPopulation, GatewayRefused
from hubbub.gateway.desk import KEPT, Desk
from hubbub.gateway.remote import Remote
from hubbub.gateway.tokens import RATE, Bucket, issue_tokens
from hubbub.injecting import inject
from hubbub.injections import Injection
from hubbub.messages import Called, Contributed, Message, Noted, Passed
from hubbub.mind import Part
from hubbub.population import Cast
from hubbub.replay import replay
from hubbub.tape import MemoryTape
from hubbub.terms import Terms

from .leaping import in_no_time
from .playing import contributions, conversations, play, read_all
from .visiting import Guest, Visit, guests, place, population, visiting


async def attended(visit: Visit, *there: Guest) -> list[Message]:
    """The log of a run at which *there* answer to its end."""
    async with anyio.create_task_group() as tasks:
        for guest in there:
            tasks.start_soon(guest.stay)
    await visit.over()
    return await read_all(visit.bus)


# -- answers


@in_no_time
async def test_a_visit_is_a_run_like_any_other() -> None:
    """Asks answered, turns taken, a private probe; and it replays without a client."""
    async with visiting(rounds=2) as (visit, gate):
        log = await attended(visit, *guests(visit, gate))

    assert {outcome for outcome, _ in contributions(log).values()} == {"answered"}
    assert ("Bob", "Bob says so") in conversations(log)["table"]
    done = await replay(Cast(population(rounds=2)), MemoryTape(log))
    assert (done.complete, done.skipped) == (True, {})


@in_no_time
async def test_an_ask_says_all_that_an_answer_needs() -> None:
    """Its words, its schema, and how long one has."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()

    assert (ask["ask"], ask["attempt"], ask["complaint"]) == ("3/Ann", 1, "")
    assert ask["words"] == "Guess a number from 1 to *most*."
    assert ask["question"] == {"type": "guess", "most": 9}
    assert ask["schema"]["$defs"]["Number"]["required"] == ["value"]
    assert 0 < ask["seconds"] <= 60


@in_no_time
async def test_a_wrong_answer_is_told_what_is_wrong_with_it() -> None:
    """And is asked for again; the log counts the tries."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        wrong = await ann.answer(await ann.asked(), {"value": 99})
        again = await ann.asked()
        right = await ann.answer(again, {"value": 4})
        log = await read_all(visit.bus)

    words = "99 is not from 1 to 9"
    assert wrong == (
        422,
        {"error": "unfit", "words": words, "ask": "3/Ann", "attempt": 2},
    )
    assert (again["attempt"], again["complaint"]) == (2, words)
    assert (right[0], right[1]["answer"]) == (200, {"value": 4})
    assert [m.body.tries for m in log if isinstance(m.body, Contributed)] == [2]


@in_no_time
async def test_after_three_wrong_answers_there_is_none() -> None:
    """The ask has ended, and says how."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        told = [await ann.answer(await ann.asked(), "five") for _ in range(3)]

    assert [status for status, _ in told] == [422, 422, 422]
    assert told[-1][1]["outcome"] == "unparsable"


@in_no_time
async def test_an_answer_may_be_sent_again() -> None:
    """It comes to the same; another one does not count any more."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()
        wrong = [await ann.answer(ask, {"value": 99}) for _ in range(2)]
        ask = await ann.asked()
        first, again = [await ann.answer(ask, {"value": 4}) for _ in range(2)]
        other = await ann.answer(ask, {"value": 5})
        late = await ann.answer(ask | {"attempt": 1}, {"value": 99})
        log = await read_all(visit.bus)

    assert wrong[0] == wrong[1] == late
    assert first == again
    assert (other[0], other[1]["error"]) == (409, "taken")
    assert sum(isinstance(m.body, Contributed) for m in log) == 1


@in_no_time
async def test_two_answers_at_once_are_one() -> None:
    """Of two clients with one token, both are told how it ended."""
    told: list[tuple[int, Any]] = []
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()

        async def answer() -> None:
            told.append(await ann.answer(ask, {"value": 4}))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(answer)

    assert told[0][0] == 200
    assert told == told[:1] * 5


@in_no_time
async def test_words_are_given_as_text() -> None:
    """Where a pattern is asked for, and no JSON."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        for guest in (ann, bob):
            await guest.answer(await guest.asked(), {"value": 4})
        ask = await ann.asked()
        wrong = await ann.answer(ask, {"name": "blue"})
        right = await ann.answer(ask, "I like blue")

    assert ask["pattern"] == r"I like (?P<name>\w+)"
    assert (wrong[0], wrong[1]["error"]) == (400, "bad_request")
    assert right[1]["answer"] == {"name": "blue"}


@in_no_time
async def test_in_a_turn_one_says_passes_or_leaves() -> None:
    """As the log of the conversation has it."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        for guest in (ann, bob):
            await guest.answer(await guest.asked(), {"value": 4})
        await ann.answer(await ann.asked(), "I like blue")
        said = await ann.speak(await ann.asked(), "hello")
        skipped = await bob.skip(await bob.asked())
        left = await ann.speak(turn := await ann.asked(), "bye", "leave")
        again = await ann.speak(turn, "bye", "leave")
        talk = conversations(await read_all(visit.bus))["table"]

    assert [told[0] for told in (said, skipped, left)] == [200, 200, 200]
    assert skipped[1]["outcome"] == "passed"
    assert again == left
    assert talk[:3] == [("Ann", "hello"), ("Bob", "passed"), ("Ann", "bye")]


# -- nobody there


@in_no_time
async def test_whoever_does_not_answer_is_late() -> None:
    """The run goes on; what comes after that is told so."""
    async with visiting(budget=5.0) as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()
        await visit.over()
        told = await ann.answer(ask, {"value": 4})
        ends = contributions(await read_all(visit.bus))

    assert {outcome for outcome, _ in ends.values()} == {"late"}
    assert (told[0], told[1]["error"], told[1]["outcome"]) == (409, "ended", "late")


@in_no_time
async def test_without_a_gateway_nobody_is_there() -> None:
    """No worker takes a seat that is taken from outside."""
    cast = Cast(population(budget=5.0))
    log = await play(cast)

    assert not [m for m in log if m.sender in cast.names]


@in_no_time
async def test_the_end_is_told() -> None:
    """Nothing is asked any more, and what was heard can still be read."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        await attended(visit, ann, bob)
        _, told = await ann.do("GET", "/v1/ask", wait=30)
        heard = await ann.heard()
        late = await ann.answer({"ask": "99/Ann", "attempt": 1}, {"value": 4})

    assert told == {"ask": None, "over": True}
    assert late == (410, {"error": "over", "words": "the run is over"})
    assert heard["over"]
    assert heard["next"] == len(heard["events"]) > 5


@in_no_time
async def test_outsiders_cost_nothing() -> None:
    """A budget that allows no model call allows them."""
    async with visiting(Terms(tokens=1, money=0.0)) as (visit, gate):
        log = await attended(visit, *guests(visit, gate))
        spent = await visit.bus.spent()

    assert {outcome for outcome, _ in contributions(log).values()} == {"answered"}
    assert spent == {}


# -- events


@in_no_time
async def test_events_are_those_of_the_seat_in_order() -> None:
    """From any place on, and no more than the seat knows when it is asked."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        await attended(visit, ann, bob)
        whole = await ann.heard()
        pages = [await ann.heard(after, limit=3) for after in range(0, 9, 3)]

    seqs = [event["seq"] for event in whole["events"]]
    assert seqs == sorted(set(seqs))
    assert [e for page in pages for e in page["events"]] == whole["events"][:9]
    assert {event["room"] for event in whole["events"]} >= {"table", "@Ann"}
    assert "@Bob" not in {event["room"] for event in whole["events"]}


@in_no_time
async def test_nothing_is_heard_while_one_thinks() -> None:
    """So that an answer rests on what the log says its seat had read."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        ask = await ann.asked()
        await bob.answer(await bob.asked(), {"value": 4})
        heard = await ann.heard(ask["heard"], wait=10)
        await ann.answer(ask, {"value": 4})
        log = await read_all(visit.bus)

    assert heard == {"events": [], "next": ask["heard"], "over": False}
    (mine,) = [m for m in log if m.kind == "contribution" and m.sender == "Ann"]
    (his,) = [m for m in log if m.kind == "contribution" and m.sender == "Bob"]
    assert mine.seen < his.seq < mine.seq


@in_no_time
async def test_a_probe_leaves_no_trace() -> None:
    """It is asked, said to be one, and not among the events."""
    probes: list[str] = []
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)

        async def watch() -> None:
            while ask := await ann.asked():
                probes.extend([ask["ask"]] if ask["probe"] else [])
                await ann.skip(ask)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            tasks.start_soon(bob.stay)
        heard = await ann.heard()

    (probe,) = probes
    assert not [e for e in heard["events"] if e["body"].get("ask") == probe]


def test_what_is_no_longer_kept_is_said() -> None:
    """Memory is bounded; a client learns from where on it can go on."""
    desk = Desk("Ann")
    for seq in range(1, KEPT + 4):
        desk.hear(noted(seq))

    with pytest.raises(GatewayRefused) as refused:
        desk.events(2, 10)
    assert (refused.value.code, refused.value.facts) == ("forgotten", {"after": 3})
    assert [m.seq for m in desk.events(3, 2)] == [4, 5]


def noted(seq: int) -> Message:
    """A message that means nothing."""
    return Message(
        seq=seq,
        room="table",
        n=seq,
        at=0,
        sender="conductor",
        no=seq,
        inc=1,
        seen=0,
        kind="note",
        body=Noted(text=""),
    )


# -- gateways that die


@in_no_time
async def test_another_gateway_takes_over() -> None:
    """Events have the same places, and what was asked is asked again."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask, heard = await ann.asked(), await ann.heard()
        gate.kill()
        later, bob = guests(visit, visit.gate())
        again = await later.asked()
        await later.answer(again, {"value": 4})
        log = await attended(visit, later, bob)
        whole = await later.heard()

    assert place(again) == place(ask)
    assert whole["events"][: heard["next"]] == heard["events"]
    assert {outcome for outcome, _ in contributions(log).values()} == {"answered"}


@in_no_time
async def test_an_answer_on_record_is_not_asked_for_again() -> None:
    """The gateway dies between record and ending: the next one ends the ask by it."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ann.answer, ask, {"value": 4})
            while not any(isinstance(m.body, Called) for m in await visit.bus.read(0)):
                await anyio.lowlevel.checkpoint()
            gate.kill()
            tasks.cancel_scope.cancel()
        assert not contributions(await read_all(visit.bus))
        later, bob = guests(visit, visit.gate())
        again = await later.answer(ask, {"value": 4})
        other = await later.answer(ask, {"value": 5})
        log = await attended(visit, later, bob)

    assert (again[0], again[1]["answer"]) == (200, {"value": 4})
    assert other[0] == 409
    assert [m.body.call for m in log if isinstance(m.body, Called)].count(
        "3/Ann/1"
    ) == 1
    assert contributions(log)["3/Ann"] == ("answered", '{"value":4}')


@in_no_time
async def test_an_answer_whose_reply_was_lost_is_known_to_the_next_gateway() -> None:
    """From the log alone; a turn as well as an ask."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        for guest in (ann, bob):
            ended = await guest.answer(guess := await guest.asked(), {"value": 4})
        await ann.answer(await ann.asked(), "I like blue")
        said = await ann.speak(turn := await ann.asked(), "hello")
        gate.kill()
        later, other = guests(visit, visit.gate())

        assert await other.answer(guess, {"value": 4}) == ended
        assert (await other.answer(guess, {"value": 5}))[1]["error"] == "ended"
        assert await later.speak(turn, "hello") == said
        assert (await later.skip(turn))[1]["answer"] == {
            "text": "hello",
            "leave": False,
        }


@in_no_time
async def test_of_two_gateways_one_stands_by() -> None:
    """It says so, and the seats stay where they are."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()
        spare = visit.gate()
        await anyio.sleep(20)

        assert await visit.bus.held() == dict.fromkeys(
            ("Ann", "Bob"), gate.host.holder
        ) | {"conductor": (await visit.bus.held())["conductor"]}
        assert spare.host.desk("Ann") is None
        assert (await ann.answer(ask, {"value": 4}))[0] == 200


@in_no_time
async def test_a_gateway_that_gives_up_its_seats_says_so() -> None:
    """One that was thought dead is fenced, and no client of it speaks any more."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        ask = await ann.asked()
        gate.wire.mute = True
        await anyio.sleep(20)
        later, _ = guests(visit, visit.gate())
        assert (await later.answer(await later.asked(), {"value": 4}))[0] == 200
        with anyio.move_on_after(10):
            told = await ann.answer(ask, {"value": 5})
            assert told[0] == 409
        ends = contributions(await read_all(visit.bus))

    assert ends["3/Ann"] == ("answered", '{"value":4}')


# -- who comes in


@in_no_time
async def test_an_adversary_may_come_in_through_the_gateway() -> None:
    """Injected into the live run like any other; its seat has a token like the rest."""
    async with visiting(rounds=50) as (visit, gate):
        ann, bob = guests(visit, gate)
        await ann.asked()
        cast = Cast(visit.population)
        await inject(visit.bus, Injection(mind="remote", names=("Eve",)), cast)
        visit.tokens |= await issue_tokens(visit.bus, ["Eve"])
        await anyio.sleep(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ann.stay)
            tasks.start_soon(bob.stay)
            _, me = await Guest(visit, gate, "Eve").do("GET", "/v1/me")
            assert (me["seat"], me["seats"]) == ("Eve", ["Ann", "Bob", "Eve"])
            tasks.cancel_scope.cancel()


def test_a_remote_seat_takes_no_model() -> None:
    """Somebody would think that it is asked."""
    with pytest.raises(BadPopulation, match="neither model nor options"):
        Remote(Part(seat="Ann", seats=("Ann",), seed=1, model="openai/x"))


@in_no_time
async def test_a_bucket_fills_again() -> None:
    """With so many a second, up to its brim."""
    bucket = Bucket(burst=3)
    waits = [bucket.wait() for _ in range(4)]
    await anyio.sleep(1 / RATE)

    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] <= 1 / RATE
    assert bucket.wait() == 0


@in_no_time
async def test_a_pass_that_failed_is_told_as_what_it_was() -> None:
    """A turn that nobody took in time has ended as late."""
    async with visiting(budget=5.0) as (visit, gate):
        ann, bob = guests(visit, gate)
        for guest in (ann, bob):
            await guest.answer(await guest.asked(), {"value": 4})
        await ann.answer(await ann.asked(), "I like blue")
        turn = await ann.asked()
        await visit.over()
        told = await ann.speak(turn, "hello")
        log = await read_all(visit.bus)

    assert told[1]["outcome"] == "late"
    assert {m.body.outcome for m in log if isinstance(m.body, Passed)} == {"late"}
