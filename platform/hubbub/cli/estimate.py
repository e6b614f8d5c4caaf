"""``hubbub run --dry-run``: what a run would come to, and no run."""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import anyio
import click
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hubbub.chance import generator
from hubbub.cli.interrupt import interrupt
from hubbub.cli.output import Page, echo_json
from hubbub.console.calls import Usage, bounds, money, price
from hubbub.dryrun import Sample
from hubbub.errors import HubbubError, ModelError, first_error
from hubbub.estimate import (
    NOTHING,
    Estimate,
    Line,
    estimate,
    first_rehearsal,
    limits,
)
from hubbub.intervals import Range
from hubbub.logs import configure
from hubbub.messages import Budgeted
from hubbub.models.catalogue import open_models
from hubbub.pilot import Trial, choose, size_of, try_out
from hubbub.population import Cast
from hubbub.terms import Terms
from hubbub.text import safe_text

_options = [
    click.option(
        "--dry-run",
        is_flag=True,
        help="Estimate calls, tokens and cost instead of playing.",
    ),
    click.option(
        "--pilot",
        type=click.IntRange(0, 1_000),
        metavar="K",
        help="Calls that the estimate may make (default 8 or more; 0: none).",
    ),
]


def estimating(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, given to *command* as ``dry_run`` and ``pilot``."""

    @wraps(command)
    def checked(**options: Any) -> Any:
        if options["pilot"] is not None and not options["dry_run"]:
            raise click.UsageError("--pilot is for --dry-run")
        return command(**options)

    wrapped: Callable[..., Any] = checked
    for option in reversed(_options):
        wrapped = option(wrapped)
    return wrapped


def tell_estimate(
    cast: Cast, terms: Terms, pilot: int | None, *, as_json: bool
) -> None:
    """Rehearse *cast*'s run, try its models, and say what it would come to on *terms*."""
    configure("error")
    models = cast.population.models()
    found = NOTHING
    trials: list[Trial] = []
    if models:
        with Page(stderr=True).status("rehearsing") as status:
            first = first_rehearsal(cast)
            size = size_of(first, pilot)
            if size:
                status.update(f"trying {size} calls")
                rng = generator(cast.population.seed, "pilot")
                samples = choose(first, terms.prices, size, rng)
                trials = _trials(samples, models, terms)

                def tell(number: int) -> None:
                    status.update(f"rehearsal {number}")

                found = estimate(cast, first, trials, terms.prices, tell=tell)
            else:
                found = limits(cast, first, terms.prices)
    if as_json:
        echo_json(_event(cast, found, trials, terms))
    else:
        Page().print(_page(cast, found, trials, terms))


def _trials(
    samples: Sequence[Sample], models: Sequence[str], terms: Terms
) -> list[Trial]:
    try:
        return anyio.run(_try, samples, models, terms)
    except* ModelError as failed:
        raise HubbubError(
            f"the pilot has failed: {first_error(failed)}\n"
            "  see 'hubbub models', or estimate with --pilot 0, which asks nobody"
        ) from None


async def _try(
    samples: Sequence[Sample], models: Sequence[str], terms: Terms
) -> list[Trial]:
    trials: list[Trial] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(interrupt)
        async with open_models(models, os.environ) as opened:
            trials += await try_out(samples, opened, terms.prices)
        tasks.cancel_scope.cancel()
    return trials


# -- for programs


def _event(
    cast: Cast, found: Estimate, trials: Sequence[Trial], terms: Terms
) -> dict[str, Any]:
    tried = _tried(trials)
    return {
        "event": "estimate",
        "scenario": cast.scenario.name,
        "seed": cast.population.seed,
        "seats": len(cast.names),
        "models": found.models,
        "cost": found.cost,
        "rehearsals": found.rehearsals,
        "pilot": {
            "calls": tried.calls,
            "replies": tried.replies,
            "answers": sum(trial.legal for trial in trials),
            "tokens_in": tried.tokens_in,
            "tokens_out": tried.tokens_out,
            "cost": tried.known_cost,
        },
        "budget": {"money": terms.money, "tokens": terms.tokens},
        "interval": found.interval,
    }


def _tried(trials: Sequence[Trial]) -> Usage:
    usage = Usage()
    for trial in trials:
        usage.add(trial.call)
    return usage


# -- for people


def _page(cast: Cast, found: Estimate, trials: Sequence[Trial], terms: Terms) -> Group:
    seats = f"{len(cast.names):,} seats, seed {cast.population.seed}"
    title = Text(f"estimate of {safe_text(cast.scenario.name, 64)}, {seats}", "bold")
    if not found.models:
        return Group(title, Text("no model is called: the run costs nothing"))
    notes = Table.grid(padding=(0, 2))
    for name, words in _notes(found, trials, terms):
        notes.add_row(Text(name, "dim"), Text(words))
    return Group(title, _table(found), notes)


def _notes(
    found: Estimate, trials: Sequence[Trial], terms: Terms
) -> list[tuple[str, str]]:
    notes: list[tuple[str, str]] = []
    if trials:
        tried, good = _tried(trials), sum(trial.legal for trial in trials)
        tokens = f"{tried.tokens_in:,} tokens in and {tried.tokens_out:,} out"
        notes += [
            ("pilot", f"{tried.calls:,} calls, {good:,} answers, {tokens}"),
            ("paid", f"{price(tried)} for the pilot"),
            ("", f"{found.rehearsals} rehearsals with replies like the pilot's"),
        ]
    else:
        notes.append(("pilot", "none"))
    if unknown := [m for m, line in found.models.items() if line.cost is None]:
        notes.append(("prices", f"none of {safe_text(', '.join(unknown), 300)}"))
    if words := bounds(Budgeted(money=terms.money, tokens=terms.tokens)):
        notes.append(("budget", f"{words}: {_verdict(found, terms)}"))
    notes.append(("", found.interval))
    return notes


def _verdict(found: Estimate, terms: Terms) -> str:
    """Whether the budget is enough."""
    tokens = [(n.tokens_in, n.tokens_out) for n in found.models.values()]
    needs: list[tuple[float, float, float]] = []
    if terms.tokens is not None:
        low = sum(read.low + said.low for read, said in tokens)
        high = sum(read.high + said.high for read, said in tokens)
        needs.append((low, high, terms.tokens))
    if terms.money is not None and found.cost is not None:
        needs.append((found.cost.low, found.cost.high, terms.money))
    if any(most < low for low, _, most in needs):
        return "not enough"
    return (
        "enough" if all(high <= most for _, high, most in needs) else "perhaps enough"
    )


def _table(found: Estimate) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("model", overflow="fold")
    for name in ("calls", "tokens in", "tokens out", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, line in found.models.items():
        table.add_row(Text(safe_text(name, 80)), *_row(line))
    if len(found.models) > 1:
        blank = [Text()] * 3
        table.add_row(Text("all"), *blank, _range(found.cost, money))
    return table


def _row(line: Line) -> list[Text]:
    counts = (line.calls, line.tokens_in, line.tokens_out)
    return [*(_range(count, _count) for count in counts), _range(line.cost, money)]


def _range(found: Range | None, words: Callable[[float], str]) -> Text:
    if found is None:
        return Text("unknown")
    text = Text(words(found.middle))
    if found.low < found.high:
        text.append(f"\n{words(found.low)}-{words(found.high)}", "dim")
    return text


def _count(number: float) -> str:
    """*number*, from 10,000 on in thousands and from a million on in millions."""
    if number < 10_000:
        return f"{number:,.0f}"
    if number < 999_500:
        return f"{number / 1e3:,.0f}k"
    return f"{number / 1e6:,.1f}M"
