"""
Tests on a clock that leaps: nothing here waits.

A lease of seconds lapses at once, and a run in which everybody waits for ever is found
to be stuck.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from hubbub.leaping import run_in_no_time

P = ParamSpec("P")


def in_no_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a clock that leaps over every wait."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_in_no_time(lambda: test(*args, **kwargs))

    return run
