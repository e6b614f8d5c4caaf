"""The names of seats, rooms and runs: what they may be and which are taken."""

import re

from hubbub.errors import BadName

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,63}")

#: The conductor's own seat; its inbox receives sealed contributions.
CONDUCTOR = "conductor"
#: Where phases open and close; every worker follows it, no seat is in it.
PHASES = "@phases"
#: Where model calls are recorded before they are used; no seat is in it.
LEDGER = "@ledger"
#: Where it is said who is an adversary, since when and how; no seat is in it.
TRUTH = "@truth"
#: From whom a run that goes on hears that something is to be injected.
OPERATOR = "operator"

RESERVED = frozenset(
    {CONDUCTOR, OPERATOR, "phases", "ledger", "logger", "console", "truth"}
)


def inbox(seat: str) -> str:
    """The room that only *seat* is in."""
    return f"@{seat}"


def check_seat(name: str) -> str:
    """Return *name*; raise `BadName` unless it can be a seat of the population's own."""
    if not NAME.fullmatch(name) or name.lower() in RESERVED:
        raise BadName("seat", name)
    return name


def check_room(name: str) -> str:
    """Return *name*; raise `BadName` unless it can be a room or an inbox."""
    if not NAME.fullmatch(name.removeprefix("@")):
        raise BadName("room", name)
    return name


def check_run(name: str) -> str:
    """Return *name*; raise `BadName` unless it can be a run's id."""
    if not NAME.fullmatch(name):
        raise BadName("run", name)
    return name
