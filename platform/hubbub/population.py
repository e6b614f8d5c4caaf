"""Who plays what: the population file, its checks, and what a run is made from."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import msgspec
import tomli_w

from hubbub.chaos import chaos_of
from hubbub.cohort import read_cohort
from hubbub.errors import BadPopulation, UnknownName, UsageError
from hubbub.groups import (
    MAX_SEATS,
    REMOTE,
    Group,
    Seed,
    Template,
    context_of,
    read_template,
)
from hubbub.impairments import impairment_of
from hubbub.injections import Injection, declared, group_of
from hubbub.latency import Latency
from hubbub.messages import Injected
from hubbub.mind import Ask, Mind, Part, Wrapper
from hubbub.models.base import Sampling
from hubbub.names import check_seat
from hubbub.policies import POLICIES
from hubbub.registry import absolute, load_mind, load_scenario, load_wrapper
from hubbub.scenario import Scenario
from hubbub.text import escape_toml, safe_text

__all__ = [
    "Cast",
    "Group",
    "Injection",
    "Population",
    "Seed",
    "Template",
    "as_toml",
    "population_in",
    "read_injections",
    "read_population",
    "read_table",
]

M = TypeVar("M", bound=Mind)

#: Bytes of a population file.
MAX_FILE = 1 << 24


class Population(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    Everything a run is made from; the same population is the same run again.

    *scenario* is a registered name or the path of a Python file.  *inject* is what
    comes over the run while it goes.  On the ``virtual`` *clock*, acts last as long as
    their groups' latencies say, and not as long as they take.
    """

    scenario: str
    seed: Seed = 0
    parameters: dict[str, Any] = {}
    seats: tuple[Group, ...] = ()
    inject: tuple[Injection, ...] = ()
    clock: Literal["wall", "virtual"] = "wall"

    def names(self) -> tuple[str, ...]:
        """Every seat, in order; raises `BadName` or `BadPopulation`."""
        names = tuple(name for group in self.seats for name in group.seats())
        if not 1 <= len(names) <= MAX_SEATS:
            raise BadPopulation(
                f"{len(names):,} seats: a run has from 1 to {MAX_SEATS:,}"
            )
        known: set[str] = set()
        for name in names:
            # Neither people nor models tell ann from Ann.
            plain = check_seat(name).lower()
            if plain in known:
                raise BadPopulation(
                    f"two seats are called {name}, in whatever case: give each group "
                    "of seats names or a prefix of its own"
                )
            known.add(plain)
        return names

    def groups(self) -> dict[str, Group]:
        """Each seat's group."""
        return {name: group for group in self.seats for name in group.seats()}

    def models(self) -> tuple[str, ...]:
        """The models that seats use, sorted."""
        groups = (*self.seats, *self.inject)
        return tuple(sorted({group.model for group in groups if group.model}))


def read_population(path: Path) -> Population:
    """
    The population in a TOML file; `UsageError` names what is wrong and where.

    Paths in it are relative to its folder; templates and cohorts are taken in.
    """
    return population_in(read_table(path), path)


def read_injections(path: Path) -> tuple[Injection, ...]:
    """The ``[[inject]]`` tables of a TOML file of nothing else; raises `UsageError`."""
    table = read_table(path)
    for key in table:
        _check_known(f"key in {path}", key, ["inject"])
    # Of the scenario nothing is read here.
    return population_in({**table, "scenario": "any"}, path).inject


def read_table(path: Path) -> dict[str, Any]:
    """What the TOML file *path* says; raises `BadPopulation` for what is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise BadPopulation(
                f"{path} is no population file: over {MAX_FILE:,} bytes"
            )
        return tomllib.loads(data.decode())
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadPopulation(f"{path} is not UTF-8: byte {error.start}") from None
    except RecursionError:
        raise BadPopulation(f"{path}: nested too deeply") from None
    except ValueError as error:
        # Not always tomllib's own: a number may have more digits than Python reads.
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None


def population_in(table: Mapping[str, Any], path: Path) -> Population:
    """The population in *table*, which stands in the file *path*; as `read_population`."""
    try:
        _check_keys(path, table)
        table = _with_files(path.parent, table)
        return _from(path.parent, msgspec.convert(table, Population))
    except RecursionError:
        raise BadPopulation(f"{path}: nested too deeply") from None
    except msgspec.ValidationError as error:
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None


class _Groups(msgspec.Struct):
    seats: tuple[dict[str, Any], ...] = ()
    inject: tuple[dict[str, Any], ...] = ()


class _Words(msgspec.Struct):
    sampling: dict[str, Any] = {}
    memory: dict[str, Any] = {}
    latency: dict[str, Any] = {}


def _check_keys(path: Path, table: Mapping[str, Any]) -> None:
    """Raise `UnknownName` for a key that means nothing."""
    groups = msgspec.convert(table, _Groups)
    for group in (*groups.seats, *groups.inject):
        if isinstance(name := group.get("memory"), str):
            raise BadPopulation(
                f'{path}: write memory = {{ policy = "{safe_text(name, 40)}" }}'
            )
    inner = [msgspec.convert(g, _Words) for g in (*groups.seats, *groups.inject)]
    words = [group.sampling for group in inner]
    for struct, tables in (
        (Population, [table]),
        (Group, groups.seats),
        (Injection, groups.inject),
        (Sampling, words),
        (Latency, [group.latency for group in inner]),
    ):
        for key in chain.from_iterable(tables):
            _check_known(f"key in {path}", key, struct.__struct_fields__)
    for memory in (group.memory for group in inner if group.memory):
        name = memory.get("policy")
        if not isinstance(name, str):
            raise BadPopulation(f"{path}: a memory has a policy: {', '.join(POLICIES)}")
        _check_known(f"policy of memory in {path}", name, [*POLICIES])
        fields = ("policy", *POLICIES[name].__struct_fields__)
        for key in memory:
            _check_known(f"key of the memory {name} in {path}", key, fields)


def _check_known(kind: str, key: str, known: Sequence[str]) -> None:
    if key not in known:
        raise UnknownName(kind, key, [*known])


def _with_files(folder: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """*table* with what its paths name in their place."""
    groups = msgspec.convert(table, _Groups)
    seats, inject = [*map(dict, groups.seats)], [*map(dict, groups.inject)]
    for group in (*seats, *inject):
        if isinstance(path := group.get("system"), str):
            group["system"] = {"text": read_template(folder / path)}
        if isinstance(path := group.get("cohort"), str):
            group["cohort"] = read_cohort(folder / path)
    taken = {"seats": seats, "inject": inject}
    return {**table, **{key: groups for key, groups in taken.items() if groups}}


def _from(folder: Path, population: Population) -> Population:
    """*population* with the paths in it made absolute."""
    replace = msgspec.structs.replace
    return replace(
        population,
        scenario=absolute(population.scenario, folder),
        seats=tuple(
            replace(group, mind=absolute(group.mind, folder))
            for group in population.seats
        ),
        inject=tuple(
            replace(group, mind=absolute(group.mind, folder))
            for group in population.inject
        ),
    )


def as_toml(population: Population) -> str:
    """
    *population* as a TOML file that `read_population` reads back.

    Raises `BadPopulation` for what a file cannot hold.
    """
    try:
        text = escape_toml(tomli_w.dumps(_table(population)))
        size = len(text.encode())
    except (TypeError, UnicodeEncodeError) as error:
        raise BadPopulation(
            f"a population file cannot hold this: {error}; what is null may be left out"
        ) from None
    if size > MAX_FILE:
        raise BadPopulation(
            f"the population with its cohorts has {size:,} bytes; the limit is "
            f"{MAX_FILE:,}"
        )
    return text


def _table(population: Population) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(population)
    own: dict[str, Any] = msgspec.to_builtins(Sampling())
    for group in (*table.get("seats", ()), *table.get("inject", ())):
        # What is not said in it is None more often than not, and TOML has no None.
        words = group.pop("sampling", {})
        if changed := {name: v for name, v in words.items() if v != own[name]}:
            group["sampling"] = changed
    return table


class Cast:
    """A population checked against its scenario: makes the minds."""

    def __init__(self, population: Population) -> None:
        """Raises `UsageError` for whatever could not be played."""
        self.scenario: Scenario = load_scenario(population.scenario)
        self.population = _filled(_checked(population), self.scenario)
        self.parameters = self.scenario.bind(self.population.parameters)
        self.names = self.population.names()
        if len(self.names) < self.scenario.least:
            raise BadPopulation(
                f"{self.scenario.name} is played by {self.scenario.least} seats or "
                f"more, not {len(self.names)}"
            )
        self.declared = declared(self.population.inject, self.names)
        self._groups = self.population.groups()
        self._personas: dict[str, str] = {}
        #: For whoever has come into the run, or is to come.
        self._newcomers: dict[str, Injected] = {}
        for group in self.population.seats:
            personas = dict(zip(group.seats(), group.personas(), strict=True))
            self._personas |= personas
            for name in _on_trial(personas):
                self._make(name)
        for what in self.declared:
            self.check(what)

    def welcome(self, what: Injected) -> None:
        """Know the seats that the injection *what* brings, as those of the population."""
        group = group_of(what)
        for seat, persona in zip(group.seats(), group.personas(), strict=True):
            self._groups[seat] = _with_mind(group, self.scenario)
            self._personas[seat] = persona
            self._newcomers[seat] = what

    def wrap(self, what: Injected, seat: str, inner: Mind) -> Wrapper:
        """*inner*, in *seat*, as *what* compromises it; one that fails if it cannot be."""
        try:
            return self._wrap(what, seat, inner)
        except UsageError as error:
            return _Broken(inner, str(error))

    def check(self, what: Injected) -> None:
        """Raise `UsageError` for an injection of which no mind could be made."""
        match what.surface:
            case "participant":
                self.welcome(what)
                for seat in _on_trial(dict.fromkeys(what.seats, "")):
                    self._make(seat)
            case "compromise":
                for seat in what.seats[:1]:
                    self._wrap(what, seat, self._make(seat))
            case "impair":
                impairment_of(what)
            case "chaos":
                chaos_of(what)

    def _wrap(self, what: Injected, seat: str, inner: Mind) -> Wrapper:
        reference = group_of(what).mind
        if not reference:
            raise BadPopulation("a compromise needs a mind: the wrapper's name")
        make = partial(load_wrapper(reference), _turned(what, inner.part), inner)
        wrapper = _built("wrapper", reference, seat, make)
        # An entry point may be any callable.
        if not isinstance(cast("object", wrapper), Wrapper):
            made = type(wrapper).__name__
            raise BadPopulation(f"the wrapper {reference} made a {made}")
        return wrapper

    def seed_of(self, seat: str) -> int:
        """What the generators of *seat* are derived from."""
        what = self._newcomers.get(seat)
        if what is None or what.seed is None:
            return self.population.seed
        return what.seed

    def is_remote(self, seat: str) -> bool:
        """Whether *seat*, of the population, is taken from outside."""
        return self._groups[seat].mind == REMOTE

    def mind(self, seat: str) -> Mind:
        """A new mind for *seat*; where it cannot be made, one that fails every act."""
        try:
            return self._make(seat)
        except UsageError as error:
            return _Unmade(self.part(seat), str(error))

    def lend(self, seat: str, model: str) -> None:
        """From now on *seat* has the model *model*, also where it was filled by a rule."""
        group = self._groups[seat]
        mind = group.mind if group.model else "model"
        options = group.options if group.model else {}
        self._groups[seat] = msgspec.structs.replace(
            group, model=model, mind=mind, options=options
        )

    def _make(self, seat: str) -> Mind:
        reference = self._groups[seat].mind
        make = load_mind(reference)
        mind = _built("mind", reference, seat, lambda: make(self.part(seat)))
        if not isinstance(cast("object", mind), Mind):
            raise BadPopulation(f"the mind {reference} made a {type(mind).__name__}")
        return mind

    def latency(self, seat: str) -> Latency:
        """How long the acts of *seat* last on the virtual clock."""
        return self._groups[seat].latency

    def _company(self, seat: str) -> tuple[str, ...]:
        what = self._newcomers.get(seat)
        return (*self.names, *what.seats) if what else self.names

    def part(self, seat: str) -> Part:
        """What the mind in *seat* is told when it is made."""
        group = self._groups[seat]
        return Part(
            seat=seat,
            seats=self._company(seat),
            seed=self.seed_of(seat),
            rules=self.scenario.rules,
            model=group.model,
            sampling=group.sampling,
            persona=self._personas[seat],
            system=group.system.text,
            memory=group.memory,
            context=context_of(group),
            options=group.options,
        )


def _turned(what: Injected, part: Part) -> Part:
    """*part* with what the injection says otherwise."""
    group = group_of(what)
    said: dict[str, Any] = {"options": group.options}
    said |= {"model": group.model} if group.model else {}
    said |= {"system": group.system.text} if group.system.text else {}
    said |= {"sampling": group.sampling} if group.sampling != Sampling() else {}
    said |= {} if what.seed is None else {"seed": what.seed}
    return msgspec.structs.replace(part, **said)


def _built(kind: str, reference: str, seat: str, make: Callable[[], M]) -> M:
    """What *make* makes; `BadPopulation` where it makes nothing."""
    try:
        return make()
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        why = safe_text(f"{type(error).__name__}: {error}", 500)
        raise BadPopulation(
            f"the {kind} {reference} of seat {seat} cannot be made: {why}"
        ) from error


def _on_trial(personas: Mapping[str, str]) -> list[str]:
    """The seats that stand for all of a group: its first, and its longest persona's."""
    seats = [*personas]
    return seats and [*{seats[0], max(seats, key=lambda seat: len(personas[seat]))}]


class _Unmade(Mind):
    """Stands for a mind that raised when it was made."""

    def __init__(self, part: Part, why: str) -> None:
        super().__init__(part)
        self._why = why

    async def act(self, ask: Ask) -> object:
        raise BadPopulation(self._why)


class _Broken(Wrapper):
    """Stands for a wrapper that raised when it was made."""

    def __init__(self, inner: Mind, why: str) -> None:
        super().__init__(inner.part, inner)
        self._why = why

    async def act(self, ask: Ask) -> object:
        raise BadPopulation(self._why)


def _checked(population: Population) -> Population:
    """*population* as a file or another process would read it."""
    as_toml(population)
    try:
        return msgspec.convert(msgspec.to_builtins(population), Population)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"the population: {error}") from None


def _filled(population: Population, scenario: Scenario) -> Population:
    """With the scenario's own seats and minds where the population names none."""
    groups = population.seats or (Group(count=scenario.seats),)
    return msgspec.structs.replace(
        population, seats=tuple(_with_mind(group, scenario) for group in groups)
    )


def _with_mind(group: Group, scenario: Scenario) -> Group:
    if group.mind:
        return group
    mind = "model" if group.model else scenario.mind
    return msgspec.structs.replace(group, mind=mind)
