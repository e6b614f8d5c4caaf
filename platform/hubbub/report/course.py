"""How a run went: how much was said when and by whom, and who talked with whom."""

from collections import Counter

from hubbub.report import charts, network, page, words
from hubbub.report.html import Child, Html, join
from hubbub.report.record import Record
from hubbub.report.stretches import Stretches

#: Seats, and rooms, that have a row of their own.
_SEATS, _ROOMS = 40, 12
#: Pairs in the table.
_PAIRS = 10


def course(record: Record) -> Html:
    """The time line."""
    stretches = record.stretches
    if not stretches.count:
        return page.words("Nothing has happened yet.")
    names = stretches.names()
    across = "round" if stretches.all_rounds else "the course of the run"
    if stretches.rounds and not stretches.all_rounds:
        across = "rounds, and the phases after them"
    bars = [
        charts.Column(
            {
                "said": stretches.said[at],
                "o-answered": stretches.answered[at],
                "o-model_error": stretches.failed[at],
            },
            names[at],
        )
        for at in range(stretches.count)
    ]
    drawn: list[Html] = []
    if not stretches.by_message:
        # Else they would all be of the same height.
        drawn.append(
            page.figure(
                "Messages",
                charts.columns("Messages over the run", bars, x_title=across),
                _stretch_words(stretches),
                _legend(stretches),
            )
        )
    if seats := _rows(stretches, stretches.by_seat, _SEATS):
        drawn.append(
            page.figure(
                "Who spoke when",
                charts.heat("Who spoke when", seats, names, x_title=across),
                f"{_stretch_words(stretches)} The stronger the colour, the more was "
                "said; a grey cell is silence."
                + _left_out(len(stretches.by_seat), _SEATS, "seats that spoke"),
            )
        )
    if len(stretches.by_room) > 1:
        rooms = _rows(stretches, stretches.by_room, _ROOMS)
        drawn.append(
            page.figure(
                "Where",
                charts.heat("What was said by room", rooms, names, x_title=across),
                "Rooms in which anybody but the conductor spoke; all conversations "
                "of two are one row."
                + _left_out(len(stretches.by_room), _ROOMS, "rooms"),
            )
        )
    return page.figures(*drawn)


def _rows(
    stretches: Stretches, counts: dict[str, Counter[int]], most: int
) -> dict[str, list[float]]:
    ranked = sorted(
        counts, key=lambda row: (-counts[row].total(), network.in_order(row))
    )[:most]
    kept = sorted(ranked, key=network.in_order)
    return {row: [counts[row][at] for at in range(stretches.count)] for row in kept}


def _stretch_words(stretches: Stretches) -> str:
    each = "Each column is a round"
    if not stretches.rounds:
        each = "Each column is a phase, or a message where many talk in one room"
    elif not stretches.all_rounds:
        each = "Each column is a round, or what was played after the last one"
    several = f", {stretches.width} of them together" if stretches.width > 1 else ""
    return f"{each}{several}."


def _legend(stretches: Stretches) -> Html:
    entries = (
        ("said", "said", stretches.said),
        ("o-answered", "answers and passes", stretches.answered),
        ("o-model_error", "failures", stretches.failed),
    )
    return page.legend(*((kind, name) for kind, name, counts in entries if counts))


def _left_out(there: int, shown: int, what: str) -> str:
    return f" Shown are {shown} of {there:,} {what}." if there > shown else ""


def ties(record: Record) -> Html | None:
    """The network of conversations in both halves of the run; None without any."""
    if not record.talks:
        return None
    stretches = record.stretches
    middle = (stretches.now + 1) // 2
    halves = Counter[network.Pair](), Counter[network.Pair]()
    for stretch, pair in record.talks:
        halves[stretch >= middle][pair] += 1
    every = halves[0] + halves[1]
    seats = network.busiest(every)
    places = network.layout(seats, every, record.picture.seed)
    most = max(max(half.values(), default=0) for half in halves)
    first, second = "First half", "Second half"
    if stretches.all_rounds and middle:
        first = _rounds(1, middle)
        second = _rounds(middle + 1, stretches.rounds)
    spoke = len(network.strengths(every))
    note = _left_out(spoke, network.MOST, "seats, those that talked most")
    drawn = [
        page.figure(
            name,
            network.picture(f"Who talked with whom: {name}", places, half, most),
            f"{words.count(half.total(), 'conversation')} of "
            f"{words.count(len(half), 'pair')}.",
        )
        for name, half in ((first, halves[0]), (second, halves[1]))
        if half or len(seats) > 1
    ]
    return join(
        [
            page.words(
                "A disc is a seat: the larger, the more others it talked with, the "
                "stronger its colour, the more often it talked. A line is a pair: the "
                "wider, the more conversations, on the same scale in both pictures. "
                f"Places are the same in both, drawn from the run's seed.{note}",
            ),
            page.figures(*drawn),
            page.folded("Pairs that talked most", _pairs(every, halves)),
        ]
    )


def _rounds(first: int, last: int) -> str:
    return f"Rounds {first} to {last}" if first < last else f"Round {last}"


def _pairs(
    every: Counter[network.Pair],
    halves: tuple[Counter[network.Pair], Counter[network.Pair]],
) -> Html:
    rows: list[list[Child]] = [
        [" and ".join(pair), times, halves[0][pair], halves[1][pair]]
        for pair, times in sorted(every.items(), key=lambda tie: (-tie[1], tie[0]))
    ]
    heads = ["pair", "conversations", "first half", "second half"]
    return page.table(heads, rows, limit=_PAIRS)
