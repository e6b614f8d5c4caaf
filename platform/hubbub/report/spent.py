"""What models were called, how well they answered, and what it cost."""

from collections.abc import Mapping

from hubbub.console.calls import Usage, price
from hubbub.console.picture import Picture
from hubbub.report import page, words
from hubbub.report.html import Child, Html, join


def spent(picture: Picture) -> Html | None:
    """Tables by model and by phase; None where no model was called."""
    if not picture.calls:
        return None
    heads = ["model", "calls", "replied", "asked again", "parsed", "errors", "s / call"]
    rows: list[list[Child]] = []
    for name, usage in picture.models.items():
        parsed = words.percent(*picture.parsed(name))
        rows.append(
            [
                name,
                usage.calls,
                words.percent(usage.replies, usage.calls),
                usage.again,
                parsed,
                _errors(usage),
                f"{usage.seconds / usage.calls:.2f}",
            ]
        )
    note = (
        "Parsed: the share of answers in words that made sense, after at most two "
        "further tries; asked again: calls for an ask that had had a reply."
    )
    told = [note]
    if picture.total.estimated and picture.total.cost:
        told.append("~ marks a cost that is estimated in part.")
    if picture.total.cut:
        told.append(
            f"From {words.count(picture.total.cut, 'request')} some of what the seat "
            f"had heard was left out to make room, {picture.total.dropped:,} messages "
            "in all."
        )
    return join(
        [
            page.table(heads, rows),
            page.words(" ".join(told), "note"),
            _bill("model", picture.models),
            page.folded("By phase", _bill("phase", picture.uses)),
        ]
    )


def _bill(what: str, usages: Mapping[str, Usage]) -> Html:
    rows: list[list[Child]] = [
        [name, u.calls, u.cached, u.tokens_in, u.tokens_out, price(u)]
        for name, u in usages.items()
    ]
    heads = [what, "calls", "cached", "tokens in", "tokens out", "cost"]
    return page.table(heads, rows)


def _errors(usage: Usage) -> str:
    told = [f"{kind} {count:,}" for kind, count in sorted(usage.errors.items())]
    return ", ".join(told) or "none"
