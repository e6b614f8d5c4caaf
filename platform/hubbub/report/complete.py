"""How complete a run is: how every ask and every turn ended, phase by phase."""

from collections.abc import Mapping

from hubbub.report import charts, page, words
from hubbub.report.html import Child, Html, el, join
from hubbub.report.record import PENDING, Record

#: The share of a phase's asks that are to end by an answer or a pass; a phase below it
#: is marked, as an arm of a study is.
COMPLETE = 0.95
_ENDS: tuple[str, ...] = (*words.OUTCOMES, PENDING)
#: Phases that are drawn.
_PHASES = 14


def complete(record: Record) -> Html:
    """Bars of outcomes by phase, the same as a table, and the faults."""
    phases = {
        _name(phase): counts for phase, counts in record.outcomes.items() if counts
    }
    if not phases:
        return page.words("Nobody was asked anything.")
    ranked = sorted(phases.items(), key=lambda item: -sum(item[1].values()))
    marks = {
        name: f"{words.percent(good(counts), sum(counts.values()))} of "
        f"{sum(counts.values()):,}"
        for name, counts in ranked
    }
    rows = {
        name: {f"o-{end}": float(counts.get(end, 0)) for end in _ENDS}
        for name, counts in ranked[:_PHASES]
    }
    seen = [end for end in _ENDS if any(c.get(end) for _, c in ranked)]
    return join(
        [
            _verdict(phases),
            page.legend(*((f"o-{end}", end.replace("_", " ")) for end in seen)),
            page.figures(
                page.figure(
                    "How asks ended",
                    charts.shares("How asks ended, by phase", rows, marks),
                    "Each bar is all asks of one kind, at the right the share that was "
                    "answered or passed. An ask ends in exactly one way; no answer is "
                    "ever made up.",
                ),
                el("div", _table(dict(ranked), seen), _faults(record)),
            ),
        ]
    )


def good(counts: Mapping[str, int]) -> int:
    """How many of an outcome's *counts* are what was wanted."""
    return counts.get("answered", 0) + counts.get("passed", 0)


def unusable(phases: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The *phases* that are not complete enough to be compared with others'."""
    return [
        name
        for name, counts in phases.items()
        if good(counts) < COMPLETE * sum(counts.values())
    ]


def _verdict(phases: Mapping[str, Mapping[str, int]]) -> Html:
    asks = sum(sum(counts.values()) for counts in phases.values())
    ended = sum(map(good, phases.values()))
    failed = unusable(phases)
    told = f"{words.percent(ended, asks)} of {asks:,} asks and turns were answered or passed."
    if not failed:
        return el("p", page.badge("usable", "good"), " ", told)
    return el(
        "p",
        page.badge("unusable", "bad"),
        f" {told} Below {COMPLETE:.0%}, and not to be compared with other runs: ",
        words.listed(failed),
        ".",
        class_="warning",
    )


def _table(phases: Mapping[str, Mapping[str, int]], seen: list[str]) -> Html:
    rows: list[list[Child]] = []
    for name, counts in phases.items():
        flag = unusable({name: counts})
        mark: Child = page.badge("unusable", "bad") if flag else None
        label = join([el("span", name), " ", mark]) if mark else name
        rows.append([label, *(counts.get(end, 0) for end in seen)])
    heads = [end.replace("_", " ") for end in seen]
    return page.table(["phase", *heads], rows)


def _faults(record: Record) -> Html | None:
    if not record.picture.faults:
        return None
    rows = [[fault.what[:200], fault.ask[:80]] for fault in record.faults]
    total = words.count(record.picture.faults, "fault")
    return page.folded(f"{total} on record", page.table(["fault", "in"], rows, left=2))


def _name(phase: str) -> str:
    """``collect Invite`` as people say it."""
    form, _, what = phase.partition(" ")
    return what if form == "collect" and what else phase
