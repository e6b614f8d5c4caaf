"""The memory of a process that lives for days: seldom searched, and given back."""

import ctypes
import gc
from collections.abc import Callable

import anyio

#: Thresholds for the garbage collector: mailboxes hold millions of references, which it
#: would walk again and again for hardly a cycle.
COLLECTION = (100_000, 50, 50)
#: Seconds between two times at which memory that is free is given back.
PERIOD = 30.0


def collect_seldom() -> None:
    """Have the garbage collector of this process look for cycles as seldom as it can."""
    gc.set_threshold(*COLLECTION)


async def give_back() -> None:
    """
    Give memory back to the system that is free between what is in use, now and then.

    Pages of the log come and go, and leave holes which the C library would keep: a
    worker grew by 5 MB in six minutes, of which nothing was in use.
    """
    trim = _trim()
    while True:
        await anyio.sleep(PERIOD)
        trim(0)


def _trim() -> Callable[[int], object]:
    """What gives memory back, with glibc; others do it by themselves."""
    try:
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: None
    return found
