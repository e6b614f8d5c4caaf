"""What is injected into a run, as a population file or an operator says it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hubbub.chance import generator
from hubbub.errors import BadPopulation, UnknownName
from hubbub.groups import Group, Seed
from hubbub.messages import Injected, Surface
from hubbub.names import NAME, check_room, check_seat
from hubbub.truth import check_trigger

#: Seats of one injection.
MAX_INJECTED = 1_000

_NUMBERED = re.compile(r"(.*?)[0-9]+")


class Injection(
    Group,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    One injection, said like a group of seats.

    A ``participant`` is *count* new seats, or those of *names*; without names they are
    called as the population's next ones would be.  They come into the public rooms and
    into *rooms*.  A ``compromise`` puts the wrapper *mind* around the minds of *names*, or
    of *count* seats drawn from *seed* (default: one).  *at* and *until* are triggers:
    ``seq:N``, ``round:R``, ``phase:NAME``; empty is at once, and never.  *seed* is what
    its generators are derived from, in place of the run's.
    """

    id: str = ""
    surface: Surface = "participant"
    rooms: tuple[str, ...] = ()
    at: str = ""
    until: str = ""
    seed: Seed | None = None


def request(
    injection: Injection, seats: Mapping[str, bool], taken: Iterable[str]
) -> Injected:
    """
    What is said in the log of *injection*, with all that was left open decided.

    *seats* has all seats of the run and whether each still sits, *taken* the ids of the
    injections it has.
    Raises `UsageError` for what cannot be.
    """
    known = frozenset(taken)
    id = injection.id or _free(known)
    if not NAME.fullmatch(id):
        raise BadPopulation(f"{id!r} is no id of an injection")
    if id in known:
        raise BadPopulation(f"there is an injection {id} already")
    if injection.cohort is not None and injection.surface != "participant":
        raise BadPopulation("a cohort is for participants")
    said: dict[str, Any] = msgspec.to_builtins(injection)
    alike = {*Group.__struct_fields__} - {"names", "count"}
    group = {name: value for name, value in said.items() if name in alike}
    return Injected(
        id=id,
        surface=injection.surface,
        seats=_seats(injection, id, seats),
        group=msgspec.Raw(msgspec.json.encode(group)),
        rooms=tuple(check_room(room) for room in injection.rooms),
        at=check_trigger(injection.at),
        until=check_trigger(injection.until),
        seed=injection.seed,
    )


def _free(taken: frozenset[str]) -> str:
    number = len(taken) + 1
    while f"i{number}" in taken:
        number += 1
    return f"i{number}"


def _seats(injection: Injection, id: str, seats: Mapping[str, bool]) -> tuple[str, ...]:
    count = injection.count or len(injection.names) or 1
    if not count <= MAX_INJECTED:
        raise BadPopulation(
            f"{count:,} seats of one injection: {MAX_INJECTED:,} at most"
        )
    if injection.names and len(injection.names) != count:
        raise BadPopulation(f"{len(injection.names)} names for {count} seats")
    if injection.surface == "participant":
        return _new(injection, count, list(seats))
    sitting = [name for name, sits in seats.items() if sits]
    for name in injection.names:
        if name not in sitting:
            raise UnknownName("seat", name, sitting)
    if count > len(sitting):
        raise BadPopulation(f"{count} of {len(sitting)} seats cannot be had")
    rng = generator(injection.seed or 0, "injection", id)
    return injection.names or tuple(rng.sample(sorted(sitting), count))


def _new(injection: Injection, count: int, others: Sequence[str]) -> tuple[str, ...]:
    """The names of *count* new seats, which none of the *others* has."""
    known = {name.lower() for name in others}
    names = injection.names or _next(injection, count, others, known)
    for name in names:
        if check_seat(name).lower() in known:
            raise BadPopulation(f"a seat is called {name} already, in whatever case")
        known.add(name.lower())
    return names


def _next(
    injection: Injection, count: int, others: Sequence[str], known: set[str]
) -> tuple[str, ...]:
    """The names that come after those of *others*: a name alone betrays nobody."""
    numbered = _NUMBERED.fullmatch(others[-1])
    prefix = numbered[1] if numbered else injection.prefix
    names: list[str] = []
    number = 0
    while len(names) < count:
        number += 1
        if f"{prefix}{number}".lower() not in known:
            names.append(f"{prefix}{number}")
    return tuple(names)


def declared(
    injections: Iterable[Injection], population: Sequence[str]
) -> tuple[Injected, ...]:
    """What a population file injects; raises `UsageError`."""
    found: list[Injected] = []
    seats = dict.fromkeys(population, True)
    for injection in injections:
        what = request(injection, seats, [known.id for known in found])
        found.append(what)
        if what.surface == "participant":
            seats |= dict.fromkeys(what.seats, True)
    return tuple(found)


def group_of(what: Injected) -> Group:
    """How the seats of *what* are filled; raises `BadPopulation` if that is not said."""
    try:
        group = msgspec.json.decode(what.group, type=Group)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"injection {what.id}: {error}") from None
    return msgspec.structs.replace(group, names=what.seats)
