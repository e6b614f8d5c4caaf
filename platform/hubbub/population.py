"""Who plays what: the population file, its checks, and what a run is made from."""

import tomllib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import tomli_w

from hubbub.errors import BadPopulation, UnknownName, UsageError
from hubbub.mind import Ask, Mind, Part
from hubbub.models.base import Sampling
from hubbub.names import check_seat
from hubbub.registry import absolute, load_mind, load_scenario
from hubbub.scenario import Scenario
from hubbub.text import safe_text

#: Seats of one run.
MAX_SEATS = 100_000
#: Bytes of a population file.
MAX_FILE = 1 << 24
#: The largest whole number that every reader of JSON reads exactly.
MAX_SEED = (1 << 53) - 1

Seed = Annotated[int, msgspec.Meta(ge=-MAX_SEED, le=MAX_SEED)]


class Group(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    Seats that are filled alike.

    They are called *names*, or *prefix* and a number from 1 to *count*.
    """

    count: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEATS)] = 0
    prefix: str = "L"
    names: tuple[str, ...] = ()
    mind: str = ""
    model: str = ""
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}

    def seats(self) -> tuple[str, ...]:
        """The seats' names; raises `BadPopulation` where *count* says another number."""
        if not self.names:
            return tuple(f"{self.prefix}{i}" for i in range(1, self.count + 1))
        if self.count not in (0, len(self.names)):
            raise BadPopulation(
                f"{len(self.names)} names for {self.count} seats: leave count out"
            )
        return self.names


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

    Paths in it are relative to its folder.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise BadPopulation(
                f"{path} is no population file: over {MAX_FILE:,} bytes"
            )
        table = tomllib.loads(data.decode())
        _check_keys(path, table)
        return _from(path.parent, msgspec.convert(table, Population))
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadPopulation(f"{path} is not UTF-8: byte {error.start}") from None
    except RecursionError:
        raise BadPopulation(f"{path}: nested too deeply") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None


class _Groups(msgspec.Struct):
    seats: tuple[dict[str, Any], ...] = ()


class _Words(msgspec.Struct):
    sampling: dict[str, Any] = {}


def _check_keys(path: Path, table: Mapping[str, Any]) -> None:
    """Raise `UnknownName` for a key that means nothing."""
    groups = msgspec.convert(table, _Groups).seats
    words = [msgspec.convert(group, _Words).sampling for group in groups]
    for struct, tables in ((Population, [table]), (Group, groups), (Sampling, words)):
        known = [*struct.__struct_fields__]
        for key in chain.from_iterable(tables):
            if key not in known:
                raise UnknownName(f"key in {path}", key, known)


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
        text.encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise BadPopulation(
            f"a population file cannot hold this: {error}; what is null may be left out"
        ) from None
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
        for group in self.population.seats:
            for name in group.seats()[:1]:
                self._make(name)

    def mind(self, seat: str) -> Mind:
        """A new mind for *seat*; where it cannot be made, one that fails every act."""
        try:
            return self._make(seat)
        except UsageError as error:
            return _Unmade(self._part(seat), str(error))

    def _make(self, seat: str) -> Mind:
        reference = self._groups[seat].mind
        try:
            mind = load_mind(reference)(self._part(seat))
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

    def _part(self, seat: str) -> Part:
        group = self._groups[seat]
        return Part(
            seat=seat,
            seats=self.names,
            seed=self.population.seed,
            rules=self.scenario.rules,
            model=group.model,
            sampling=group.sampling,
            options=group.options,
        )


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
