"""What a run is made from, as it is said on the command line."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from hubbub.errors import BadPopulation
from hubbub.groups import MAX_SEATS, MAX_SEED
from hubbub.population import Group, Population, read_population
from hubbub.registry import absolute, load_scenario
from hubbub.scenario import Scenario


def runs() -> Path:
    """Where run folders are made."""
    return Path(os.environ.get("HUBBUB_RUNS", "runs"))


_made_of = [
    click.option(
        "--agents",
        type=click.IntRange(1, MAX_SEATS),
        envvar="HUBBUB_AGENTS",
        metavar="N",
        help="How many seats.",
    ),
    click.option(
        "--mind",
        envvar="HUBBUB_MIND",
        default="",
        metavar="NAME",
        help="What fills the seats.",
    ),
    click.option(
        "--model",
        envvar="HUBBUB_MODEL",
        default="",
        metavar="PROVIDER/MODEL",
        help="The model of the seats; implies --mind model.",
    ),
    click.option(
        "--set",
        "settings",
        envvar="HUBBUB_SET",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the scenario; may be repeated.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(-MAX_SEED, MAX_SEED),
        envvar="HUBBUB_SEED",
        metavar="N",
        help="The run's seed (default 0).",
    ),
]


def made_of(command: Any) -> Any:
    """The options that make a population."""
    for option in reversed(_made_of):
        command = option(command)
    return command


def build(
    scenario: str,
    agents: int | None,
    mind: str,
    model: str,
    settings: Sequence[str],
    seed: int | None,
) -> Population:
    """The population that the command line describes; options go over the file's."""
    if scenario.endswith(".toml"):
        population = read_population(Path(scenario))
    else:
        population = Population(scenario=absolute(scenario, Path.cwd()))
    game = load_scenario(population.scenario)
    groups = population.seats
    if agents is not None or ((mind or model) and not groups):
        if len(groups) > 1 or (groups and groups[0].names):
            raise BadPopulation(
                "--agents fits one group of seats; edit the file instead"
            )
        count = agents or game.seats
        group = groups[0] if groups else Group()
        groups = (msgspec.structs.replace(group, count=count),)
    if model:
        groups = tuple(msgspec.structs.replace(g, model=model, mind="") for g in groups)
    if mind:
        mind = absolute(mind, Path.cwd())
        groups = tuple(msgspec.structs.replace(g, mind=mind) for g in groups)
    return msgspec.structs.replace(
        population,
        seed=population.seed if seed is None else seed,
        parameters=population.parameters | _parameters(settings, game),
        seats=groups,
    )


def _parameters(settings: Sequence[str], game: Scenario) -> dict[str, Any]:
    """What ``--set NAME=VALUE`` says, the last one of a name."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise BadPopulation(f"--set {setting}: write it as NAME=VALUE")
        values[name] = game.read(name, text)
    return values


def jsonable(parameters: dict[str, Any]) -> dict[str, Any]:
    """*parameters* as a manifest keeps them."""
    built: dict[str, Any] = msgspec.to_builtins(parameters)
    return built
