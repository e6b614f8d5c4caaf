"""The report of a study; needs the extra ``study``."""

from collections.abc import Iterator
from pathlib import Path

from hubbub.console.calls import money
from hubbub.report import words
from hubbub.report.arms import arms, completeness
from hubbub.report.effects import findings
from hubbub.report.html import Child, Html, el, join
from hubbub.report.page import Section, page, tiles
from hubbub.report.page import words as paragraph
from hubbub.report.parts import parts
from hubbub.report.rounds import rounds
from hubbub.report.statistics import statistics
from hubbub.report.studied import Studied, read_study


def study_report(path: Path) -> str:
    """
    The study in the folder *path* as one page of HTML; the same study, the same page.

    Raises `UsageError` where it has not come to its end.
    """
    study = read_study(path)
    name = study.effects.study
    return page(name, _head(study), [*_sections(study)], _foot(study))


def _sections(study: Studied) -> Iterator[Section]:
    found: list[tuple[str, str, Html | None]] = [
        ("findings", "What it finds", findings(study)),
        ("complete", "How complete it is", completeness(study)),
        ("shares", "Prior and context", parts(study)),
        ("rounds", "Round by round", rounds(study)),
        ("arms", "What was compared", arms(study)),
        ("methods", "Methods", statistics(study)),
    ]
    for name, title, body in found:
        if body is not None:
            yield Section(name, title, body)


def _head(study: Studied) -> Html:
    effects = study.effects
    first = next(iter(study.examples.values()), None)
    line = [
        f"{effects.replicates:,} populations an arm",
        f"SHA-256 {effects.sha256[:16]}",
    ]
    if first:
        line.insert(0, first.manifest.scenario)
    return join(
        [
            el("p", "Hubbub study report", class_="eyebrow"),
            el("h1", words.title(effects.study)),
            paragraph(" · ".join(line), "line"),
            tiles(_figures(study)),
        ]
    )


def _figures(study: Studied) -> dict[str, Child]:
    found = study.effects.arms
    usable = sum(arm.usable for arm in found)
    costs = [arm.cost for arm in found]
    known = [cost for cost in costs if cost is not None]
    calls = sum(arm.calls for arm in found)
    cost = money(sum(known)) if len(known) == len(costs) else "unknown"
    return {
        "arms": len(found),
        "of them usable": usable,
        "populations": sum(arm.runs for arm in found),
        "outcomes": len(study.effects.outcomes),
        "comparisons": len(study.effects.comparisons) or None,
        "model calls": calls or None,
        "cost": cost if calls else None,
    }


def _foot(study: Studied) -> Html:
    return join(
        [
            el("p", f"Study {study.effects.study}."),
            el("p", "This page has no script and loads nothing."),
        ]
    )
