"""Who plays what: the population file, its checks, and what a run is made from."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from hubbub.errors import BadPopulation
from hubbub.mind import Mind, Part
from hubbub.models.base import Sampling
from hubbub.names import check_seat
from hubbub.registry import load_mind, load_scenario
from hubbub.scenario import Scenario

#: Seats of one run.
MAX_SEATS = 100_000


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

    count: int = 0
    prefix: str = "L"
    names: tuple[str, ...] = ()
    mind: str = ""
    model: str = ""
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}


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
    seed: int = 0
    parameters: dict[str, Any] = {}
    seats: tuple[Group, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Every seat, in order; raises `BadName` or `BadPopulation`."""
        names = [name for group in self.seats for name in _names(group)]
        if not 1 <= len(names) <= MAX_SEATS:
            raise BadPopulation(
                f"{len(names):,} seats: a run has from 1 to {MAX_SEATS:,}"
            )
        seen: set[str] = set()
        for name in names:
            if check_seat(name) in seen:
                raise BadPopulation(f"two seats are called {name}: give a prefix each")
            seen.add(name)
        return tuple(names)

    def groups(self) -> dict[str, Group]:
        """Each seat's group."""
        return {name: group for group in self.seats for name in _names(group)}

    def models(self) -> tuple[str, ...]:
        """The models that seats use, sorted."""
        return tuple(sorted({group.model for group in self.seats if group.model}))


def _names(group: Group) -> tuple[str, ...]:
    if group.names:
        if group.count not in (0, len(group.names)):
            raise BadPopulation(f"{len(group.names)} names for {group.count} seats")
        return group.names
    if group.count > MAX_SEATS:
        raise BadPopulation(f"{group.count:,} seats: a run has from 1 to {MAX_SEATS:,}")
    return tuple(f"{group.prefix}{i}" for i in range(1, group.count + 1))


def read_population(path: Path) -> Population:
    """The population in a TOML file; `BadPopulation` names what is wrong and where."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, Population)
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as e:
        raise BadPopulation(f"{path}: {e}") from None


class Cast:
    """A population checked against its scenario: makes the minds."""

    def __init__(self, population: Population) -> None:
        """Raises `UsageError` for whatever could not be played."""
        self.scenario: Scenario = load_scenario(population.scenario)
        self.population = _filled(population, self.scenario)
        self.parameters = self.scenario.bind(self.population.parameters)
        self.names = self.population.names()
        self._groups = self.population.groups()
        for group in self.population.seats:
            if names := _names(group):
                self.mind(names[0])

    def mind(self, seat: str) -> Mind:
        """A new mind for *seat*."""
        group = self._groups[seat]
        part = Part(
            seat=seat,
            seats=self.names,
            seed=self.population.seed,
            rules=self.scenario.rules,
            model=group.model,
            sampling=group.sampling,
            options=group.options,
        )
        return load_mind(group.mind)(part)


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


def as_toml(population: Population) -> str:
    """*population* as a TOML file that `read_population` reads back."""
    return tomli_w.dumps(msgspec.to_builtins(population))
