"""What a study finds: every population as a dot, means and differences with intervals."""

from collections.abc import Iterable

from hubbub.report import page, words
from hubbub.report.html import Child, Html, el, join
from hubbub.report.strips import Strip, strips
from hubbub.report.studied import Studied
from hubbub.report.words import number
from hubbub.study.analysis import Comparison, MeanFound
from hubbub.study.file import Outcome


def findings(study: Studied) -> Html:
    """A figure for each outcome, and all differences in a table."""
    drawn = [_outcome(study, outcome) for outcome in study.effects.outcomes]
    return join([_how(study), page.figures(*drawn), _table(study)])


def _how(study: Studied) -> Html:
    effects = study.effects
    first = effects.outcomes[0].name
    told = (
        "A dot is a population, the unit of all statistics. A large disc is the mean of "
        f"an arm, or the difference of two, with its {words.level(effects.level)} "
        f"interval. {first} is the primary outcome."
    )
    if any(each.contrast for each in effects.comparisons):
        told += f" p values are {_corrected(study)}."
    return page.words(told)


def _corrected(study: Studied) -> str:
    tests = sum(each.p is not None for each in study.effects.comparisons)
    if study.effects.correction == "none":
        return "not corrected"
    name = {"holm": "Holm", "benjamini-hochberg": "Benjamini and Hochberg"}
    by = name[study.effects.correction]
    return f"corrected for {words.count(tests, 'test')} (by {by})"


def _outcome(study: Studied, outcome: Outcome) -> Html:
    effects = study.effects
    means = [each for each in effects.means if each.outcome == outcome.name]
    usable = {arm.arm: arm.usable for arm in effects.arms}
    rows = [_arm(study, each, usable=usable.get(each.arm, False)) for each in means]
    parts = [
        strips(f"{outcome.name} by arm", rows, x_title=outcome.name),
    ]
    compared = [each for each in effects.comparisons if each.outcome == outcome.name]
    drawn = [each for each in compared if each.contrast is not None]
    if drawn:
        differences = strips(
            f"Differences in {outcome.name}",
            [_difference(each) for each in drawn],
            x_title="difference",
            zero=True,
        )
        parts += [el("h4", "Differences"), differences]
    undone = [each for each in compared if each.contrast is None]
    return page.figure(
        outcome.name,
        join(parts),
        _source(outcome),
        *(page.words(_why(each), "warning") for each in undone),
    )


def _arm(study: Studied, found: MeanFound, *, usable: bool) -> Strip:
    mean = found.mean
    dots = study.values(found.outcome, found.arm)
    note = "no values"
    if mean is not None:
        note = number(mean.value) + _interval(mean.low, mean.high)
    if found.missing:
        note += f", {found.missing:,} missing"
    return Strip(
        label=found.arm if usable else f"{found.arm} (unusable)",
        note=note,
        dots=dots,
        value=mean.value if mean else None,
        low=mean.low if mean else None,
        high=mean.high if mean else None,
        kind="measured" if usable else "unusable",
    )


def _difference(found: Comparison) -> Strip:
    assert found.contrast is not None
    value = found.contrast.difference
    return Strip(
        label=f"{found.second} \N{MINUS SIGN} {found.first}",
        note=f"{number(value.value)}{_interval(value.low, value.high)}, {chance(found.p)}",
        value=value.value,
        low=value.low,
        high=value.high,
    )


def _why(found: Comparison) -> str:
    return f"{found.second} and {found.first} are not compared: {found.why}."


def _source(outcome: Outcome) -> str:
    told = f"From {outcome.source}"
    if outcome.reduce is not None:
        told += f", its {outcome.reduce} over rounds"
    if outcome.options:
        told += f" ({words.settings(outcome.options)})"
    return f"{told}."


def _table(study: Studied) -> Html:
    heads = [
        "outcome",
        "difference",
        "value",
        "interval",
        "size",
        "p",
        "corrected",
        "populations",
        "power",
    ]
    rows = [_line(each) for each in study.effects.comparisons]
    if not rows and study.effects.shares:
        return page.words(
            "Crossed arms are not compared one by one: their variance is split below."
        )
    if not rows:
        return page.words("No comparison was declared.")
    return join([el("h3", "Differences"), page.table(heads, rows, left=2, limit=200)])


def _line(found: Comparison) -> list[Child]:
    names = f"{found.second} \N{MINUS SIGN} {found.first}"
    if found.contrast is None:
        return [found.outcome, names, page.badge("not compared", "bad"), *[""] * 6]
    contrast, value = found.contrast, found.contrast.difference
    return [
        found.outcome,
        names,
        number(value.value),
        _interval(value.low, value.high).strip() or value.method,
        words.NONE if contrast.size is None else words.decimal(contrast.size, 2),
        chance(contrast.p).removeprefix("p = "),
        chance(found.p).removeprefix("p = "),
        units(value.units, paired=contrast.paired),
        _power(found),
    ]


def units(counts: Iterable[int], *, paired: bool) -> str:
    """How many populations are behind a comparison."""
    told = " and ".join(f"{count:,}" for count in counts)
    return f"{told} pairs" if paired else told


def _power(found: Comparison) -> str:
    if found.power is None:
        return words.NONE
    return f"{found.power:.0%} for {found.effect:g} sd"


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f" [{number(low)}, {number(high)}]"


def chance(p: float | None) -> str:
    """A p value, to as many digits as mean something."""
    if p is None:
        return "no test"
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
