"""The report of a run."""

from collections.abc import Iterator

from hubbub.folder import RunFolder
from hubbub.report import words
from hubbub.report.complete import complete
from hubbub.report.course import course, ties
from hubbub.report.html import Html, el, join
from hubbub.report.injected import injected
from hubbub.report.methods import methods
from hubbub.report.page import Section, page
from hubbub.report.page import words as paragraph
from hubbub.report.played import head, played
from hubbub.report.results import results
from hubbub.report.source import Source, read_source
from hubbub.report.spent import spent
from hubbub.report.talk import talk

#: Rounds of a window, as in the paper whose party it is.
WINDOW = 10


def run_report(folder: RunFolder, *, window: int = WINDOW, embedder: str = "") -> str:
    """
    The run in *folder* as one page of HTML; the same run gives the same page.

    What was injected is told beside the run's twin, if there is one.

    Windows have *window* rounds.  With an *embedder*, what tight and loose pairs said is
    compared.  Raises `LogDamaged`, `ModelError`, and `UsageError` where what it needs is
    not installed.
    """
    source = read_source(folder, window=window, embedder=embedder)
    title = f"{words.title(folder.manifest.scenario)}: {folder.run}"
    return page(title, head(source), [*_sections(source)], _foot(source))


def _sections(source: Source) -> Iterator[Section]:
    record = source.record
    found: list[tuple[str, str, Html | None]] = [
        ("played", "What was played", played(source)),
        ("complete", "How complete it is", complete(record)),
        ("results", "Results", results(record)),
        ("injected", "What was injected", injected(source)),
        ("course", "How it went", course(record)),
        ("network", "Who talked with whom", ties(record)),
        ("party", "The party beside chance", _party(source)),
        ("models", "Models", spent(record.picture)),
        ("talk", "In their words", talk(record.excerpts)),
        ("methods", "Methods", methods(source)),
    ]
    for name, title, body in found:
        if body is not None:
            yield Section(name, title, body)


def _party(source: Source) -> Html | None:
    if source.measures is None:
        return paragraph(source.unmeasured) if source.unmeasured else None
    from hubbub.report.party import party

    return party(source.measures)


def _foot(source: Source) -> Html:
    manifest = source.folder.manifest
    return join(
        [
            el("p", f"Run {manifest.run}, recorded by Hubbub {manifest.hubbub}."),
            el("p", "This page has no script and loads nothing."),
        ]
    )
