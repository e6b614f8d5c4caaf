"""``hubbub run`` and ``hubbub resume``."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import click
import msgspec

from hubbub.cli.interrupt import interrupt
from hubbub.console.live import LiveView
from hubbub.console.tables import completeness
from hubbub.errors import BadPopulation, UsageError
from hubbub.folder import RunFolder, new_run_id, open_or_make, point_latest
from hubbub.launch import launch
from hubbub.logs import configure
from hubbub.population import Cast, Group, Population, read_population

#: Where run folders are made.
RUNS = Path(os.environ.get("HUBBUB_RUNS", "runs"))

_shared = [
    click.option(
        "--redis",
        "url",
        envvar="REDIS_URL",
        default="",
        metavar="URL",
        help="Use this server instead of an embedded one.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(0, 64),
        default=0,
        metavar="N",
        help="Each role in a process of its own, and N workers.",
    ),
    click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout."),
    click.option("-v", "--verbose", is_flag=True, help="Show asks and phases too."),
]


def shared(command: Any) -> Any:
    """The options of both commands."""
    for option in reversed(_shared):
        command = option(command)
    return command


_made_of = [
    click.option("--agents", type=int, metavar="N", help="How many seats."),
    click.option("--mind", default="", metavar="NAME", help="What fills the seats."),
    click.option(
        "--model",
        default="",
        metavar="PROVIDER/MODEL",
        help="The model of the seats; implies --mind model.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the scenario; may be repeated.",
    ),
    click.option("--seed", type=int, metavar="N", help="The run's seed (default 0)."),
]


def made_of(command: Any) -> Any:
    """The options that make a population."""
    for option in reversed(_made_of):
        command = option(command)
    return command


@click.command()
@click.argument("scenario")
@made_of
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The run folder (default: a new one in runs/).",
)
@shared
def run(
    scenario: str,
    agents: int | None,
    mind: str,
    model: str,
    settings: Sequence[str],
    seed: int | None,
    out: Path | None,
    url: str,
    workers: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """
    Play SCENARIO: its name, a population file (.toml), or a Python file (.py).

    The same command on the same --out goes on with an unfinished run.
    """
    population = build(scenario, agents, mind, model, settings, seed)
    cast = Cast(population)
    name = cast.scenario.name
    id_ = new_run_id(name)
    folder = open_or_make(
        out or RUNS / id_, id_, name, cast.population, jsonable(cast.parameters)
    )
    if out is None:
        point_latest(folder.path)
    play(folder, cast, url=url, workers=workers, as_json=as_json, verbose=verbose)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@shared
def resume(folder: Path, url: str, workers: int, as_json: bool, verbose: bool) -> None:
    """Go on with the unfinished run in FOLDER."""
    found = RunFolder(folder)
    if found.manifest.state == "complete":
        raise UsageError(f"the run in {folder} is complete")
    cast = Cast(found.population())
    play(found, cast, url=url, workers=workers, as_json=as_json, verbose=verbose)


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
        path, colon, name = scenario.partition(":")
        if path.endswith(".py"):
            scenario = str(Path(path).resolve()) + colon + name
        population = Population(scenario=scenario)
    groups = population.seats
    if agents is not None or ((mind or model) and not groups):
        if len(groups) > 1 or (groups and groups[0].names):
            raise BadPopulation(
                "--agents fits one group of seats; edit the file instead"
            )
        default = Cast(population).scenario.seats
        count = default if agents is None else agents
        group = groups[0] if groups else Group()
        groups = (msgspec.structs.replace(group, count=count),)
    if model:
        groups = tuple(msgspec.structs.replace(g, model=model, mind="") for g in groups)
    if mind:
        groups = tuple(msgspec.structs.replace(g, mind=mind) for g in groups)
    return msgspec.structs.replace(
        population,
        seed=population.seed if seed is None else seed,
        parameters=population.parameters | dict(map(_setting, settings)),
        seats=groups,
    )


def _setting(text: str) -> tuple[str, Any]:
    """``name=value``; the value is JSON if it looks like it, else text."""
    name, sign, value = text.partition("=")
    if not sign:
        raise BadPopulation(f"--set {text}: write it as NAME=VALUE")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def jsonable(parameters: dict[str, Any]) -> dict[str, Any]:
    """*parameters* as a manifest keeps them."""
    built: dict[str, Any] = msgspec.to_builtins(parameters)
    return built


def play(
    folder: RunFolder,
    cast: Cast,
    *,
    url: str,
    workers: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """Play to the end and say how it ended; Ctrl-C leaves a run that can be resumed."""
    configure("info" if verbose else "warning")
    view = LiveView(folder.run, json=sys.stdout if as_json else None, verbose=verbose)

    async def playing() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(interrupt)
            with view:
                await launch(folder, cast, view, url=url, workers=workers)
            tasks.cancel_scope.cancel()

    try:
        anyio.run(playing)
    except* KeyboardInterrupt:
        click.echo(f"\nstopped; go on with: hubbub resume {folder.path}", err=True)
        sys.exit(130)
    _tell_end(folder, view, as_json)


def _tell_end(folder: RunFolder, view: LiveView, as_json: bool) -> None:
    manifest = folder.manifest
    if as_json:
        done = {
            "event": "done",
            "run": manifest.run,
            "folder": str(folder.path),
            "messages": manifest.messages,
            "outcomes": manifest.outcomes,
            "complete": manifest.state == "complete",
            "wall_s": manifest.wall,
        }
        click.echo(msgspec.json.encode(done).decode())
        return
    click.echo(
        f"{manifest.run}: complete, {manifest.messages:,} messages in "
        f"{manifest.wall:.1f} s, {completeness(view.picture)}"
    )
    click.echo(f"  log    {folder.log}")
    click.echo(f"  look   hubbub show {folder.path}")
    click.echo(f"  check  hubbub verify {folder.path}")
