"""Pressure: how many calls at once, how many a minute, who is next."""

import re

import anyio
import pytest

from hubbub.models.limits import Limits
from hubbub.models.pressure import (
    MOST,
    PATIENCE,
    START,
    TIMES,
    UNKNOWN,
    Pace,
    Pressure,
    Ticket,
    Window,
)

from ..leaping import in_no_time
from .crowd import Crowd

# -- the window


def full(window: Window, now: float = 0.0) -> list[Ticket]:
    """Send as many calls as there is room for, with one more that waits."""
    tickets: list[Ticket] = []
    while not window.wait(now):
        tickets.append(window.send(now))
    return tickets


def refused(window: Window, now: float = 0.0) -> None:
    """Send what fits, and have the last two calls refused and the others served."""
    *served, one, two = full(window, now)
    for ticket in (one, two):
        window.refuse(ticket)
    for ticket in served:
        window.fail(ticket)


def test_a_window_begins_in_the_middle() -> None:
    """Neither one by one nor all at once."""
    assert len(full(Window())) == START


def test_a_served_call_makes_room_for_two_where_others_wait() -> None:
    """As long as the server takes more, it is given more."""
    window = Window()
    window.succeed(full(window)[0], 1.0)

    assert len(full(window, 1.0)) == 2


def test_a_window_grows_only_where_it_is_what_holds_calls_back() -> None:
    """A limit that nobody comes near says nothing about the server."""
    window = Window()
    for _ in range(100):
        window.wait(0.0)
        window.succeed(window.send(0.0), 0.0)

    assert window.most == START


def test_a_window_has_a_ceiling() -> None:
    """However much a server takes, there is an end to what we send."""
    window = Window()
    for now in range(20):
        for ticket in full(window, now):
            window.succeed(ticket, now)

    assert window.most == MOST


def test_refusals_halve_the_window_once() -> None:
    """Calls that were under way together are one piece of evidence, not many."""
    window = Window()
    tickets = full(window)
    for ticket in tickets:
        window.refuse(ticket)

    assert window.most == START // 2


def test_a_window_has_a_floor() -> None:
    """One call at a time is always possible."""
    window = Window()
    for _ in range(20):
        for ticket in full(window):
            window.refuse(ticket)
            window.refuse(window.send(0.0))

    assert window.most == 1


def test_a_window_climbs_back_quickly_and_no_further() -> None:
    """What was served before is served again; beyond it lies a refusal."""
    window = Window()
    refused(window)
    below, climbs = window.most, START - 2 - window.most
    for _ in range(climbs):
        tickets = full(window)
        window.succeed(tickets[0], 0.0)
        for ticket in tickets[1:]:
            window.fail(ticket)

    assert (below, window.most) == (10, START - 2)


def test_a_single_refusal_is_no_sign() -> None:
    """Servers refuse a call now and then for reasons of their own."""
    window = Window()
    window.refuse(full(window)[-1])

    assert window.most == START


def test_a_call_that_is_refused_again_tells_nothing_new() -> None:
    """What is wrong may be the call, and it is tried several times."""
    window = Window()
    for _ in range(10):
        window.refuse(window.send(0.0, again=True))

    assert window.most == START


def test_refusals_among_many_that_were_served_do_not_count() -> None:
    """Where most calls among as many are served, their number is not the reason."""
    window = Window()
    for number in range(200):
        full(window)
        ticket = window.send(0.0)
        if number % 20 == 19:
            window.refuse(ticket)
        else:
            window.succeed(ticket, 0.0)

    assert window.most > START


@pytest.mark.parametrize(("usual", "until"), [(0.1, PATIENCE), (10.0, TIMES * 10.0)])
def test_a_call_that_hangs_holds_nobody(usual: float, until: float) -> None:
    """What takes many times longer than is usual no longer counts."""
    window = Window(fixed=1)
    window.succeed(window.send(0.0), usual)
    window.send(100.0)

    assert window.wait(100.0) == pytest.approx(until)
    assert window.wait(100.0 + until + 0.001) == 0.0


def test_before_anything_is_usual_a_call_may_take_long() -> None:
    """A slow server's first calls are not taken for hung."""
    window = Window(fixed=1)
    window.send(0.0)

    assert window.wait(0.0) == UNKNOWN


def test_a_fixed_window_stays_as_it_is() -> None:
    """Who knows the limit need not have it found out."""
    window = Window(fixed=3)
    for ticket in full(window):
        window.refuse(ticket)
    for ticket in full(window):
        window.succeed(ticket, 0.0)

    assert len(full(window)) == 3


# -- the pace


def test_a_pace_is_even() -> None:
    """A minute's calls are spread over the minute, also at its beginning."""
    pace, now, sent = Pace(60.0), 0.0, 0
    while now < 60.0:
        pace.send(now, 1)
        sent += 1
        now += pace.wait(now)

    assert sent == 60


def test_a_pause_saves_nothing_up() -> None:
    """After an hour of silence the minute's limit is the same."""
    pace = Pace(60.0)
    pace.send(0.0, 1)
    pace.send(3600.0, 1)

    assert pace.wait(3600.0) == 1.0


def test_a_pace_is_settled_with_what_a_call_did_cost() -> None:
    """What was foreseen too high is given back, too low is made good."""
    pace = Pace(600.0)
    pace.send(0.0, 100)
    pace.settle(-90)
    cheap = pace.wait(0.0)
    pace.settle(40)

    assert (cheap, pace.wait(0.0)) == (1.0, 5.0)


def test_without_a_limit_there_is_no_wait() -> None:
    """None is no limit."""
    pace = Pace(None)
    pace.send(0.0, 1_000_000)
    pace.settle(1_000_000)

    assert pace.wait(0.0) == 0.0


# -- both together, on a clock that leaps


async def call(pressure: Pressure, seconds: float, weight: int = 0) -> None:
    """One call that takes so many *seconds*."""
    ticket = await pressure.take(weight)
    await anyio.sleep(seconds)
    pressure.give(ticket, 200)


@in_no_time
async def test_first_come_first_served() -> None:
    """A call waits for those before it and for no other."""
    pressure, order = Pressure(Limits(concurrency=2)), list[int]()

    async def one(number: int) -> None:
        ticket = await pressure.take(0)
        order.append(number)
        await anyio.sleep(1.0)
        pressure.give(ticket, 200)

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(one, number)

    assert order == list(range(10))
    assert anyio.current_time() == 5.0


@in_no_time
async def test_who_gives_up_waiting_leaves_no_gap() -> None:
    """A call that is cut off in the queue takes no place, and the next one does."""
    pressure = Pressure(Limits(concurrency=1))
    async with anyio.create_task_group() as group:
        group.start_soon(call, pressure, 3.0)
        await anyio.sleep(0.5)
        for wait in (1.0, 1.5):
            with anyio.move_on_after(wait) as scope:
                await pressure.take(0)
            assert scope.cancelled_caught
        await call(pressure, 1.0)

    assert anyio.current_time() == 4.0


@in_no_time
async def test_calls_that_hang_delay_others_by_a_patience() -> None:
    """All places taken by calls that never end are free again after it."""
    pressure = Pressure(Limits(concurrency=2))
    await call(pressure, 0.5)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(call, pressure, 1e6)
        await anyio.sleep(1.0)
        await call(pressure, 0.5)
        group.cancel_scope.cancel()

    assert anyio.current_time() == pytest.approx(0.5 + TIMES * 0.5 + 0.5)


@in_no_time
async def test_requests_a_minute_are_kept() -> None:
    """Ten calls at thirty a minute: the last one is sent after eighteen seconds."""
    pressure = Pressure(Limits(rpm=30))
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(call, pressure, 0.0)

    assert anyio.current_time() == pytest.approx(18.0)


@in_no_time
async def test_tokens_a_minute_are_kept_and_settled() -> None:
    """A call waits for what those before it are to cost, until it is known."""
    pressure, waits = Pressure(Limits(tpm=600)), list[float]()
    for cost in (10, 100, 100):
        await pressure.take(100)
        waits.append(anyio.current_time())
        pressure.settle(100, cost)

    assert waits == pytest.approx([0.0, 1.0, 11.0])


@in_no_time
async def test_workers_share_fixed_limits() -> None:
    """Three processes of one account are together what one alone would be."""
    pressure = Pressure(Limits(concurrency=6, rpm=90))
    for workers in (5, 3, 3):
        pressure.share(workers)
    for _ in range(3):
        await pressure.take(0)

    assert pressure.window.most == 2
    assert anyio.current_time() == pytest.approx(UNKNOWN)


@in_no_time
async def test_a_new_share_counts_for_those_who_wait() -> None:
    """A worker that has gone leaves its part to the others at once."""
    pressure = Pressure(Limits(concurrency=2))
    pressure.share(2)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(call, pressure, 5.0)
        await anyio.sleep(1.0)
        pressure.share(1)

    assert anyio.current_time() == 6.0


def test_a_queue_says_what_it_waits_for() -> None:
    """Each limit is named with the variable that sets it."""
    limits = Limits(concurrency=4, rpm=60, tpm=1e5, prefix="LAB")
    fixed, found = Pressure(limits).queue(), Pressure(Limits(prefix="LAB")).queue()

    assert re.findall(r"LAB_\w+", fixed) == ["LAB_CONCURRENCY", "LAB_RPM", "LAB_TPM"]
    assert "20 calls at once that it takes" in found


# -- the best limit is found


async def throughput(limits: Limits, **server: float) -> tuple[float, float]:
    """Of 200 seats in a minute: calls served a second, and the share refused."""
    crowd = Crowd(Pressure(limits), capacity=20, **server)
    await crowd.live(seats=200, seconds=60.0)
    return crowd.statuses[200] / 60, crowd.statuses[429] / crowd.statuses.total()


@in_no_time
async def test_adaptation_is_nearly_as_good_as_knowing_the_limit() -> None:
    """200 seats at a server that takes 20: 0.9 of the best limit, without a storm."""
    fixed = [await throughput(Limits(concurrency=n)) for n in (10, 19, 20, 21, 30)]
    best = max(served for served, _ in fixed)
    served, share = await throughput(Limits())

    assert served >= 0.9 * best
    assert share < 0.05
    assert fixed[-1][1] > 0.5


@in_no_time
async def test_refusals_that_have_another_reason_cost_little() -> None:
    """Some calls are refused however few they are; the others are not held up."""
    best, _ = await throughput(Limits(concurrency=20), broken=0.03)
    served, _ = await throughput(Limits(), broken=0.03)

    assert served >= 0.8 * best


@in_no_time
async def test_a_server_that_takes_less_from_now_on_is_asked_less() -> None:
    """The limit follows the server down, and up again."""
    pressure, limits = Pressure(), list[int]()
    crowd = Crowd(pressure, capacity=40)
    async with anyio.create_task_group() as group:
        group.start_soon(crowd.live, 200, 90.0)
        for capacity in (40, 10, 40):
            crowd.capacity = capacity
            await anyio.sleep(29.9)
            limits.append(pressure.window.most)

    assert limits[1] <= 12
    assert min(limits[0], limits[2]) >= 20
    assert crowd.failed == 0
