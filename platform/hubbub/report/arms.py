"""The arms of a study: what they are made from, how complete they are, what they cost."""

from hubbub.console.calls import money
from hubbub.report import charts, page, words
from hubbub.report.html import Child, Html, el, join
from hubbub.report.studied import Example, Studied
from hubbub.study.analysis import ArmFound


def arms(study: Studied) -> Html:
    """How the arms differ, arm by arm."""
    common = _common(study)
    shown = [
        _arm(arm, study.examples.get(arm.arm), [*common]) for arm in study.effects.arms
    ]
    parts: list[Html | None] = []
    if common:
        parts += [el("h3", "All arms"), page.facts(common)]
    return join([*parts, el("div", *shown, class_="pair")])


def _parameters(study: Studied) -> list[dict[str, str]]:
    return [
        {name: words.value(v) for name, v in example.manifest.parameters.items()}
        for example in study.examples.values()
    ]


def _common(study: Studied) -> dict[str, Child]:
    """The parameters that are the same in all arms."""
    every = _parameters(study)
    if not every:
        return {}
    first = next(iter(study.examples.values())).manifest
    same: dict[str, Child] = {"scenario": first.scenario}
    same |= {
        name: value
        for name, value in every[0].items()
        if all(each.get(name) == value for each in every)
    }
    return same


def _arm(arm: ArmFound, example: Example | None, common: list[str]) -> Html:
    facts: dict[str, Child] = {}
    if arm.prior:
        facts |= {"prior": arm.prior, "context": arm.context}
    if arm.solitary:
        facts["company"] = "none: the solitary counterpart"
    if arm.twin:
        facts["twin of"] = f"{arm.twin}: the same runs without what was injected"
    if example is not None:
        facts |= {
            name: words.value(value)
            for name, value in example.manifest.parameters.items()
            if name not in common
        }
        groups = example.population.seats if example.population else ()
        for place, group in enumerate(groups[:8], 1):
            name = "seats" if len(groups) == 1 else f"seats {place}"
            told = f"{len(group.seats()):,} with the mind {words.mind(group)}"
            told += f", {words.model(group)}" if group.model else ""
            if group.cohort is not None:
                told += f", personas {words.personas(group)}"
            if group.options:
                told += f", {words.settings(group.options)}"
            facts[name] = told
    mark = None if arm.usable else page.badge("unusable", "bad")
    return el("div", el("h3", arm.arm, " ", mark), page.facts(facts))


def completeness(study: Studied) -> Html:
    """The share of asks that were answered or passed, and what calls cost, by arm."""
    found = study.effects.arms
    bars = {
        arm.arm: {
            "o-answered" if arm.usable else "o-model_error": arm.completeness or 0.0,
            "o-pending": 1 - (arm.completeness or 0.0),
        }
        for arm in found
        if arm.completeness is not None
    }
    notes = {
        arm.arm: f"{words.percent(arm.completeness or 0, 1)}, "
        f"{words.percent(arm.complete, 1)} declared"
        for arm in found
    }
    unusable = [arm.arm for arm in found if not arm.usable]
    verdict = (
        el("p", page.badge("usable", "good"), " Every arm is as complete as declared.")
        if not unusable
        else el(
            "p",
            page.badge("unusable", "bad"),
            " Less complete than declared, and not compared: ",
            words.listed(unusable),
            ".",
            class_="warning",
        )
    )
    drawing = page.figure(
        "Asks and turns answered or passed",
        charts.shares("Completeness by arm", bars, notes),
        "By arm, over all its populations. Below what was declared beforehand an arm "
        "is unusable, in red.",
    )
    return join([verdict, page.figures(drawing, el("div", _table(found)))])


def _table(found: tuple[ArmFound, ...]) -> Html:
    rows: list[list[Child]] = [
        [
            join([arm.arm, " ", None if arm.usable else page.badge("unusable", "bad")]),
            arm.runs,
            words.NONE
            if arm.completeness is None
            else words.percent(arm.completeness, 1),
            arm.calls,
            arm.tokens_in + arm.tokens_out,
            "unknown" if arm.cost is None else money(arm.cost),
        ]
        for arm in found
    ]
    heads = ["arm", "populations", "complete", "model calls", "tokens", "cost"]
    return page.table(heads, rows)
