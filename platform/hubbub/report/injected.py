"""What was injected into a run: who was exposed, what changed, and which way words went."""

from collections.abc import Sequence

from hubbub.console.effects import notes, told
from hubbub.errors import UsageError
from hubbub.kin import find_twin
from hubbub.log import read_log
from hubbub.measures.effect import Effect, Exposed, Outcome, effect, treated
from hubbub.measures.lineage import Lineage
from hubbub.messages import Message
from hubbub.report import charts, page, words
from hubbub.report.html import Child, Html, el, join
from hubbub.report.source import Source
from hubbub.report.words import number

#: Seats times messages: what of a larger run is told here takes minutes.
_TOLD = 20_000_000
#: Sources of a carrier that are named.
_NAMED = 6


def injected(source: Source) -> Html | None:
    """The injections of a run, beside its twin if it has one; None where it has none."""
    record = source.record
    if not record.kinds["onset"]:
        return None
    if record.audit.messages * len(record.picture.members) > _TOLD:
        return page.words(
            "A run so large is not told here: it would take long. hubbub effect does it."
        )
    messages = list(read_log(source.folder.log))
    twin, trouble = _twin(source, messages)
    found = effect(messages, twin)
    drawn = [each for each in found.outcomes if each.changes]
    parts: list[Child] = [
        _who(found),
        page.words(trouble, "warning") if trouble else None,
        page.figures(*map(_course, drawn)) if drawn else None,
        *map(_spill, drawn),
        page.folded("Who was exposed", _exposed(found.seats)),
        *map(_lineage, found.lineages),
    ]
    parts += (page.words(f"{_sentence(note)}.", "note") for note in notes(found))
    return join(parts)


def _twin(
    source: Source, messages: Sequence[Message]
) -> tuple[list[Message] | None, str]:
    """The twin without an injection of the run's, or words on why there is none."""
    try:
        twin = find_twin(source.folder)
        other = list(read_log(twin.log)) if twin and twin.log.exists() else []
        if other and treated(messages, other):
            return other, ""
    except UsageError as error:
        return None, _sentence(str(error)) + "."
    return None, ""


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]


def _who(found: Effect) -> Html:
    return el("ul", *(el("li", told(each)) for each in found.adversaries))


def _course(outcome: Outcome) -> Html:
    """The others' mean with and without the adversary."""
    present: list[charts.Point] = [(c.place, c.present) for c in outcome.changes]
    absent: list[charts.Point] = [(c.place, c.absent) for c in outcome.changes]
    drawing = charts.curves(
        f"{outcome.outcome} with and without the adversary",
        [charts.Line("analytic", absent), charts.Line("measured", present, dots=True)],
        x_title="round or moment",
    )
    last = outcome.changes[-1]
    caption = (
        f"The mean of {words.count(len(last.by_seat), 'seat')} that both runs have, "
        f"adversaries apart. At the end the difference is {number(last.effect)}"
    )
    if outcome.slope is not None:
        caption += f"; over seats it is {number(outcome.slope)} for each exposure"
    legend = page.legend(
        ("measured", "with the adversary"), ("analytic", "its twin without")
    )
    return page.figure(words.title(outcome.outcome), drawing, f"{caption}.", legend)


def _spill(outcome: Outcome) -> Html:
    last = outcome.last
    rows: list[list[Child]] = []
    for spill in outcome.spill:
        each = [
            f"{seat} {number(last[seat])}" if seat in last else seat
            for seat in spill.seats
        ]
        far = "unreached" if spill.distance is None else str(spill.distance)
        mean = words.NONE if spill.effect is None else number(spill.effect)
        rows.append([far, words.listed(each), mean])
    heads = ["distance", "difference of each seat", "mean"]
    title = f"{words.title(outcome.outcome)}, by distance from the adversary"
    return el("div", el("h3", title), page.table(heads, rows, left=2))


def _exposed(seats: Sequence[Exposed]) -> Html:
    rows: list[list[Child]] = [
        [
            each.seat,
            each.by,
            words.NONE if each.distance is None else each.distance,
            each.seq or words.NONE,
            each.heard,
            each.read,
        ]
        for each in seats
    ]
    heads = [
        "seat",
        "last hand",
        "distance",
        "since",
        "exposures",
        "read before acting",
    ]
    return page.table(heads, rows, left=2)


def _lineage(lineage: Lineage) -> Html:
    rows: list[list[Child]] = [
        [
            each.seat,
            _from(each.sources, told=each.told),
            each.seq,
            f"{each.generation}"
            if each.latest == each.generation
            else f"{each.generation} to {each.latest}",
            number(each.passed),
        ]
        for each in lineage.carriers
    ]
    rates = [
        f"generation {each.number}: {words.count(each.carriers, 'carrier')}"
        + ("" if each.reproduction is None else f", {number(each.reproduction)} each")
        for each in lineage.generations
    ]
    heads = ["carrier", "can have it from", "first at", "generation", "passed on"]
    silent = words.count(len(lineage.silent), "seat")
    return el(
        "div",
        el("h3", "Who carried ", el("code", lineage.text)),
        page.table(heads, rows, left=2) if rows else page.words("Nobody."),
        page.words(
            f"{_sentence('; '.join(rates))}. {silent} heard it and never carried it."
        )
        if rows
        else None,
    )


def _from(sources: Sequence[str], *, told: bool) -> str:
    named = ["the scenario"] * told + list(sources)
    more = len(named) - _NAMED
    shown = " or ".join(named[:_NAMED]) or "nobody"
    return f"{shown} and {more:,} more" if more > 0 else shown
