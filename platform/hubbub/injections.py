"""What is injected into a run, as a population file or an operator says it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hubbub.chance import generator
from hubbub.chaos import CHAOS, ROLES, Chaos
from hubbub.errors import BadPopulation, UnknownName
from hubbub.groups import Group, Seed
from hubbub.impairments import DIRECTIONS, IMPAIRMENTS, Impairment
from hubbub.latency import Latency
from hubbub.messages import Injected, Surface
from hubbub.names import CONDUCTOR, NAME, check_room, check_seat
from hubbub.text import safe_text
from hubbub.truth import check_trigger

#: Seats of one injection.
MAX_INJECTED = 1_000

_NUMBERED = re.compile(r"(.*?)[0-9]+")
#: What is done by neither a participant nor a wrapper, by its surface and kind.
_KINDS: dict[Surface, Mapping[str, type[Impairment] | type[Chaos]]] = {
    "impair": IMPAIRMENTS,
    "chaos": CHAOS,
}
#: The keys of an injection that only these have.
_KEYS = ("kind", "direction", "peers", "role")


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
    of *count* seats drawn from *seed* (default: one).

    ``impair`` does what *kind* says, one of `impairments.IMPAIRMENTS`, on the links of such
    seats with their *peers*, in the *rooms*, which are all where none is named.
    ``chaos`` does what *kind* says, one of `chaos.CHAOS`, to such seats, or to the
    process with a *role*: the worker that hosts one seat, the conductor, the logger.
    *options* are those of the mind or of the kind.

    *at* and *until* are triggers: ``seq:N``, ``round:R``, ``phase:NAME``; empty is at
    once, and never.  *seed* is what its generators are derived from, in place of the
    run's.
    """

    id: str = ""
    surface: Surface = "participant"
    kind: str = ""
    direction: str = ""
    peers: tuple[str, ...] = ()
    role: str = ""
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
    own = injection.cohort is not None or injection.latency != Latency()
    if own and injection.surface != "participant":
        raise BadPopulation("a cohort or a latency is for participants")
    group = _group(injection, seats)
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


def _group(injection: Injection, seats: Iterable[str]) -> object:
    """How the seats of *injection* are filled, or what comes over them."""
    said: dict[str, Any] = msgspec.to_builtins(injection)
    alike = {*Group.__struct_fields__} - {"names", "count"}
    group = {name: value for name, value in said.items() if name in alike}
    kinds = _KINDS.get(injection.surface)
    if kinds is None:
        for key in said.keys() & _KEYS:
            raise BadPopulation(f"a {injection.surface} has no {key}")
        return group
    for key in group.keys() - {"options"}:
        raise BadPopulation(f"the surface {injection.surface} has no {key}, but a kind")
    for peer in injection.peers:
        if peer not in (known := (*seats, CONDUCTOR)):
            raise UnknownName("peer", peer, [*known])
    return _deed(injection, kinds)


def _deed(
    injection: Injection, kinds: Mapping[str, type[Impairment] | type[Chaos]]
) -> Impairment | Chaos:
    """What the *kind* of *injection*, one of *kinds*, is with its options."""
    if injection.kind not in kinds:
        raise UnknownName(f"kind of {injection.surface}", injection.kind, [*kinds])
    fields = kinds[injection.kind].__struct_fields__
    options = [name for name in fields if name not in (*_KEYS, "holder")]
    for name in injection.options:
        if name not in options:
            raise UnknownName(f"option of {injection.kind}", name, options)
    said: dict[str, Any] = msgspec.to_builtins(injection)
    own = {name: said[name] for name in _KEYS if name in said}
    for name, known in (("direction", DIRECTIONS), ("role", ROLES)):
        if own.get(name, known[0]) not in known:
            raise UnknownName(name, own[name], [*known])
    for name in own.keys() - {"kind", *fields}:
        raise BadPopulation(f"{injection.kind} has no {name}")
    try:
        return msgspec.convert(own | injection.options, kinds[injection.kind])
    except msgspec.ValidationError as error:
        why = safe_text(str(error), 300)
        have = (
            f"its options are {', '.join(options)}" if options else "it has no option"
        )
        raise BadPopulation(f"{injection.kind}: {why}; {have}") from None


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
    if injection.role and (count > 1 or injection.rooms):
        raise BadPopulation("the role of a process goes with one seat at most")
    if injection.role in ("conductor", "logger"):
        if injection.names:
            raise BadPopulation(f"a {injection.role} hosts no seat: name none")
        return ()
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
    return requests(injections, dict.fromkeys(population, True), ())


def requests(
    injections: Iterable[Injection], seats: Mapping[str, bool], taken: Iterable[str]
) -> tuple[Injected, ...]:
    """Each of *injections* as `request` has it, after those before it."""
    found: list[Injected] = []
    seats, ids = dict(seats), [*taken]
    for injection in injections:
        what = request(injection, seats, ids)
        found.append(what)
        ids.append(what.id)
        if what.surface == "participant":
            seats |= dict.fromkeys(what.seats, True)
    return tuple(found)


def group_of(what: Injected) -> Group:
    """
    How the seats of *what* are filled, of what fills none by nothing new.

    Raises `BadPopulation` if that is not said.
    """
    if what.surface in _KINDS:
        return Group(names=what.seats)
    try:
        group = msgspec.json.decode(what.group, type=Group)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"injection {what.id}: {error}") from None
    return msgspec.structs.replace(group, names=what.seats)
