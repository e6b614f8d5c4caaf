"""What priors, contexts and both together contribute: bars of shares, with intervals."""

from hubbub.report import charts, page, words
from hubbub.report.html import Child, Html, join
from hubbub.report.strips import Strip, strips
from hubbub.report.studied import Studied
from hubbub.study.analysis import Shared

_SOURCES = ("prior", "context", "interaction", "residual")


def parts(study: Studied) -> Html | None:
    """The variance decomposition of each outcome; None where nothing is crossed."""
    found = study.effects.shares
    if not found:
        return None
    split = [each for each in found if each.decomposition is not None]
    drawn: list[Html] = []
    if split:
        drawn = [_bars(split), *map(_intervals, split)]
    undone = [f"{each.outcome}: {each.why}" for each in found if each.why]
    return join(
        [
            page.legend(*((f"v-{source}", source) for source in _SOURCES)),
            page.figures(*drawn),
            *(page.words(why, "warning") for why in undone),
            page.folded("The numbers", _table(split)) if split else None,
        ]
    )


def _bars(split: list[Shared]) -> Html:
    bars = {
        each.outcome: {f"v-{p.source}": p.share for p in each.decomposition.parts}
        for each in split
        if each.decomposition
    }
    return page.figure(
        "Shares of variance",
        charts.shares("Shares of variance by outcome", bars),
        "How populations differ, by what their prior (model or persona), their context "
        "and the interaction of both contribute; the residual is within cells.",
    )


def _intervals(shared: Shared) -> Html:
    assert shared.decomposition is not None
    found = shared.decomposition
    rows = [
        Strip(
            label=part.source,
            note=f"{part.share:.1%} [{part.low:.1%}, {part.high:.1%}]",
            value=100 * part.share,
            low=100 * part.low,
            high=100 * part.high,
        )
        for part in found.parts
    ]
    drawing = strips(
        f"Shares of variance of {shared.outcome}",
        rows,
        x_title="% of the variance",
        x=(0.0, 100.0),
    )
    least, most = found.units
    each = f"{least}" if least == most else f"{least} to {most}"
    caption = (
        f"{words.level(found.level)} intervals, from {each} populations in each cell."
    )
    return page.figure(shared.outcome, drawing, caption)


def _table(split: list[Shared]) -> Html:
    rows: list[list[Child]] = [
        [
            each.outcome,
            part.source,
            f"{part.variance:.3g}",
            f"{part.share:.1%}",
            f"{part.low:.1%} to {part.high:.1%}",
        ]
        for each in split
        if each.decomposition is not None
        for part in each.decomposition.parts
    ]
    heads = ["outcome", "source", "variance", "share", "interval"]
    return page.table(heads, rows, left=2)
