"""A run on one page: tables for people, one object for programs."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from itertools import islice
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hubbub.console.calls import Usage, bounds, price
from hubbub.console.picture import Member, Picture
from hubbub.console.transcript import when
from hubbub.folder import Origin
from hubbub.text import safe_text

#: Rows of members and of pairs; what is beyond is counted, not shown.
_ROWS = 40
#: Up to so many seats, who talked with whom is a matrix.
_MATRIX = 20


def show(picture: Picture, run: str, origin: Origin | None = None) -> Group:
    """
    Everything `Picture` knows of *run*, as tables; all text in them is inert.

    *origin* is that of a fork.
    """
    parts: list[RenderableType] = [_header(picture, run, origin)]

    def add(heading: str, table: Table) -> None:
        # A table's own title would be wrapped to the table's width.
        if table.row_count:
            parts.extend([Text(f"\n{heading}", "bold"), table])

    small = len(picture.members) <= _MATRIX and picture.pairs
    add("members", _members(picture))
    add("phases", _phases(picture))
    add("outcomes", _outcomes(picture))
    add("who talked with whom", _matrix(picture) if small else _pairs(picture))
    add("models", _models(picture))
    add("failed calls", _failed(picture))
    add("spent by model", _spent("model", picture.models))
    add("spent by phase", _spent("phase", picture.uses))
    add("spent by seat", _spent("seat", _by_seat(picture)))
    if picture.total.estimated:
        parts.append(Text("~ estimated in part", "dim"))
    return Group(*parts)


def summary(picture: Picture, run: str, origin: Origin | None = None) -> dict[str, Any]:
    """Everything `Picture` knows of *run*, with its *origin*, as one JSON object."""
    return {
        "run": run,
        "origin": origin,
        "scenario": picture.scenario,
        "seed": picture.seed,
        "state": picture.state,
        "why": picture.why,
        "round": picture.round,
        "of": picture.of,
        "first_at": picture.first_at,
        "last_at": picture.last_at,
        "messages": picture.messages,
        "says": picture.says,
        "asks": picture.asks,
        "answered": picture.answers["answered"],
        "pending": picture.pending,
        "completeness": picture.completeness,
        "answers": dict(picture.answers),
        "turns": dict(picture.turns),
        "phases": dict(picture.phases),
        "faults": picture.faults,
        "memories": picture.memories,
        "sent": dict(picture.sent),
        "members": {seat: _member(m) for seat, m in picture.members.items()},
        "pairs": [[*pair, chats] for pair, chats in picture.pairs.most_common()],
        "calls": picture.calls,
        "budget": {"money": picture.budget.money, "tokens": picture.budget.tokens},
        **spent(picture),
        "uses": {name: _usage(usage) for name, usage in picture.uses.items()},
    }


def spent(picture: Picture) -> dict[str, Any]:
    """What model calls came to, together and by model, as one JSON object."""
    return {
        "spent": _usage(picture.total),
        "models": {name: _model(picture, name) for name in picture.models},
    }


def completeness(picture: Picture) -> str:
    """The share of asks that were answered, in words."""
    if picture.completeness is None:
        return "nobody was asked"
    answered = picture.answers["answered"]
    pending = f", {picture.pending:,} pending" if picture.pending else ""
    share = f"{picture.completeness:.1%}"
    return f"{share}: {answered:,} of {picture.asks:,} asks answered{pending}"


def bill(picture: Picture) -> str:
    """What the run's model calls came to so far, in words."""
    used = picture.total
    cached = f", {used.cached:,} of them cached" if used.cached else ""
    tokens = f"{used.tokens_in:,} tokens in and {used.tokens_out:,} out"
    of = f" of {words}" if (words := bounds(picture.budget)) else ""
    calls = f"{used.calls:,} call{'' if used.calls == 1 else 's'}{cached}"
    return f"{price(used)}{of} for {calls}, {tokens}"


def parsing(picture: Picture) -> str:
    """The share of each model's acts that made sense, in words."""
    rates: list[str] = []
    for name in picture.models:
        good, ended = picture.parsed(name)
        rate = f"{good / ended:.1%} of {ended:,}" if ended else "none"
        rates.append(f"{safe_text(name, 80)} {rate}")
    return ", ".join(rates)


def _member(member: Member) -> dict[str, Any]:
    return {
        "says": member.says,
        "asks": member.asks,
        "chats": member.chats,
        "answers": dict(member.answers),
        "turns": dict(member.turns),
        "model": member.model,
        "spent": _usage(member.usage),
    }


def _model(picture: Picture, model: str) -> dict[str, Any]:
    parsed, ended = picture.parsed(model)
    return _usage(picture.models[model]) | {"parsed": parsed, "ended": ended}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "replies": usage.replies,
        "again": usage.again,
        "cached": usage.cached,
        "errors": dict(usage.errors),
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost": usage.known_cost,
        "unpriced": usage.unpriced,
        "estimated": usage.estimated,
        "cut": usage.cut,
        "dropped": usage.dropped,
        "seconds": round(usage.seconds, 3),
    }


def _cell(value: object, style: str = "") -> Text:
    shown = f"{value:,}" if isinstance(value, int) else safe_text(str(value), 300)
    return Text(shown, style)


def _table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """A table with *columns*, and then *numbers*, which are aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for column in columns:
        table.add_column(_cell(column), overflow="fold")
    for column in numbers:
        table.add_column(_cell(column), justify="right", no_wrap=True)
    return table


def forked(origin: Origin) -> str:
    """Where a fork comes from, and what is otherwise in it, in words."""
    words = f"{origin.run} up to seq {origin.seq:,}"
    if origin.without:
        words += f", without {', '.join(origin.without)}"
    if origin.injected:
        words += f", with {', '.join(what.id for what in origin.injected)}"
    return words


def _header(picture: Picture, run: str, origin: Origin | None) -> Table:
    lines = {
        "run": run,
        **({"fork of": forked(origin)} if origin else {}),
        "scenario": f"{picture.scenario}, seed {picture.seed}",
        "state": picture.why or picture.state,
        "complete": completeness(picture),
        "rounds": f"{picture.round} of {picture.of}",
        "messages": f"{picture.messages:,}, {picture.says:,} of them said",
        "began": when(picture.first_at, UTC, "%Y-%m-%d %H:%M:%S UTC"),
        "took": f"{(picture.last_at - picture.first_at) / 1000:,.1f} s",
        "faults": f"{picture.faults:,}",
    }
    if picture.calls:
        lines["spent"] = bill(picture)
    if picture.memories:
        lines["memories"] = f"{picture.memories:,}"
    table = Table.grid(padding=(0, 2))
    for name, value in lines.items():
        table.add_row(_cell(name, "dim"), _cell(value))
    return table


def _members(picture: Picture) -> Table:
    numbers = ("said", "asked", "answered", "chats", "turns", "sent")
    table = _table("seat", "model", numbers=numbers)
    ranked = sorted(picture.members.items(), key=lambda item: -item[1].says)
    for seat, member in ranked[:_ROWS]:
        answered = member.answers["answered"]
        counts = (member.says, member.asks, answered, member.chats)
        row = (*counts, member.turns.total(), picture.sent[seat])
        table.add_row(_cell(seat), _cell(member.model), *map(_cell, row))
    _rest(table, len(ranked))
    return table


def _rest(table: Table, rows: int) -> None:
    if rows > _ROWS:
        table.add_row(_cell(f"and {rows - _ROWS:,} more", "dim"))


def _phases(picture: Picture) -> Table:
    table = _table("form", numbers=("phases",))
    for form, count in picture.phases.most_common():
        table.add_row(_cell(form), _cell(count))
    return table


def _outcomes(picture: Picture) -> Table:
    table = _table("outcome", numbers=("asks", "chat turns"))
    for outcome, _ in picture.outcomes.most_common():
        counts = picture.answers[outcome], picture.turns[outcome]
        table.add_row(_cell(outcome), *map(_cell, counts))
    return table


def _matrix(picture: Picture) -> Table:
    seats = list(picture.members)
    short = all(len(seat) <= 4 for seat in seats)
    heads = seats if short else [str(place) for place, _ in enumerate(seats, 1)]
    table = _table("chats", numbers=heads)
    for head, row in zip(heads, seats, strict=True):
        chats = (picture.pairs[min(row, seat), max(row, seat)] for seat in seats)
        label = row if short else f"{head} {row}"
        table.add_row(_cell(label), *(_cell(count or "·") for count in chats))
    return table


def _pairs(picture: Picture) -> Table:
    table = _table("seat", "seat", numbers=("chats",))
    for (first, second), chats in picture.pairs.most_common(_ROWS):
        table.add_row(_cell(first), _cell(second), _cell(chats))
    _rest(table, len(picture.pairs))
    return table


def _models(picture: Picture) -> Table:
    left_out = ("cut", "left out") if picture.total.cut else ()
    numbers = ("calls", "ok", "again", "parsed", *left_out, "s / call")
    table = _table("model", numbers=numbers)
    for name, usage in picture.models.items():
        row = [
            _cell(usage.calls),
            _share(usage.replies, usage.calls),
            _cell(usage.again),
            _share(*picture.parsed(name)),
            *([_cell(usage.cut), _cell(usage.dropped)] if left_out else []),
            _cell(f"{usage.seconds / usage.calls:.2f}"),
        ]
        table.add_row(_cell(name), *row)
    return table


def _failed(picture: Picture) -> Table:
    table = _table("model", "error", "the first said", numbers=("calls",))
    for name, usage in picture.models.items():
        for kind, count in usage.errors.most_common():
            table.add_row(*map(_cell, (name, kind, usage.said[kind], count)))
    return table


def _by_seat(picture: Picture) -> dict[str, Usage]:
    seats = {n: m.usage for n, m in picture.members.items() if m.usage.calls}
    return dict(sorted(seats.items(), key=lambda item: -item[1].cost))


def _spent(what: str, usages: Mapping[str, Usage]) -> Table:
    """What each of *usages* has cost, in tokens and in money."""
    cached = any(usage.cached for usage in usages.values())
    numbers = ("calls", "cached") if cached else ("calls",)
    table = _table(what, numbers=(*numbers, "tokens in", "tokens out", "cost"))
    for name, usage in islice(usages.items(), _ROWS):
        calls = [usage.calls, usage.cached] if cached else [usage.calls]
        counts = map(_cell, (*calls, usage.tokens_in, usage.tokens_out))
        table.add_row(_cell(name), *counts, _cell(price(usage)))
    _rest(table, len(usages))
    return table


def _share(part: int, whole: int) -> Text:
    return _cell(f"{part / whole:.0%}" if whole else "none")
