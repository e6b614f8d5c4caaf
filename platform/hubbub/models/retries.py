"""When a call that has failed is made again."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from hubbub.errors import ModelError

#: HTTP requests that one call may cost a server that fails, and one that asks us to
#: come later.
TRIES, PATIENT_TRIES = 5, 20
#: Tries to reach a server at all, which cost nothing: half a minute, in which one that
#: is started again is back.
KNOCKS = 12
#: Seconds; pauses are drawn below the first, doubled with each try up to the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
#: Seconds; a server that asks us to wait longer is not taken at its word.
LONGEST_RETRY_AFTER = 60.0


#: Failures before a server has been asked anything.
UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Setback(NamedTuple):
    """A failure that may pass, and the seconds the server asks us to wait."""

    error: ModelError
    after: float = 0.0


def tries(error: ModelError) -> int:
    """How often in all a call is made that fails with *error*."""
    if error.kind == "rate_limit":
        return PATIENT_TRIES
    return KNOCKS if isinstance(error.__cause__, UNREACHED) else TRIES


def pause(setback: Setback, tried: int, rng: random.Random) -> float:
    """Seconds from *setback*, in try number *tried*, to the next one."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tried - 1))
    return setback.after + rng.random() * longest


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """
    The seconds that *headers* ask for, as a number or as a date; 0 where they do not.

    A date is measured against the server's own clock, where that is given, else *now*.
    """
    header = headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        until = _date(header)
        since = _date(headers.get("date", "")) or now
        seconds = (until - since).total_seconds() if until else 0.0
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else 0.0


def _date(header: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
