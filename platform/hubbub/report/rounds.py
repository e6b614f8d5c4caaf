"""Outcomes round by round: a curve for each arm, and the mixed model of their slopes."""

from collections.abc import Sequence

from hubbub.report import page, words
from hubbub.report.charts import Line, curves
from hubbub.report.effects import chance
from hubbub.report.html import Child, Html, join
from hubbub.report.studied import Series, Studied
from hubbub.report.words import number
from hubbub.study.mixed import Slope

#: Arms that one figure can tell apart, and populations that have a line of their own.
_ARMS, _LINES = 6, 40


def rounds(study: Studied) -> Html | None:
    """Curves and slopes; None where no outcome has rounds."""
    if not study.rounds:
        return None
    drawn = [_outcome(study, name, every) for name, every in study.rounds.items()]
    return join([page.figures(*drawn), _models(study)])


def _outcome(study: Studied, name: str, every: Sequence[Series]) -> Html:
    arms = [arm.arm for arm in study.effects.arms]
    shown = [a for a in arms if any(s.arm == a and _has(s) for s in every)][:_ARMS]
    lines: list[Line] = []
    for place, arm in enumerate(shown, 1):
        own = [series for series in every if series.arm == arm]
        if len(own) <= _LINES:
            lines += [
                Line(f"faint a{place}", list(series.points.items())) for series in own
            ]
    for place, arm in enumerate(shown, 1):
        own = [series for series in every if series.arm == arm]
        lines.append(Line(f"measured a{place}", _mean(own)))
    left_out = len(arms) - len(shown)
    more = f" {words.count(left_out, 'arm')} not shown." if left_out else ""
    return page.figure(
        name,
        curves(f"{name} by round", lines, x_title="round"),
        f"Bold: the mean over populations; faint: each population.{more}",
        page.legend(*((f"measured a{i}", arm) for i, arm in enumerate(shown, 1))),
    )


def _has(series: Series) -> bool:
    return any(value is not None for value in series.points.values())


def _mean(every: Sequence[Series]) -> list[tuple[float, float | None]]:
    numbers = sorted({number for series in every for number in series.points})
    points: list[tuple[float, float | None]] = []
    for number_ in numbers:
        values = [v for s in every if (v := s.points.get(number_)) is not None]
        points.append((number_, sum(values) / len(values) if values else None))
    return points


def _models(study: Studied) -> Html | None:
    rows: list[list[Child]] = []
    notes: list[str] = []
    for each in study.effects.comparisons:
        if each.rounds is None:
            continue
        found = each.rounds
        names = (
            each.first,
            each.second,
            f"{each.second} \N{MINUS SIGN} {each.first}",
        )
        slopes = (found.first, found.second, found.difference)
        for arm, slope in zip(names, slopes, strict=True):
            rows.append([each.outcome, arm, *_slope(slope)])
        if not found.converged:
            notes.append(f"{each.outcome}: the search for the likeliest model failed.")
        notes += [f"{each.outcome}: {note}." for note in found.notes]
    if not rows:
        return None
    heads = ["outcome", "arm", "change per round", "interval", "p"]
    table = page.table(heads, rows, left=2)
    inner = [page.words(note, "note") for note in notes]
    told = page.words(
        "A mixed model with a slope of its own for each population. Windows that "
        "overlap have residuals that go together, which it does not know: what it "
        "says of such outcomes is too sure. The differences above do not have this "
        "fault.",
        "note",
    )
    return join([table, told, *inner])


def _slope(slope: Slope | None) -> list[Child]:
    if slope is None:
        return [words.NONE, words.NONE, words.NONE]
    between = f"{number(slope.low)} to {number(slope.high)}"
    return [number(slope.value), between, chance(slope.p).removeprefix("p = ")]
