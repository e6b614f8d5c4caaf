"""What a scenario declared as its results: as a drawing where we know them, else a table."""

from collections.abc import Sequence

import msgspec

from hubbub.report import page, words
from hubbub.report.charts import Line, curves
from hubbub.report.games import games
from hubbub.report.html import Child, Html, el, join, quoted
from hubbub.report.record import Record
from hubbub.report.sentences import sentences

#: Results of a name that the table shows.
_SHOWN = 3
#: Numbers from which a result is a curve.
_CURVE = 4


def results(record: Record) -> Html | None:
    """Everything that was declared; None where nothing was."""
    if not record.declared:
        return None
    parts = [sentences(record), games(record), _curves(record), _table(record)]
    return join(parts)


def _table(record: Record) -> Html:
    rows: list[list[Child]] = []
    for name, count in record.declared.most_common():
        kept = record.results[name][:_SHOWN]
        shown = [el("div", quoted(bytes(raw).decode(), 160)) for raw in kept]
        rows.append([name, join(shown), count])
    inner = page.table(["result", "the first ones", "declared"], rows, left=2)
    known = {"page", "game", "infection", "chain"} >= record.declared.keys()
    return page.folded("All results", inner) if known else inner


def _curves(record: Record) -> Html | None:
    """Results that are numbers, in the order in which they were declared."""
    drawn: list[Html] = []
    for name, kept in list(record.results.items())[:8]:
        numbers = [_number(raw) for raw in kept]
        if len(numbers) < _CURVE or None in numbers:
            continue
        points = list(enumerate(numbers, 1))
        drawing = curves(
            name, [Line("measured", points)], x_title="in the order declared"
        )
        drawn.append(
            page.figure(words.title(name), drawing, _summary(kept, record, name))
        )
    return page.figures(*drawn) if drawn else None


def _number(raw: msgspec.Raw) -> float | None:
    value = msgspec.json.decode(raw)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good else None


def _summary(kept: Sequence[msgspec.Raw], record: Record, name: str) -> str:
    rest = record.declared[name] - len(kept)
    more = f"; {rest:,} more are not drawn" if rest else ""
    return f"{words.count(len(kept), 'value')}{more}."
