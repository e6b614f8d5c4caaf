"""Games of giving: gifts by game, the chain of games, and how gifts changed in it."""

from collections.abc import Mapping, Sequence

from hubbub.report import charts, page, words
from hubbub.report.axes import WIDTH, Scale, drawing, span, text
from hubbub.report.html import Child, Html, el, join
from hubbub.report.reading import Game, Infection, read
from hubbub.report.record import Record

#: Games of two that are drawn one by one, and dots beyond which there are none.
_GAMES, _DOTS = 24, 1_500


def games(record: Record) -> Html | None:
    """The games of a run; None where it has none."""
    played = read(record, "game", Game)
    if not any(game.gave for game in played):
        return None
    changes = read(record, "infection", Infection)
    in_twos = all(len(game.outcomes or game.gave) == 2 for game in played)
    drawn: list[Html] = []
    if changes and in_twos and len(played) <= _GAMES:
        drawn += [_chain(played), _infections(changes)]
    else:
        drawn.append(_by_game(played))
    return join([el("h3", "Games"), page.figures(*drawn), _numbers(played)])


def _by_game(played: Sequence[Game]) -> Html:
    """Every gift, game by game, and their means."""
    rounds = _rounds(played)
    dots = [
        charts.Line("gift", [(place, gift)])
        for place, gifts in rounds.items()
        for gift in gifts
    ]
    means = charts.Line(
        "measured", [(p, sum(g) / len(g)) for p, g in rounds.items() if g], dots=True
    )
    every = [gift for gifts in rounds.values() for gift in gifts]
    shown = dots if len(dots) <= _DOTS else []
    return page.figure(
        "Gifts",
        charts.curves(
            "Gifts by round",
            [*shown, means],
            x_title="round",
            y=span(every, zero=True),
        ),
        f"The line is the mean, each dot a gift, in dollars: {len(every):,} gifts in "
        f"{words.count(len(played), 'game')}, "
        f"${sum(every) / len(every):,.2f} in the mean. Who did not answer gave nothing "
        "and is not in it.",
    )


def _rounds(played: Sequence[Game]) -> dict[float, list[float]]:
    """All gifts by the number that a game's name begins with, else by its place."""
    rounds: dict[float, list[float]] = {}
    for place, game in enumerate(played, 1):
        head = game.game.partition(".")[0]
        number = (
            int(head) if head.isascii() and head.isdigit() and len(head) < 9 else place
        )
        rounds.setdefault(number, []).extend(game.gave.values())
    return dict(sorted(rounds.items()))


def _chain(played: Sequence[Game]) -> Html:
    """Games of two, one under the other: bars of gifts to both sides."""
    most = max((g for game in played for g in game.gave.values()), default=0) or 1
    half, tall = WIDTH / 2, 46.0
    reach = Scale(0, max(most, 1e-9), 0, half - 70)
    parts: list[Html] = []
    for place, game in enumerate(played):
        y = 6 + place * tall
        parts.append(text(half, y + 10, f"game {game.game}", "tick middle"))
        for side, seat in zip((-1, 1), game.outcomes or game.gave, strict=False):
            parts += _gift(half, y, side, seat, game.gave.get(seat), reach)
    return page.figure(
        "Chain of games",
        drawing(
            "Gifts in every game of the chain", WIDTH, len(played) * tall + 6, parts
        ),
        "Each pair of bars is a game of two, with what each of them gave, in dollars.",
    )


def _gift(
    half: float, y: float, side: int, seat: str, gift: float | None, reach: Scale
) -> list[Html]:
    long = max(1.0, reach(gift or 0))
    end = half + side * (long + 6)
    start = half + 1.5 if side > 0 else half - 1.5 - long
    anchor = "start" if side > 0 else "end"
    told = "no answer" if gift is None else f"${gift:,.2f}"
    bar = {"x": start, "y": y + 16, "width": long, "height": 18}
    return [
        el("rect", **bar, class_="measured" if gift is not None else "none"),
        text(end, y + 24, seat[:14], f"label {anchor}"),
        text(end, y + 38, told, f"tick {anchor}"),
    ]


def _infections(changes: Sequence[Infection]) -> Html:
    """Every player's gift before and after, as two ends of a line."""
    rows: dict[str, tuple[float | None, float | None]] = {
        f"order {each.order}: {each.seat}": (each.before, each.after)
        for each in changes
    }
    told = "; ".join(
        f"order {each.order}: {'not answered' if each.change is None else _dollars(each.change)}"
        for each in changes
    )
    return page.figure(
        "Infection",
        charts.changes("Gifts before and after", rows),
        "What a player gave in the game with what infects it (ring) and in its next one "
        f"(disc). Change: {told}.",
    )


def _dollars(amount: float) -> str:
    sign = "+" if amount > 0 else "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}${abs(amount):,.2f}"


def _numbers(played: Sequence[Game]) -> Html:
    rows: list[list[Child]] = [
        [game.game, _told(game.gave), _told(game.payoffs), _ends(game.outcomes)]
        for game in played
    ]
    heads = ["game", "gave", "has then", "how asks ended"]
    return page.folded("The games", page.table(heads, rows, left=4))


def _told(amounts: Mapping[str, float]) -> str:
    told = [f"{seat} ${amount:,.2f}" for seat, amount in list(amounts.items())[:12]]
    return ", ".join(told) or words.NONE


def _ends(outcomes: Mapping[str, str]) -> str:
    bad = [f"{seat} {end}" for seat, end in outcomes.items() if end != "answered"]
    return words.listed(bad) or "all answered"
