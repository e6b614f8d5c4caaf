"""Sentence construction: how many sentences are valid, what is wrong with the others."""

from collections import Counter
from collections.abc import Sequence

from hubbub.report import charts, page, words
from hubbub.report.html import Child, Html, el, join, quoted
from hubbub.report.reading import Page, read
from hubbub.report.record import Record

#: Faults, in the order in which they are looked for.
_FAULTS = ("empty", "words missing", "too long", "repeated", "incoherent")
#: Examples of valid sentences, and of those with faults.
_VALID, _FAULTY = 5, 6


def sentences(record: Record) -> Html | None:
    """The pages of a run; None where it has none."""
    pages = [each for each in read(record, "page", Page) if _whole(each)]
    if not pages:
        return None
    by_question: dict[str, Counter[str]] = {}
    for each in pages:
        counts = by_question.setdefault(f"question {each.number}", Counter())
        counts.update(map(_kind, each.faults))
    every: Counter[str] = Counter()
    for counts in by_question.values():
        every.update(counts)
    rows = {
        name: {f"f-{kind.split()[0]}": float(counts[kind]) for kind in _kinds(every)}
        for name, counts in ({"all": every} | by_question).items()
    }
    notes = {
        name: f"{words.percent(counts['valid'], counts.total())} of {counts.total():,}"
        for name, counts in ({"all": every} | by_question).items()
    }
    judged = all(each.judged for each in pages)
    return join(
        [
            el("h3", "Sentences"),
            page.legend(*((f"f-{kind.split()[0]}", kind) for kind in _kinds(every))),
            page.figures(
                page.figure(
                    "Valid sentences",
                    charts.shares("Valid sentences by question", rows, notes),
                    "At the right the share of valid sentences. Coherence "
                    + ("was judged by a seat." if judged else "was not judged."),
                ),
                el("div", _examples(pages)),
            ),
        ]
    )


def _whole(each: Page) -> bool:
    return len(each.faults) == len(each.sentences) > 0


def _kind(fault: str) -> str:
    return fault if fault in _FAULTS else "other" if fault else "valid"


def _kinds(every: Counter[str]) -> list[str]:
    known = ["valid", *_FAULTS, "other"]
    return [kind for kind in known if every[kind]]


def _examples(pages: Sequence[Page]) -> Html:
    """A valid sentence for each question, and some that are not."""
    valid: dict[int, tuple[str, str]] = {}
    faulty: list[tuple[str, str, str]] = []
    for each in pages:
        for text, fault in zip(each.sentences, each.faults, strict=True):
            if not fault:
                valid.setdefault(each.number, (each.seat, text))
            elif len(faulty) < _FAULTY:
                faulty.append((each.seat, text, fault))
    rows: list[Sequence[Child]] = [
        [f"question {number}", join([quoted(text, 300), _by(seat)])]
        for number, (seat, text) in sorted(valid.items())[:_VALID]
    ]
    rows += [
        [page.badge(fault[:40], "bad"), join([quoted(text, 300), _by(seat)])]
        for seat, text, fault in faulty
    ]
    return page.table(["examples", ""], rows, left=2)


def _by(seat: str) -> Html:
    return el("span", " ", seat, class_="by")
