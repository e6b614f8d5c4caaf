"""The tables of a run, streamed: rows in groups, whatever the run's length."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from hubbub.data.calls import Calls
from hubbub.data.columns import Row
from hubbub.data.course import Course
from hubbub.data.edges import Edges
from hubbub.data.fold import Fold
from hubbub.data.following import Following
from hubbub.data.hearing import Exposures, Memberships
from hubbub.data.messages import Asks, Messages, Results
from hubbub.data.outcomes import Outcomes
from hubbub.data.rows import RunRow
from hubbub.data.seats import Seats, run_row
from hubbub.errors import LogDamaged, UnknownName
from hubbub.folder import RunFolder
from hubbub.messages import KINDS, Message

#: Rows of a group, and bytes of the record after which it ends before that.
ROWS = 1 << 15
BYTES = 1 << 24

_FOLDS: dict[str, Callable[[], Fold]] = {
    "messages": Messages,
    "asks": Asks,
    "outcomes": Outcomes,
    "calls": Calls,
    "results": Results,
    "edges": Edges,
    "memberships": Memberships,
    "exposures": Exposures,
}
#: Every table and what its rows are.
ROW_OF: dict[str, type[Row]] = {
    "runs": RunRow,
    "seats": Seats.row,
    "messages": Messages.row,
    "asks": Asks.row,
    "outcomes": Outcomes.row,
    "calls": Calls.row,
    "results": Results.row,
    "edges": Edges.row,
    "memberships": Memberships.row,
    "exposures": Exposures.row,
}
TABLES = tuple(ROW_OF)
#: What is as long as the run times its rooms' members, and only made on demand.
ON_DEMAND = "exposures"


def read_tables(
    folder: RunFolder, names: Sequence[str]
) -> Iterator[tuple[str, list[Row]]]:
    """
    The rows of the tables called *names*, in groups, in one walk through the record.

    Raises `UnknownName` for a table that there is not, `BadPopulation` where seats are
    wanted and the population file was changed, and `LogDamaged`.
    """
    for name in names:
        if name not in TABLES:
            raise UnknownName("table", name, [*TABLES])
    folds = {name: _fold(name, folder) for name in names if name != "runs"}
    following = Following(folder, calls=any(fold.calls for fold in folds.values()))
    yield from _groups(following, folds)
    if "runs" in names:
        yield "runs", [run_row(folder.manifest, following.messages, following.digest)]


def _fold(name: str, folder: RunFolder) -> Fold:
    return Seats(folder.population()) if name == "seats" else _FOLDS[name]()


def _groups(
    following: Following, folds: dict[str, Fold]
) -> Iterator[tuple[str, list[Row]]]:
    course, read = Course(), 0
    rows: dict[str, list[Row]] = {name: [] for name in folds}
    takers = {
        kind: [(name, fold) for name, fold in folds.items() if kind in fold.kinds]
        for kind in KINDS
    }
    for message in following:
        course.apply(message)
        for name, fold in takers[message.kind]:
            mine = rows[name]
            try:
                mine.extend(fold.apply(message, course))
            except msgspec.MsgspecError as error:
                raise _damaged(following, message, error) from None
            if len(mine) >= ROWS:
                yield name, mine
                rows[name] = []
        if following.size - read >= BYTES:
            read = following.size
            yield from ((name, mine) for name, mine in rows.items() if mine)
            rows = {name: [] for name in folds}
    for name, fold in folds.items():
        rows[name].extend(fold.end(course))
        yield name, rows[name]


def _damaged(
    following: Following, message: Message, error: msgspec.MsgspecError
) -> LogDamaged:
    why = f"what this {message.kind} says is none: {error}"
    return LogDamaged(following.folder.log, message.seq, why)
