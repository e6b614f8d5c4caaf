"""``hubbub run`` and ``hubbub resume``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import anyio
import click
import msgspec
import structlog

from hubbub.cli.estimate import estimating, tell_estimate
from hubbub.cli.interrupt import Interrupted, interrupt
from hubbub.cli.made import build, jsonable, made_of, runs
from hubbub.cli.needs import check_needs
from hubbub.cli.output import Page, echo_json, json_stream, silence, told
from hubbub.cli.spend import Spend, higher, spending, unpriced
from hubbub.console.failures import failures
from hubbub.console.live import LiveView
from hubbub.console.tables import bill, completeness, parsing, spent
from hubbub.errors import BudgetSpent, HubbubError, UsageError, first_error
from hubbub.folder import RunFolder, new_run_id, open_or_make, point_latest
from hubbub.launch import launch
from hubbub.logs import configure
from hubbub.population import Cast
from hubbub.terms import NANO, Terms

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


@click.command()
@click.argument("scenario")
@made_of
@click.option(
    "--clock",
    type=click.Choice(["wall", "virtual"]),
    help="Whether acts take as long as they take, or as their groups' latencies say.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The run folder (default: a new one in runs/).",
)
@click.option(
    "--replicate",
    type=click.IntRange(0, 1_000_000),
    metavar="K",
    help="Which replicate of a study this is, for the reply cache (default 0).",
)
@estimating
@spending
@shared
def run(
    scenario: str,
    agents: int | None,
    mind: str,
    model: str,
    settings: Sequence[str],
    seed: int | None,
    clock: Literal["wall", "virtual"] | None,
    out: Path | None,
    replicate: int | None,
    dry_run: bool,
    pilot: int | None,
    spend: Spend,
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
    if clock is not None:
        population = msgspec.structs.replace(population, clock=clock)
    cast = Cast(population)
    terms = spend.terms(cast.population.models())
    if dry_run:
        tell_estimate(cast, terms, pilot, as_json=as_json)
        return
    check_needs(cast, url, terms.cache, workers=workers)
    folder = _open(out, cast)
    had = folder.manifest.terms
    if replicate is not None:
        had = msgspec.structs.replace(had, replicate=replicate)
    terms = spend.terms(cast.population.models(), had)
    play(
        folder, cast, terms, url=url, workers=workers, as_json=as_json, verbose=verbose
    )


def _open(out: Path | None, cast: Cast) -> RunFolder:
    id_ = new_run_id(cast.scenario.name)
    path = out or runs() / id_
    parameters = jsonable(cast.parameters)
    try:
        folder = open_or_make(
            path, id_, cast.scenario.name, cast.population, parameters
        )
        if out is None:
            point_latest(folder.path)
    except OSError as error:
        raise UsageError(
            f"no run folder can be made at {path}: {error.strerror}: choose another "
            "with --out, or set HUBBUB_RUNS"
        ) from None
    return folder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@spending
@shared
def resume(
    folder: Path, spend: Spend, url: str, workers: int, as_json: bool, verbose: bool
) -> None:
    """Go on with the unfinished run in FOLDER."""
    found = RunFolder(folder)
    if found.manifest.state == "complete":
        raise UsageError(
            f"the run in {folder} is complete: look at it with 'hubbub show {folder}'"
        )
    cast, models = Cast(found.population()), found.models()
    terms = spend.terms(models, found.manifest.terms)
    check_needs(cast, url, terms.cache, models, workers)
    play(found, cast, terms, url=url, workers=workers, as_json=as_json, verbose=verbose)


def play(
    folder: RunFolder,
    cast: Cast,
    terms: Terms,
    *,
    url: str,
    workers: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """
    Play to the end and say how it ended.

    Ctrl-C leaves a run that can be resumed, and so does `BudgetSpent`.
    """
    configure("info" if verbose else "warning")
    view = LiveView(
        folder.run,
        console=Page(stderr=as_json),
        json=json_stream() if as_json else None,
        verbose=verbose,
    )

    async def playing() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(interrupt)
            with view:
                await launch(folder, cast, view, terms=terms, url=url, workers=workers)
            tasks.cancel_scope.cancel()

    stopped, short = False, ""
    try:
        with structlog.contextvars.bound_contextvars(run=folder.run):
            anyio.run(playing)
    except* Interrupted:
        stopped = True
    except* BudgetSpent as refused:
        short = str(first_error(refused))
    if short:
        if as_json:
            echo_json({"event": "stopped", "run": folder.run, "why": short})
        more = higher(terms, _spent(view))
        raise BudgetSpent(f"{short}\n  go on with: hubbub resume {folder.path} {more}")
    if stopped:
        click.echo(f"\nstopped; go on with: hubbub resume {folder.path}", err=True)
        raise Interrupted
    _tell_end(folder, view, as_json)
    for note in _notes(folder, view, cast, terms):
        click.echo(f"  note   {note}", err=as_json)


def _spent(view: LiveView) -> dict[str, int]:
    """What the run has spent, as a purse counts it, but for what is reckoned."""
    used = view.picture.total
    tokens = used.tokens_in + used.tokens_out
    return {"money": round(used.cost * NANO), "tokens": tokens}


def _notes(
    folder: RunFolder, view: LiveView, cast: Cast, terms: Terms
) -> Iterator[str]:
    """What is to be known of a complete run's model calls."""
    yield from failures(view.picture)
    unknown = unpriced(cast.population.models(), terms)
    if unknown and terms.money is not None:
        yield f"no price of {', '.join(unknown)}: not counted"
    if short := folder.manifest.outcomes.get("budget_stop"):
        yield (
            f"{short:,} asks or turns ended as budget_stop: the budget did not have what "
            "they might have cost"
        )


def _tell_end(folder: RunFolder, view: LiveView, as_json: bool) -> None:
    if isinstance(view.failure, BrokenPipeError):
        silence()
        return
    if view.failure is not None:
        raise HubbubError(
            f"the run is complete, but not its output: {view.failure.strerror}; all of "
            f"it is in {folder.path}"
        )
    manifest = folder.manifest
    if as_json:
        echo_json(
            {
                "event": "done",
                "run": manifest.run,
                "folder": told(folder.path),
                "messages": manifest.messages,
                "outcomes": manifest.outcomes,
                "complete": manifest.state == "complete",
                **spent(view.picture),
                "wall_s": manifest.wall,
            }
        )
        return
    click.echo(
        f"{manifest.run}: complete, {manifest.messages:,} messages in "
        f"{manifest.wall:.1f} s, {completeness(view.picture)}"
    )
    if view.picture.calls:
        click.echo(f"  spent  {bill(view.picture)}")
        click.echo(f"  parsed {parsing(view.picture)}")
    click.echo(f"  log    {folder.log}")
    click.echo(f"  look   hubbub show {folder.path}")
    click.echo(f"  check  hubbub verify {folder.path}")
