"""An injection's effect on one page: what changed, for whom, and which way it went."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hubbub.console.columns import number, table_of
from hubbub.measures.adversaries import Adversary
from hubbub.measures.effect import Effect, Outcome
from hubbub.measures.lineage import Lineage
from hubbub.text import safe_text

#: Rows of a table; what is beyond is counted, not shown.
_ROWS = 60
#: Sources of a carrier that are named.
_NAMED = 6
#: What stands for a number that there is not.
_NONE = "-"

ONE_PAIR = (
    "one pair of runs: it has no interval, for seats of one population have heard each "
    "other; a study of many pairs gives one"
)


def page(effect: Effect, run: str, twin: str = "") -> Group:
    """All of *effect* in *run* and its *twin*, as tables; all text in them is inert."""
    parts: list[RenderableType] = [_header(effect, run, twin)]
    for outcome in effect.outcomes:
        parts += _outcome(outcome)
    parts += [Text("\nexposure", "bold"), _exposure(effect)]
    for lineage in effect.lineages:
        parts += _lineage(lineage)
    parts += [Text(f"  note   {note}", "yellow") for note in _notes(effect)]
    return Group(*parts)


def told(adversary: Adversary) -> str:
    """One injection in words: who, on which surface, and since when."""
    seats = ", ".join(adversary.seats[:_NAMED])
    more = len(adversary.seats) - _NAMED
    seats += f" and {more:,} more" if more > 0 else ""
    words = f"{adversary.id}: {adversary.surface} of {seats}, on at {adversary.onset:,}"
    words += f" in round {adversary.round:,}" if adversary.round else ""
    words += f", off at {adversary.lifted:,}" if adversary.lifted else ""
    return safe_text(words, 300)


def notes(effect: Effect) -> Iterator[str]:
    """What must be said of *effect* so that nobody makes too much of it."""
    if not effect.adversaries:
        yield f"nothing was injected up to {effect.upto:,}"
        return
    if effect.parted is None:
        yield "without a twin nothing can be said of what changed: hubbub fork makes one"
        return
    began = min(each.began for each in effect.adversaries)
    if 0 < effect.parted < began:
        yield (
            f"the twin is another run from {effect.parted:,} on, before the injection at "
            f"{began:,}: what is different here is not the adversary's alone"
        )
    if not effect.outcomes:
        yield "neither run declares numbers of seats: name an outcome with --outcome"
    yield ONE_PAIR


def _notes(effect: Effect) -> list[str]:
    return [safe_text(note, 300) for note in notes(effect)]


def _header(effect: Effect, run: str, twin: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    rows = [("run", f"{run}, up to {effect.upto:,}")]
    rows += [("with", told(each)) for each in effect.adversaries]
    if effect.parted is not None:
        same = f"the same before {effect.parted:,}" if effect.parted else "the same run"
        rows.append(("twin", f"{twin}, {same}"))
    for name, words in rows:
        grid.add_row(Text(name, "dim"), Text(safe_text(words, 300)))
    return grid


def _outcome(outcome: Outcome) -> list[RenderableType]:
    name = safe_text(outcome.outcome, 80)
    if not outcome.changes:
        return [Text(f"\n{name}: no seat has a value in both runs", "bold")]
    table = table_of("", "round", "with", "without", "difference", "seats")
    for change in outcome.changes[-_ROWS:]:
        table.add_row(
            f"{change.place:,}",
            f"{change.round:,}",
            number(change.present),
            number(change.absent),
            _signed(change.effect),
            f"{len(change.by_seat):,}",
        )
    parts: list[RenderableType] = [Text(f"\n{name}, mean of the others", "bold"), table]
    parts += [Text(f"\n{name}, last difference by distance from the adversary", "bold")]
    parts += [_spill(outcome)]
    if outcome.slope is not None:
        per = f"{_signed(outcome.slope)} for each exposure, over seats"
        parts.append(Text(f"\n{name}: {per}"))
    return parts


def _spill(outcome: Outcome) -> Table:
    table = table_of("distance", "seats", "difference", "each", text=2)
    last = outcome.last
    for spill in outcome.spill:
        each = [_signed(last[seat]) for seat in spill.seats if seat in last]
        table.add_row(
            "unreached" if spill.distance is None else f"{spill.distance}",
            Text(_listed(spill.seats)),
            _NONE if spill.effect is None else _signed(spill.effect),
            _listed(each),
        )
    return table


def _exposure(effect: Effect) -> Table:
    table = table_of("seat", "distance", "since", "by", "heard", "read", "first heard")
    for each in effect.seats[:_ROWS]:
        far = "unreached" if each.distance is None else f"{each.distance}"
        table.add_row(
            Text(each.seat),
            far,
            f"{each.seq:,}" if each.seq else _NONE,
            Text(each.by),
            f"{each.heard:,}",
            f"{each.read:,}",
            f"{each.first:,}" if each.first else _NONE,
        )
    if (more := len(effect.seats) - _ROWS) > 0:
        table.add_row(f"and {more:,} more")
    return table


def _lineage(lineage: Lineage) -> list[RenderableType]:
    heading = f"\nwho carried {safe_text(repr(lineage.text), 120)}"
    if not lineage.carriers:
        return [Text(f"{heading}: nobody", "bold")]
    table = table_of("seat", "from", "at", "generation", "passed on", text=2)
    for each in lineage.carriers[:_ROWS]:
        sources = ["the scenario"] * each.told + list(each.sources)
        latest = f" to {each.latest}" if each.latest > each.generation else ""
        table.add_row(
            Text(each.seat),
            Text(_listed(sources, " or ") or "nobody"),
            f"{each.seq:,}",
            f"{each.generation}{latest}",
            number(each.passed),
        )
    rates = table_of("generation", "carriers", "next for each")
    for generation in lineage.generations:
        rate = generation.reproduction
        rates.add_row(
            f"{generation.number}",
            f"{generation.carriers:,}",
            _NONE if rate is None else number(rate),
        )
    silent = f"{len(lineage.silent):,} heard it and never carried it"
    sure = f"of {len(lineage.carriers):,} carriers {lineage.certain:,} have one source"
    return [Text(heading, "bold"), table, rates, Text(f"{sure}; {silent}")]


def _listed(names: Sequence[str], between: str = ", ") -> str:
    more = len(names) - _NAMED
    shown = between.join(names[:_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _signed(value: float) -> str:
    return f"{value:+.4g}" if value else "0"
