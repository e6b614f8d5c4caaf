"""Memory that nobody needs any more goes back to the system."""

import gc
import sys
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from hubbub.heap import COLLECTION, PERIOD, collect_seldom, give_back

from .leaping import in_no_time


def resident() -> int:
    """Bytes of this process that are in memory and its own."""
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_")) * 1024


async def for_two_periods() -> None:
    """Give back, for as long as it takes to have done so once."""
    with anyio.move_on_after(2 * PERIOD - 1):
        await give_back()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux, and glibc")
@in_no_time
async def test_holes_are_given_back() -> None:
    """Also those in the midst of what is in use."""
    pages = [bytearray(b".") * 10_000 for _ in range(4_000)]
    del pages[::2]
    before = resident()

    await for_two_periods()

    assert resident() < before - 10_000_000
    assert len(pages) == 2_000


@in_no_time
async def test_where_the_library_cannot_it_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not every C library has holes."""

    def bare(name: object) -> object:
        return object()

    monkeypatch.setattr("ctypes.CDLL", bare)

    await for_two_periods()


@pytest.fixture
def thresholds() -> Generator[None]:
    """The collector is set back."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("thresholds")
def test_cycles_are_sought_seldom() -> None:
    """Where there are millions of references and hardly a cycle."""
    collect_seldom()

    assert gc.get_threshold() == COLLECTION
