"""A study on one page: what is planned, how far it is, and what it finds."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hubbub.console.calls import money
from hubbub.console.columns import number, table_of
from hubbub.study.analysis import ArmFound, Comparison, Effects, MeanFound, Shared
from hubbub.study.effects import Interval
from hubbub.study.mixed import Slope, Slopes
from hubbub.study.sitting import Told
from hubbub.text import safe_text


def findings(effects: Effects) -> Group:
    """What a study finds, as tables; all text in them is inert."""
    title = f"{effects.study}: {effects.replicates} populations an arm"
    if effects.correction != "none" and effects.comparisons:
        title += f", p corrected for all tests ({effects.correction})"
    parts: list[RenderableType] = [Text(title, "bold")]

    def add(heading: str, table: Table) -> None:
        if table.row_count:
            parts.extend([Text(f"\n{heading}", "bold"), table])

    add("arms", _arms(effects.arms))
    add(f"means, {effects.level:.4g} intervals", _means(effects.means))
    for pair in dict.fromkeys((c.first, c.second) for c in effects.comparisons):
        own = [c for c in effects.comparisons if (c.first, c.second) == pair]
        add(_heading(own), _differences(own))
    repeated = [c for c in effects.comparisons if c.rounds is not None]
    add("change per round, mixed model", _rounds(repeated))
    add("shares of variance", _shares(effects.shares))
    parts += [Text(f"  note   {note}", "yellow") for note in _notes(effects)]
    return Group(*parts)


def _heading(comparisons: Sequence[Comparison]) -> str:
    """What is compared with what, how, and with which power."""
    one = comparisons[0]
    words = f"{one.second} less {one.first}"
    if any(each.contrast and each.contrast.paired for each in comparisons):
        words += ", paired"
    if one.power is not None:
        words += f", power {one.power:.0%} for an effect of {one.effect:g}"
    return safe_text(words, 300)


def _arms(arms: Iterable[ArmFound]) -> Table:
    table = table_of("arm", "runs", "complete", "calls", "cost", "")
    for arm in arms:
        share = (
            "nobody asked" if arm.completeness is None else f"{arm.completeness:.1%}"
        )
        table.add_row(
            Text(arm.arm),
            f"{arm.runs:,}",
            share,
            f"{arm.calls:,}",
            "unknown" if arm.cost is None else money(arm.cost),
            Text("" if arm.usable else f"unusable, below {arm.complete:.1%}", "red"),
        )
    return table


def _means(means: Sequence[MeanFound]) -> Table:
    table = table_of("outcome", "arm", "mean", "interval", "n", text=2)
    said = ""
    for found in means:
        units = f"{found.mean.units[0]:,}" if found.mean else "0"
        missing = f" ({found.missing:,} missing)" if found.missing else ""
        table.add_row(
            Text("" if found.outcome == said else found.outcome),
            Text(found.arm),
            *_interval(found.mean),
            units + missing,
        )
        said = found.outcome
    return table


def _differences(comparisons: Sequence[Comparison]) -> Table:
    table = table_of("outcome", "difference", "interval", "p", "size", "n")
    for each in comparisons:
        found = each.contrast
        if found is None:
            why = Text(safe_text(each.why, 200), "red")
            table.add_row(Text(each.outcome), "none", why)
            continue
        table.add_row(
            Text(each.outcome),
            *_interval(found.difference),
            _p(each.p),
            "" if found.size is None else f"{found.size:+.2f}",
            " and ".join(f"{units:,}" for units in found.difference.units),
        )
    return table


def _rounds(comparisons: Sequence[Comparison]) -> Table:
    table = table_of("outcome", "arm", "per round", "interval", "p", text=2)
    for each in comparisons:
        rounds = each.rounds
        assert isinstance(rounds, Slopes)
        named = {
            each.first: rounds.first,
            each.second: rounds.second,
            f"{each.second} less {each.first}": rounds.difference,
        }
        for name, slope in named.items():
            table.add_row(Text(each.outcome), Text(name), *_slope(slope))
    return table


def _slope(slope: Slope | None) -> tuple[str, str, str]:
    if slope is None:
        return "none", "", ""
    ends = f"{number(slope.low)} to {number(slope.high)}"
    return number(slope.value), ends, _p(slope.p)


def _shares(shares: Sequence[Shared]) -> Table:
    table = table_of("outcome", "source", "share", "interval", text=2)
    for each in shares:
        if each.decomposition is None:
            table.add_row(Text(each.outcome), Text(safe_text(each.why, 200), "red"))
            continue
        for part in each.decomposition.parts:
            ends = f"{part.low:.1%} to {part.high:.1%}"
            table.add_row(
                Text(each.outcome), Text(part.source), f"{part.share:.1%}", ends
            )
    return table


def _notes(effects: Effects) -> list[str]:
    notes = [
        f"{each.outcome}, {each.first} and {each.second}: the mixed model has not "
        f"converged: {safe_text('; '.join(each.rounds.notes), 300)}"
        for each in effects.comparisons
        if each.rounds is not None and not each.rounds.converged
    ]
    if not effects.stopped:
        notes.append("the stop rule asks for more populations")
    return notes


def _interval(found: Interval | None) -> tuple[str, str]:
    if found is None:
        return "none", ""
    if found.low is None or found.high is None:
        return number(found.value), found.method.removeprefix("none: ")
    return number(found.value), f"{number(found.low)} to {number(found.high)}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


# -- while it goes on


class Progress:
    """How far each arm is; on a terminal, a table that is drawn anew."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self._of: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._running: list[str] = []

    def expect(self, arms: Iterable[str], done: Iterable[str]) -> None:
        """There are to be runs of *arms*, one for each time it is named."""
        self._of, self._done = Counter(arms), Counter(done)

    def tell(self, told: Told) -> str:
        """Take in what a run has come to, and say it in words."""
        arm = told.run.arm.name
        if told.state == "begun":
            self._running.append(told.run.name)
            return ""
        if told.run.name in self._running:
            self._running.remove(told.run.name)
        self._done[arm] += told.state == "complete"
        count = f"{self._done.total():,} of {self._of.total():,}"
        return f"{count}  {told.run.name} {told.state}"

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        for arm, total in self._of.items():
            done = self._done[arm]
            bar = ProgressBar(total=total, completed=done, width=30)
            grid.add_row(Text(arm), bar, Text(f"{done:,} of {total:,}"))
        seconds = int(self._now() - self._began)
        elapsed = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        grid.add_row(Text("running", "dim"), Text(", ".join(self._running)))
        grid.add_row(Text("elapsed", "dim"), Text(elapsed))
        grid.add_row("", Text("Ctrl-C stops; the study can be gone on with", "dim"))
        return grid
