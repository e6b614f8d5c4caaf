"""Who plays what: the population file, its checks, and what a run is made from."""

import tomllib
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import tomli_w

from hubbub.cohort import read_cohort
from hubbub.errors import BadPopulation, UnknownName, UsageError
from hubbub.groups import MAX_SEATS, Group, Template, context_of, read_template
from hubbub.mind import Ask, Mind, Part
from hubbub.models.base import Sampling
from hubbub.names import check_seat
from hubbub.policies import POLICIES
from hubbub.registry import absolute, load_mind, load_scenario
from hubbub.scenario import Scenario
from hubbub.text import safe_text

__all__ = [
    "Cast",
    "Group",
    "Population",
    "Seed",
    "Template",
    "as_toml",
    "population_in",
    "read_population",
    "read_table",
]

#: Bytes of a population file.
MAX_FILE = 1 << 24
#: The largest whole number that every reader of JSON reads exactly.
MAX_SEED = (1 << 53) - 1

Seed = Annotated[int, msgspec.Meta(ge=-MAX_SEED, le=MAX_SEED)]


class Population(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    Everything a run is made from; the same population is the same run again.

    *scenario* is a registered name or the path of a Python file.
    """

    scenario: str
    seed: Seed = 0
    parameters: dict[str, Any] = {}
    seats: tuple[Group, ...] = ()

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
        return tuple(sorted({group.model for group in self.seats if group.model}))


def read_population(path: Path) -> Population:
    """
    The population in a TOML file; `UsageError` names what is wrong and where.

    Paths in it are relative to its folder; templates and cohorts are taken in.
    """
    return population_in(read_table(path), path)


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
    except tomllib.TOMLDecodeError as error:
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


class _Words(msgspec.Struct):
    sampling: dict[str, Any] = {}
    memory: dict[str, Any] = {}


def _check_keys(path: Path, table: Mapping[str, Any]) -> None:
    """Raise `UnknownName` for a key that means nothing."""
    groups = msgspec.convert(table, _Groups).seats
    for group in groups:
        if isinstance(name := group.get("memory"), str):
            raise BadPopulation(
                f'{path}: write memory = {{ policy = "{safe_text(name, 40)}" }}'
            )
    inner = [msgspec.convert(group, _Words) for group in groups]
    words = [group.sampling for group in inner]
    for struct, tables in ((Population, [table]), (Group, groups), (Sampling, words)):
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
    groups = msgspec.convert(table, _Groups).seats
    taken = [dict(group) for group in groups]
    for group in taken:
        if isinstance(path := group.get("system"), str):
            group["system"] = {"text": read_template(folder / path)}
        if isinstance(path := group.get("cohort"), str):
            group["cohort"] = read_cohort(folder / path)
    return {**table, "seats": taken} if taken else dict(table)


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
    )


def as_toml(population: Population) -> str:
    """
    *population* as a TOML file that `read_population` reads back.

    Raises `BadPopulation` for what a file cannot hold.
    """
    try:
        text = tomli_w.dumps(_table(population))
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
    for group in table.get("seats", ()):
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
        self._groups = self.population.groups()
        self._personas: dict[str, str] = {}
        for group in self.population.seats:
            personas = dict(zip(group.seats(), group.personas(), strict=True))
            self._personas |= personas
            for name in _on_trial(personas):
                self._make(name)

    def mind(self, seat: str) -> Mind:
        """A new mind for *seat*; where it cannot be made, one that fails every act."""
        try:
            return self._make(seat)
        except UsageError as error:
            return _Unmade(self.part(seat), str(error))

    def _make(self, seat: str) -> Mind:
        reference = self._groups[seat].mind
        try:
            mind = load_mind(reference)(self.part(seat))
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            why = safe_text(f"{type(error).__name__}: {error}", 500)
            raise BadPopulation(
                f"the mind {reference} of seat {seat} cannot be made: {why}"
            ) from error
        # An entry point may be any callable.
        if not isinstance(cast("object", mind), Mind):
            raise BadPopulation(f"the mind {reference} made a {type(mind).__name__}")
        return mind

    def part(self, seat: str) -> Part:
        """What the mind in *seat* is told when it is made."""
        group = self._groups[seat]
        return Part(
            seat=seat,
            seats=self.names,
            seed=self.population.seed,
            rules=self.scenario.rules,
            model=group.model,
            sampling=group.sampling,
            persona=self._personas[seat],
            system=group.system.text,
            memory=group.memory,
            context=context_of(group),
            options=group.options,
        )


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
