"""A loop whose time leaps, and what of other threads it stands still for."""

from concurrent.futures import Future, ThreadPoolExecutor
from math import inf

import anyio
import anyio.lowlevel
import pytest

from hubbub.leaping import EverybodyWaits, landed, run_in_no_time

from .leaping import in_no_time


@in_no_time
async def test_time_leaps() -> None:
    """Ten years take no time, and are ten years."""
    await anyio.sleep(3_650 * 86_400)

    assert anyio.current_time() == 3_650 * 86_400


def test_who_waits_for_nobody_is_found() -> None:
    """What is never due is nothing that anybody could leap to."""
    with pytest.raises(EverybodyWaits):
        run_in_no_time(lambda: anyio.sleep(inf))


@in_no_time
async def test_nothing_happens_before_what_lands_first() -> None:
    """Another thread may take as long as it likes: here it is the same moment."""
    order: list[object] = []
    come = Future[object]()

    async def land() -> None:
        await anyio.sleep(1)
        order.append(await landed(come))
        order.append(anyio.current_time())

    async def later() -> None:
        await anyio.sleep(1.000001)
        order.append("later")

    with ThreadPoolExecutor(1) as other:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(land)
            tasks.start_soon(later)
            other.submit(come.set_result, "landed")

    assert order == ["landed", 1.0, "later"]


@pytest.mark.parametrize("came", [(0, 1), (1, 0)])
def test_they_land_in_the_order_in_which_they_are_waited_for(
    came: tuple[int, int],
) -> None:
    """And not in the one in which they came; all else of the moment is done before."""
    order: list[int] = []
    futures = [Future[int](), Future[int]()]

    async def land(number: int) -> None:
        order.append(await landed(futures[number]))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(land, number)
            await anyio.lowlevel.checkpoint()
            for number in came:
                futures[number].set_result(number)
            await anyio.lowlevel.checkpoint()
            order.append(9)

    run_in_no_time(main)

    assert order == [9, 0, 1]


@in_no_time
async def test_who_has_gone_is_not_stood_still_for() -> None:
    """Whatever it waited for may never come."""
    with anyio.move_on_after(1):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(landed, Future[int]())
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    await anyio.sleep(5)

    assert anyio.current_time() == 5


@in_no_time
async def test_what_failed_elsewhere_fails_here() -> None:
    """With its own error."""
    come = Future[int]()
    come.set_exception(KeyError("gone"))

    with pytest.raises(KeyError, match="gone"):
        await landed(come)
