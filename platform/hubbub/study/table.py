"""The tidy table: one row for each arm, replicate and outcome, and no times in it."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hubbub.console.calls import Usage
from hubbub.folder import RunFolder, own_records
from hubbub.models.base import Call
from hubbub.study.outcomes import Observed, Series, Value
from hubbub.study.plan import Plan, Run
from hubbub.study.shipped import complete_share
from hubbub.text import escape_json

_decode_call = msgspec.json.Decoder(Call).decode


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one *outcome* of one run is; *value* is None where it is missing.

    *completeness* is the share of the *ended* asks and turns that were answered or
    passed, *complete* what is declared for the arm, and *usable* whether the arm reaches
    it.  *cost* is in US dollars, None where a part of it is not known.
    """

    study: str
    arm: str
    prior: str
    context: str
    solitary: bool
    replicate: int
    seed: int
    outcome: str
    value: Value
    completeness: float | None
    complete: float
    usable: bool
    ended: int
    calls: int
    cached: int
    tokens_in: int
    tokens_out: int
    cost: float | None


class RoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an *outcome* with a value for each *round* is in one of them."""

    study: str
    arm: str
    replicate: int
    outcome: str
    round: int
    value: Value


class Seen(NamedTuple):
    """What one finished run comes to: its outcomes, how they ended, and its calls."""

    run: Run
    values: dict[str, Value]
    series: dict[str, Series]
    outcomes: dict[str, int]
    usage: Usage


def look(plan: Plan, run: Run, path: Path) -> Seen:
    """The finished *run* in the folder *path*; raises as its outcomes do."""
    folder = RunFolder(path)
    observed = Observed(folder)
    values: dict[str, Value] = {}
    series: dict[str, Series] = {}
    for measure in plan.measures:
        name = measure.outcome.name
        values[name], series[name] = measure.read(observed)
    usage = Usage()
    for record in own_records(path):
        usage.add(_decode_call(record.call))
    return Seen(run, values, series, folder.manifest.outcomes, usage)


def completeness(seen: Iterable[Seen]) -> float | None:
    """The share of all asks and turns of *seen* that were answered or passed."""
    total: dict[str, int] = {}
    for each in seen:
        for outcome, count in each.outcomes.items():
            total[outcome] = total.get(outcome, 0) + count
    return complete_share(total)


def cost_of(usage: Usage) -> float | None:
    """
    What calls cost in US dollars, to the nano-dollar; None where a part is not known.

    So the order in which they were made, which the sum of floats depends on, is no matter.
    """
    cost = usage.known_cost
    return None if cost is None else round(cost, 9)


def is_usable(seen: Sequence[Seen], complete: float) -> bool:
    """Whether an arm with the runs *seen* is as complete as declared."""
    share = completeness(seen)
    return share is None or share >= complete


def rows(plan: Plan, seen: Sequence[Seen]) -> list[Row]:
    """The table of *seen*, in the order of arms, replicates and outcomes."""
    found: list[Row] = []
    for arm in plan.arms:
        own = [each for each in seen if each.run.arm.name == arm.name]
        usable = is_usable(own, arm.complete)
        for each in own:
            found += [
                Row(
                    study=plan.study.name,
                    arm=arm.name,
                    prior=arm.prior,
                    context=arm.context,
                    solitary=arm.solitary,
                    replicate=each.run.replicate,
                    seed=plan.seed(each.run.replicate),
                    outcome=outcome,
                    value=value,
                    completeness=complete_share(each.outcomes),
                    complete=arm.complete,
                    usable=usable,
                    ended=sum(each.outcomes.values()),
                    calls=each.usage.calls,
                    cached=each.usage.cached,
                    tokens_in=each.usage.tokens_in,
                    tokens_out=each.usage.tokens_out,
                    cost=cost_of(each.usage),
                )
                for outcome, value in each.values.items()
            ]
    return found


def round_rows(plan: Plan, seen: Sequence[Seen]) -> list[RoundRow]:
    """The values by round of *seen*, in the order of `rows`."""
    return [
        RoundRow(
            study=plan.study.name,
            arm=arm.name,
            replicate=each.run.replicate,
            outcome=outcome,
            round=place,
            value=series[place],
        )
        for arm in plan.arms
        for each in seen
        if each.run.arm.name == arm.name
        for outcome, series in each.series.items()
        for place in sorted(series)
    ]


def as_csv(table: Sequence[msgspec.Struct], form: type[msgspec.Struct]) -> bytes:
    """*table* with the fields of *form* as columns; what is missing is empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(form.__struct_fields__)
    for row in table:
        writer.writerow(map(_plain, msgspec.structs.astuple(row)))
    return text.getvalue().encode()


def as_json(value: Any) -> bytes:
    """*value* as JSON laid out for people."""
    return (
        escape_json(msgspec.json.format(msgspec.json.encode(value), indent=1)) + b"\n"
    )


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
