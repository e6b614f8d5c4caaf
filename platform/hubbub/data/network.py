"""The network of a run: who turned to whom, summed over its rounds."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from hubbub.data.rows import EdgeRow, SeatRow

Value = str | int | float | bool
#: Names of attributes with the types of their values.
Types = dict[str, type[Value]]

_decode = msgspec.json.Decoder(dict[str, str]).decode


class Edge(NamedTuple):
    """A directed edge: all that *source* did towards *target* in one *kind* of way."""

    source: str
    target: str
    kind: str
    values: dict[str, Value]


class Network:
    """
    Seats as nodes, with what fills them and who they are; edges as in `EdgeRow`.

    Memory grows with seats and pairs.
    """

    def __init__(self) -> None:
        self._seats: dict[str, dict[str, Value]] = {}
        self._edges: dict[tuple[str, str, str], EdgeRow] = {}
        self._first_round: dict[tuple[str, str, str], int] = {}

    def add_seats(self, rows: Iterable[SeatRow]) -> None:
        """Take in seats."""
        for row in rows:
            self._seats[row.seat] = _node(row)

    def add_edges(self, rows: Iterable[EdgeRow]) -> None:
        """Take in what was done in one more round."""
        for row in rows:
            key = row.source, row.target, row.kind
            if row.round is not None:
                self._first_round.setdefault(key, row.round)
            if before := self._edges.get(key):
                row = msgspec.structs.replace(
                    row,
                    weight=before.weight + row.weight,
                    first_seq=before.first_seq,
                    first_at=before.first_at,
                )
            self._edges[key] = row

    def __len__(self) -> int:
        """How many edges there are."""
        return len(self._edges)

    def nodes(self) -> dict[str, dict[str, Value]]:
        """Every node: the seats, then whoever else an edge leads to."""
        nodes = dict(self._seats)
        for source, target, _ in self._edges:
            nodes.setdefault(source, {})
            nodes.setdefault(target, {})
        return nodes

    def edges(self) -> Iterator[Edge]:
        """Every edge, in the order of their first times; no value is missing as None."""
        for key, row in self._edges.items():
            values: dict[str, Value] = {
                "weight": row.weight,
                "first_seq": row.first_seq,
                "last_seq": row.last_seq,
                "first_at": row.first_at,
                "last_at": row.last_at,
            }
            if row.round is not None:
                values["first_round"] = self._first_round[key]
                values["last_round"] = row.round
            yield Edge(row.source, row.target, row.kind, values)

    def node_types(self) -> Types:
        """Every attribute that some node has."""
        return {n: type(v) for node in self._seats.values() for n, v in node.items()}


#: Every attribute that an edge may have, besides its kind.
EDGE_TYPES: Types = dict.fromkeys(
    (
        "weight",
        "first_seq",
        "last_seq",
        "first_at",
        "last_at",
        "first_round",
        "last_round",
    ),
    int,
)


def _node(row: SeatRow) -> dict[str, Value]:
    values = {
        "place": row.place,
        "group": row.group,
        "mind": row.mind,
        "model": row.model,
        "memory": row.memory,
        "persona": row.persona,
        "adversarial": row.adversarial,
    }
    # No name of ours or of a format's can be an attribute's of a persona.
    persona = _decode(row.attributes) if row.attributes else {}
    node: dict[str, Value] = {n: v for n, v in values.items() if v is not None}
    node |= {f"persona_{name}": value for name, value in persona.items()}
    return node
