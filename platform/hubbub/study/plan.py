"""What a study comes to: its arms, their populations, and the runs to be made."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from hubbub.chance import generator
from hubbub.errors import BadPopulation, UnknownName
from hubbub.population import Cast, Population, population_in, read_population
from hubbub.registry import absolute, load_scenario
from hubbub.scenario import Scenario
from hubbub.study.file import Compare, Setting, Study, read_study
from hubbub.study.outcomes import Measure, bind
from hubbub.terms import CacheMode

#: What a solitary arm is called after its own arm's name.
SOLITARY = "/solitary"
#: What the arm of another one's runs without their injections is called after its name.
TWIN = "/twin"
#: The completeness below which an arm is unusable, where nothing else is declared.
COMPLETE = 0.95

_SEED_BITS = 53


class Arm(NamedTuple):
    """
    A condition: the *population* of its runs, but for seed and solitary seat.

    *prior* and *context* are empty where nothing is crossed; *complete* is the share
    of asks and turns that are to be answered.  The runs of a *twin* are forks of those of
    the arm that it names.
    """

    name: str
    population: Population
    prior: str = ""
    context: str = ""
    solitary: bool = False
    alone: bool = False
    complete: float = COMPLETE
    cache: CacheMode | None = None
    twin: str = ""

    @property
    def counterpart(self) -> bool:
        """Whether it is there for the sake of another arm."""
        return self.solitary or bool(self.twin)


class Run(NamedTuple):
    """One replicate of an arm, from 1."""

    arm: Arm
    replicate: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.arm.name.replace('/', '.')}-{self.replicate}"

    @property
    def source(self) -> "Run | None":
        """The run that a twin's is a fork of."""
        twin = self.arm.twin
        return (
            self._replace(arm=self.arm._replace(name=twin, twin="")) if twin else None
        )


class Plan(NamedTuple):
    """A study that can be made; *digest* is the SHA-256 of its file."""

    study: Study
    digest: str
    arms: tuple[Arm, ...]
    measures: tuple[Measure, ...]
    compare: tuple[Compare, ...]

    def runs(self, units: int) -> list[Run]:
        """The runs of the first *units* replicates, one replicate after the other."""
        numbers = range(1, units + 1)
        return [Run(arm, number) for number in numbers for arm in self.arms]

    def seed(self, replicate: int) -> int:
        """The seed of all arms' runs in *replicate*."""
        chance = generator(self.study.seed, "replicate", replicate)
        return chance.getrandbits(_SEED_BITS)

    def cast(self, run: Run) -> Cast:
        """Who plays *run*; raises `UsageError` for what cannot be played."""
        population = run.arm.population
        if run.arm.alone:
            population = alone(population, run.replicate)
        return Cast(msgspec.structs.replace(population, seed=self.seed(run.replicate)))


def read_plan(path: Path) -> Plan:
    """
    The plan of the study file *path*.

    Every arm is cast once, so that what cannot be played is known before anything is.
    Raises `UsageError` that says what is wrong and where.
    """
    study, digest = read_study(path)
    base = _base(study, path)
    game = load_scenario(absolute(base["scenario"], path.parent))
    arms = _arms(study, _apply(base, study, game), path, game)
    plan = Plan(
        study=study,
        digest=digest,
        arms=tuple(arms),
        measures=tuple(bind(o, path.parent) for o in study.outcomes),
        compare=_comparisons(study, arms),
    )
    if study.stop and not plan.compare:
        raise BadPopulation(f"{path}: a [stop] looks at comparisons: name some")
    for run in plan.runs(1):
        try:
            plan.cast(run)
        except UnknownName:
            raise
        except BadPopulation as error:
            raise BadPopulation(f"arm {run.arm.name}: {error}") from None
    return plan


# -- arms


def _base(study: Study, path: Path) -> dict[str, Any]:
    if not study.population:
        return {"scenario": study.scenario}
    population = read_population(path.parent / study.population)
    table: dict[str, Any] = msgspec.to_builtins(population)
    return table


def _arms(study: Study, base: dict[str, Any], path: Path, game: Scenario) -> list[Arm]:
    arms: list[Arm] = []
    for name, prior, context, settings in _named(study):
        table, complete, cache = base, study.complete, study.cache
        for setting in settings:
            table = _apply(table, setting, game)
            complete = complete if setting.complete is None else setting.complete
            cache = setting.cache or cache
        arm = Arm(
            name=name,
            population=population_in(table, path),
            prior=prior,
            context=context,
            complete=COMPLETE if complete is None else complete,
            cache=cache,
        )
        arms.append(arm)
        if study.twins and arm.population.inject:
            arms.append(arm._replace(name=name + TWIN, twin=name))
        if study.solitary:
            arms.append(_solitary(arm, game))
    if study.twins and not any(arm.twin for arm in arms):
        raise BadPopulation(f"{path}: no arm injects anything: leave twins out")
    return arms


def _named(study: Study) -> Iterator[tuple[str, str, str, list[Setting]]]:
    for name, setting in study.arms.items():
        yield name, "", "", [setting]
    for prior, context in product(study.prior, study.context):
        settings = [study.prior[prior], study.context[context]]
        yield f"{prior}/{context}", prior, context, settings


def _apply(
    table: Mapping[str, Any], setting: Setting, game: Scenario
) -> dict[str, Any]:
    """The population in *table* as *setting* has it."""
    groups = [dict(group) for group in table.get("seats", ())]
    if setting.seats is not None:
        groups = [dict(group) for group in setting.seats]
    groups = groups or [{"count": game.seats}]
    if setting.agents is not None:
        if len(groups) > 1 or groups[0].get("names"):
            raise BadPopulation(
                "agents fits one group of seats: name the seats instead"
            )
        groups[0]["count"] = setting.agents
    for group in groups:
        _apply_to_group(group, setting)
    return {
        **table,
        "parameters": {**table.get("parameters", {}), **setting.parameters},
        "seats": groups,
        "inject": table.get("inject", ()) if setting.inject is None else setting.inject,
    }


def _apply_to_group(group: dict[str, Any], setting: Setting) -> None:
    if setting.model is not None:
        group |= {"model": setting.model, "mind": ""}
    for key in ("mind", "memory", "cohort", "system"):
        if (value := getattr(setting, key)) is not None:
            group[key] = value
    for key in ("options", "sampling"):
        if more := getattr(setting, key):
            group[key] = {**group.get(key, {}), **more}


# -- alone


def _solitary(arm: Arm, game: Scenario) -> Arm:
    """
    The counterpart of *arm* in which nobody has company.

    Where the scenario itself has an ``arm`` called ``individual``, that; else one seat
    alone, see `alone`.  Nobody is injected.
    """
    arm = arm._replace(population=msgspec.structs.replace(arm.population, inject=()))
    name, population = arm.name + SOLITARY, arm.population
    if "arm" in game.parameters and "individual" in get_args(
        game.parameters["arm"].annotation
    ):
        parameters = {**population.parameters, "arm": "individual"}
        population = msgspec.structs.replace(population, parameters=parameters)
        return arm._replace(name=name, population=population, solitary=True)
    if game.least > 1:
        raise BadPopulation(
            f"{game.name} is played by {game.least} seats or more and has no arm "
            "individual: leave solitary out"
        )
    return arm._replace(name=name, solitary=True, alone=True)


def alone(population: Population, replicate: int) -> Population:
    """
    *population* with one of its seats only, which is another in each *replicate*.

    All have their turn, in their order, and then again; a seat keeps its name, its
    persona and its mind.
    """
    names = population.names()
    seat = names[(replicate - 1) % len(names)]
    group = population.groups()[seat]
    only = msgspec.structs.replace(group, names=(seat,), count=0)
    if group.cohort is not None:
        first = group.cohort_from + group.seats().index(seat)
        only = msgspec.structs.replace(only, cohort_from=first)
    return msgspec.structs.replace(population, seats=(only,))


# -- comparisons


def _comparisons(study: Study, arms: Sequence[Arm]) -> tuple[Compare, ...]:
    """
    What is declared; else every arm with the first one, and each with its counterparts.

    Crossed arms are not compared unless it is declared: they are decomposed.
    """
    known = [arm.name for arm in arms]
    if study.compare is not None:
        for name in (name for each in study.compare for name in each.arms):
            if name not in known:
                raise UnknownName("arm", name, known)
        return study.compare
    own = [arm for arm in arms if not arm.counterpart]
    found = [Compare(arms=(own[0].name, arm.name)) for arm in own[1:]]
    if study.prior:
        found = []
    found += [Compare(arms=(arm.name, arm.twin)) for arm in arms if arm.twin]
    if study.solitary:
        found += [Compare(arms=(arm.name + SOLITARY, arm.name)) for arm in own]
    return tuple(found)
