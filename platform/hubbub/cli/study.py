"""``hubbub study``: arms, replicates, and an effect with its error."""

import os
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click
import msgspec
from rich.live import Live

from hubbub.cli.interrupt import Interrupted, interrupt
from hubbub.cli.needs import check_needs
from hubbub.cli.output import Page, echo_json, told
from hubbub.cli.spend import Spend, higher, spending
from hubbub.errors import BudgetSpent, RunFailed, UsageError, first_error
from hubbub.terms import Terms

if TYPE_CHECKING:
    from hubbub.study.analysis import Effects
    from hubbub.study.plan import Plan, Run
    from hubbub.study.sitting import Sitting, Told

#: Seconds between two looks at a study that goes on.
TICK = 0.25
#: What the extra installs, and a study cannot do without.
EXTRA = ("networkx", "numpy", "scipy", "statsmodels", "vaderSentiment")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be run.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The study folder (default: studies/NAME).",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many runs at a time (default: as many as processors).",
)
@spending
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def study(
    file: Path,
    only_plan: bool,
    out: Path | None,
    jobs: int | None,
    spend: Spend,
    as_json: bool,
) -> None:
    """
    Make all runs of the study FILE, and say what they find.

    The same command goes on with an unfinished study: only what is missing is run.
    """
    if not all(map(find_spec, EXTRA)):
        raise UsageError("hubbub study needs statistics: pip install 'hubbub[study]'")
    # All of these need numpy, which a command that only plays a game does without.
    from hubbub.cli.planned import tell_plan
    from hubbub.study.folder import StudyFolder, check_same
    from hubbub.study.plan import read_plan
    from hubbub.study.sitting import Sitting

    plan = read_plan(file)
    spend = _with_file(spend, plan)
    terms = spend.terms(_models(plan))
    if only_plan:
        tell_plan(plan, terms, as_json=as_json)
        return
    for run in plan.runs(1):
        cache = run.arm.cache or terms.cache
        check_needs(plan.cast(run), os.environ.get("REDIS_URL", ""), cache)
    folder = StudyFolder(out or Path("studies", plan.study.name))
    folder.begin(file)
    with folder.hold():
        check_same(plan, folder, plan.runs(plan.study.most))
        folder.freeze(file)
        watch = _Watch(as_json)
        sitting = Sitting(
            plan,
            folder,
            terms,
            jobs=jobs or plan.study.jobs or os.cpu_count() or 1,
            tell=watch.tell,
            options=_options(spend),
        )
        words = ["hubbub study", str(file), *_options(spend)]
        command = " ".join([*words, "--out", str(out)] if out else words)
        _tell_end(_make(plan, sitting, watch, command, terms), folder.path, as_json)


def _with_file(spend: Spend, plan: "Plan") -> Spend:
    """*spend* with what the study file says where the command line says nothing."""
    own = plan.study
    return msgspec.structs.replace(
        spend,
        budget=own.budget if spend.budget is None else spend.budget,
        token_budget=spend.token_budget or own.token_budget,
    )


def _models(plan: "Plan") -> set[str]:
    return {model for arm in plan.arms for model in arm.population.models()}


def _options(spend: Spend) -> list[str]:
    options = ["--allow-unknown-price"] * spend.allow_unknown_price
    return [*options, "--prices", str(spend.prices)] if spend.prices else options


# -- runs


class _Watch:
    """Tells whoever looks on how far a study is."""

    def __init__(self, as_json: bool) -> None:
        from hubbub.console.studies import Progress

        self.progress = Progress(time.monotonic)
        self.page = Page(stderr=as_json)
        self._as_json = as_json

    def tell(self, told: "Told") -> None:
        words = self.progress.tell(told)
        if self._as_json:
            run = told.run
            event = {"event": "run", "run": run.name, "arm": run.arm.name}
            echo_json(event | {"replicate": run.replicate, "state": told.state})
        if words and not self.page.is_interactive:
            self.page.print(words, markup=False, highlight=False)


def _make(
    plan: "Plan", sitting: "Sitting", watch: _Watch, command: str, terms: Terms
) -> "Effects":
    """Make runs until there are enough; what they come to is in the folder then."""
    from hubbub.study.making import make

    def sit(runs: Sequence["Run"], done: Sequence["Run"]) -> None:
        names = [run.arm.name for run in runs]
        watch.progress.expect(names, [run.arm.name for run in done])
        try:
            anyio.run(_sit, sitting, runs, watch)
        except BaseExceptionGroup as group:
            error = first_error(group)
            if isinstance(error, Interrupted):
                click.echo(f"\nstopped; go on with: {command}", err=True)
            if not isinstance(error, BudgetSpent | RunFailed):
                raise
            more = higher(terms) if isinstance(error, BudgetSpent) else ""
            again = f"{command} {more}".rstrip()
            raise type(error)(f"{error}\n  go on with: {again}") from None

    return make(plan, sitting.folder, sit)


async def _sit(sitting: "Sitting", runs: Sequence["Run"], watch: _Watch) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(interrupt)
        if watch.page.is_interactive:
            tasks.start_soon(_draw, watch)
        await sitting.sit(runs)
        tasks.cancel_scope.cancel()


async def _draw(watch: _Watch) -> None:
    with Live(
        watch.progress,
        console=watch.page,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
    ) as live:
        while True:
            live.refresh()
            await anyio.sleep(TICK)


def _tell_end(effects: "Effects", folder: Path, as_json: bool) -> None:
    if as_json:
        built: dict[str, Any] = msgspec.to_builtins(effects)
        echo_json({"event": "done", "folder": told(folder), "effects": built})
        return
    from hubbub.console.studies import findings

    Page().print(findings(effects))
    click.echo(f"  table  {folder / 'table.csv'}")
    click.echo(f"  more   {folder / 'effects.json'}")
