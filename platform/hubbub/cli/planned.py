"""``hubbub study --plan``: arms, runs, power and cost, and nothing is run or paid."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hubbub.cli.output import Page, echo_json
from hubbub.console.calls import money
from hubbub.console.columns import table_of
from hubbub.estimate import first_rehearsal, limits
from hubbub.intervals import Range
from hubbub.logs import configure
from hubbub.study.design import MOST, power, units_for
from hubbub.study.file import Compare
from hubbub.study.plan import Arm, Plan, Run
from hubbub.terms import Terms
from hubbub.text import safe_text


def tell_plan(plan: Plan, terms: Terms, *, as_json: bool) -> None:
    """Say what *plan* comes to; arms with models are rehearsed for what they may cost."""
    configure("error")
    costs = {arm.name: _cost(plan, arm, terms) for arm in plan.arms}
    if as_json:
        echo_json(_event(plan, costs))
    else:
        Page().print(_page(plan, costs))


def _cost(plan: Plan, arm: Arm, terms: Terms) -> Range | None:
    """US dollars of all runs of *arm*, None where a model has no price."""
    cast = plan.cast(Run(arm, 1))
    if not cast.population.models():
        return Range(0.0, 0.0, 0.0)
    one = limits(cast, first_rehearsal(cast), terms.prices).cost
    most = plan.study.most
    return one and Range(one.low * most, one.middle * most, one.high * most)


def _power(plan: Plan, compare: Compare) -> tuple[float, int | None] | None:
    """The power for the planned effect, and the populations an arm for 80 %, if any are."""
    study = plan.study
    if compare.effect is None or study.most < 2:
        return None
    chance = power(
        compare.effect, study.most, paired=compare.paired, level=study.tested
    )
    needed: int | None = None
    with suppress(ValueError):
        needed = units_for(compare.effect, paired=compare.paired, level=study.tested)
    return chance, needed


def _event(plan: Plan, costs: dict[str, Range | None]) -> dict[str, Any]:
    return {
        "event": "plan",
        "study": plan.study.name,
        "replicates": plan.study.most,
        "runs": plan.study.most * len(plan.arms),
        "arms": [
            {
                "arm": arm.name,
                "prior": arm.prior,
                "context": arm.context,
                "solitary": arm.solitary,
                "twin": arm.twin,
                "seats": 1 if arm.alone else len(arm.population.names()),
                "complete": arm.complete,
                "models": arm.population.models(),
                "cost": costs[arm.name],
            }
            for arm in plan.arms
        ],
        "compare": [
            {"arms": each.arms, "paired": each.paired, "effect": each.effect}
            | dict(
                zip(
                    ("power", "needed"), _power(plan, each) or (None, None), strict=True
                )
            )
            for each in plan.compare
        ],
    }


def _page(plan: Plan, costs: dict[str, Range | None]) -> Group:
    study = plan.study
    upto = "up to " if study.stop else ""
    runs = f"{upto}{study.most * len(plan.arms):,} runs"
    title = (
        f"{study.name}: {len(plan.arms)} arms, {upto}{study.most} replicates, {runs}"
    )
    parts: list[RenderableType] = [Text(title, "bold"), _arms(plan, costs)]
    parts.append(Text("\noutcomes", "bold"))
    parts += [Text(f"  {line}") for line in _outcomes(plan)]
    if plan.compare:
        parts += [Text("\ncomparisons", "bold"), _comparisons(plan)]
    return Group(*parts)


def _arms(plan: Plan, costs: dict[str, Range | None]) -> Table:
    table = table_of("arm", "minds", "seats", "complete", "may cost", text=2)
    for arm in plan.arms:
        population = plan.cast(Run(arm, 1)).population
        minds = dict.fromkeys(group.model or group.mind for group in population.seats)
        table.add_row(
            Text(arm.name),
            Text(safe_text(", ".join(minds), 200)),
            f"{len(population.names()):,}",
            f"{arm.complete:.1%}",
            _range(costs[arm.name]),
        )
    return table


def _count(units: int | None) -> str:
    return f"over {MOST:,}" if units is None else f"{units:,}"


def _range(cost: Range | None) -> str:
    if cost is None:
        return "unknown"
    low, high = money(cost.low), money(cost.high)
    return low if low == high else f"{low} to {high}"


def _outcomes(plan: Plan) -> Iterator[str]:
    for outcome in plan.study.outcomes:
        reduced = f", {outcome.reduce}" if outcome.reduce else ""
        yield safe_text(f"{outcome.name}: {outcome.source}{reduced}", 300)


def _comparisons(plan: Plan) -> Table:
    table = table_of("comparison", "populations", "effect", "power", "for 80 %")
    for each in plan.compare:
        found = _power(plan, each)
        table.add_row(
            Text(f"{each.arms[1]} less {each.arms[0]}"),
            "pairs" if each.paired else "independent",
            "" if each.effect is None else f"{each.effect:g}",
            f"{found[0]:.0%}" if found else "",
            _count(found[1]) if found else "",
        )
    return table
