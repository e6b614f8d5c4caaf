"""A party's measures beside what chance alone would give; needs the extra ``study``."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hubbub.measures.nulls import LEVEL
from hubbub.measures.rows import Chance, Measures, Value
from hubbub.report import page, words
from hubbub.report.axes import span
from hubbub.report.charts import Area, Column, Line, columns, curves
from hubbub.report.html import Child, Html, join

#: Guests that have a line of their own.
_GUESTS = 60
_RATIOS = {
    "distinct_conversation_total": "Distinct conversation ratio, of all conversations",
    "distinct_invitation_total": "Distinct invitation ratio, of all invitations",
    "distinct_conversation_window": "Distinct conversation ratio, of the rounds",
    "distinct_invitation_window": "Distinct invitation ratio, of the rounds",
}
_NETWORK = {
    "conversation_clustering": "Clustering of conversations",
    "invitation_reciprocity": "Reciprocity of invitations",
    "conversation_modularity": "Modularity of conversations",
}
_DISTANCES = {
    "tight_distance": "Distance of tight pairs from the mean",
    "loose_distance": "Distance of loose pairs from the mean",
}
_NULLS = {
    "uniform": "partners drawn evenly",
    "shuffled": "rounds in random order",
    "words": "words dealt anew",
}


class _Curve(NamedTuple):
    """A measure in every window, and its chances by null."""

    measure: str
    values: Sequence[Value]
    chances: dict[str, list[Chance]]


def party(found: Measures) -> Html:
    """Curves with their bands, pairs, and every measure in a table."""
    parts: list[Html | None] = [_intro(found)]
    if ratios := _figures(found, _RATIOS, seats=True):
        parts += [_legend(found), page.figures(*ratios)]
    if drawn := _figures(found, _DISTANCES):
        parts.append(page.figures(*drawn))
    drawn = [_pairs(found)] if found.pairs else []
    parts.append(page.figures(*drawn, *_figures(found, _NETWORK)))
    parts.append(page.folded("Every measure, beside chance", _table(found)))
    return join(parts)


def _intro(found: Measures) -> Html:
    window = found.settings.window
    told = (
        f"{words.count(found.rounds, 'round')} that are over, "
        f"{words.count(len(found.seats), 'guest')}. "
    )
    if found.rounds < window:
        told += (
            f"A window has {window} rounds, so there are no curves; "
            "the table has the run as a whole."
        )
    else:
        told += (
            f"A point is a window of {window} rounds, named by its last one. Windows "
            "overlap and guests influence each other: one run has a slope, and no error."
        )
    return page.words(told)


def _legend(found: Measures) -> Html:
    entries = [
        ("measured", "mean over guests"),
        ("faint", "each guest"),
        ("band uniform", f"{LEVEL:.0%} of parties with partners drawn evenly"),
        ("analytic", "their mean"),
        ("band shuffled", f"{LEVEL:.0%} of parties with rounds in random order"),
    ]
    if len(found.seats) > _GUESTS:
        del entries[1]
    return page.legend(*entries)


def _curve(found: Measures, measure: str) -> _Curve:
    chances: dict[str, list[Chance]] = {}
    for row in found.chances:
        if row.measure == measure and row.round is not None:
            chances.setdefault(row.null, []).append(row)
    values = [
        row for row in found.values if row.measure == measure and row.round is not None
    ]
    return _Curve(measure, values, chances)


def _figures(
    found: Measures, titles: Mapping[str, str], *, seats: bool = False
) -> list[Html]:
    """A figure for each of the measures in *titles* that has a value anywhere."""
    every = [(_curve(found, name), title) for name, title in titles.items()]
    every = [(c, t) for c, t in every if any(v.value is not None for v in c.values)]
    y = _limits([curve for curve, _ in every])
    return [_figure(found, curve, title, y, seats=seats) for curve, title in every]


def _limits(every: Sequence[_Curve]) -> tuple[float, float]:
    """From what to what all curves are drawn, so that they can be compared."""
    if all(curve.measure not in _DISTANCES for curve in every):
        # Shares, one reading of which may pass 1.
        found = [v.value for c in every for v in c.values if v.value is not None]
        return 0.0, max(1.0, span([*found, 0.0])[1])
    rows = [row for c in every for band in c.chances.values() for row in band]
    ends = [end for row in rows for end in (row.low, row.high)]
    values = [*ends, *(v.value for c in every for v in c.values)]
    return span([value for value in values if value is not None])


def _figure(
    found: Measures,
    curve: _Curve,
    title: str,
    y: tuple[float, float],
    *,
    seats: bool = False,
) -> Html:
    areas = [
        Area(f"band {null}", [(c.round or 0, c.low, c.high) for c in rows])
        for null, rows in curve.chances.items()
    ]
    lines: list[Line] = []
    if seats and len(found.seats) <= _GUESTS:
        lines += _by_seat(found, curve.measure)
    for null, rows in curve.chances.items():
        if null != "shuffled":
            lines.append(Line("analytic", [(c.round or 0, c.mean) for c in rows]))
    lines.append(
        Line("measured", [(v.round or 0, v.value) for v in curve.values], dots=True)
    )
    drawn = curves(title, lines, areas, x_title="last round of the window", y=y)
    return page.figure(title, drawn, _caption(found, curve), _numbers(curve))


def _by_seat(found: Measures, measure: str) -> list[Line]:
    points: dict[str, list[tuple[float, float | None]]] = {}
    for row in found.seat_values:
        if row.measure == measure and row.round is not None:
            points.setdefault(row.seat, []).append((row.round, row.value))
    return [Line("faint", every) for every in points.values()]


def _caption(found: Measures, curve: _Curve) -> str:
    first, last = curve.values[0], curve.values[-1]
    told = (
        f"{words.decimal(first.value, 2)} in the first window, "
        f"{words.decimal(last.value, 2)} in the last. "
    )
    slope = _whole(found.values, f"{curve.measure}.slope")
    if slope is None or slope.value is None:
        return told
    told += f"Slope {words.decimal(slope.value, 4)} a round"
    bands = [
        f"{words.span(c.low, c.high, 4)} with {_NULLS[c.null]}"
        for c in found.chances
        if c.measure == slope.measure and c.low is not None
    ]
    return told + (f"; by chance {', '.join(bands)}." if bands else ".")


def _numbers(curve: _Curve) -> Html:
    nulls = list(curve.chances)
    rows: list[list[Child]] = []
    for place, row in enumerate(curve.values):
        cells: list[Child] = [
            f"{row.round}",
            words.decimal(row.value),
            words.decimal(row.numerator, 2),
            words.decimal(row.denominator, 0),
        ]
        for null in nulls:
            chance = curve.chances[null][place]
            cells += [words.decimal(chance.mean), words.span(chance.low, chance.high)]
        rows.append(cells)
    heads = ["window", "value", "sum", "of"]
    for null in nulls:
        heads += [f"{null}: mean", "band"]
    return page.folded("The numbers", page.table(heads, rows))


def _pairs(found: Measures) -> Html:
    tight = [pair for pair in found.pairs if pair.tight]
    times = Counter(pair.conversations for pair in found.pairs)
    limit, most = found.settings.tight, max(times)
    together = max(1, -(-most // 40))
    bars: list[Column] = []
    for low in range(1, most + 1, together):
        block = range(low, low + together)
        kinds = {
            "loose": sum(times[n] for n in block if n <= limit),
            "tight": sum(times[n] for n in block if n > limit),
        }
        named = low == 1 or (low - 1) // together % max(1, most // together // 8) == 0
        bars.append(Column(kinds, str(low) if named else ""))
    rows = sorted(found.pairs, key=lambda p: (-p.conversations, p.one, p.other))
    return page.figure(
        "Tight and loose pairs",
        columns("Pairs by conversations", bars, x_title="conversations of a pair"),
        f"{words.count(len(tight), 'tight pair')}, with more than {limit} conversations "
        f"in the run, and {words.count(len(found.pairs) - len(tight), 'loose one')}, of "
        f"{len(found.seats) * (len(found.seats) - 1) // 2:,} that could have met.",
        page.legend(*([("tight", "tight")] if tight else []), ("loose", "loose")),
        page.folded(
            "The pairs",
            page.table(
                ["pair", "conversations"],
                [[f"{p.one} and {p.other}", p.conversations] for p in rows],
            ),
        ),
    )


def _table(found: Measures) -> Html:
    rows: list[list[Child]] = []
    for row in found.values:
        if row.round is not None or row.measure.endswith(".slope"):
            continue
        slope = _whole(found.values, f"{row.measure}.slope")
        rows.append(
            [
                row.measure + (f" ({row.instrument})" if row.instrument else ""),
                words.decimal(row.value),
                _band(found.chances, row.measure, row.value, 3),
                words.decimal(slope.value if slope else None, 4),
                _band(
                    found.chances,
                    f"{row.measure}.slope",
                    slope.value if slope else None,
                    4,
                ),
            ]
        )
    told = (
        f"Over the whole run, and the slope over windows per round. A band holds "
        f"{LEVEL:.0%} of what chance alone gives; an asterisk marks a value outside "
        f"of it. So many bands have values outside by chance alone."
    )
    heads = ["measure", "run", "by chance", "slope", "by chance"]
    return join([page.words(told), page.table(heads, rows, limit=100)])


def _whole(rows: Iterable[Value], measure: str) -> Value | None:
    return next((r for r in rows if r.measure == measure and r.round is None), None)


def _band(
    chances: Iterable[Chance], measure: str, value: float | None, digits: int
) -> str:
    """Every null's band, with an asterisk if *value* is outside."""
    told: list[str] = []
    for row in chances:
        if row.measure != measure or row.round is not None or row.low is None:
            continue
        outside = (
            value is not None
            and row.high is not None
            and not row.low <= value <= row.high
        )
        mark = " *" if outside else ""
        told.append(f"{row.null} {words.span(row.low, row.high, digits)}{mark}")
    return "; ".join(told) or words.NONE
