"""The network's files open in networkx, and have what the edges have."""

from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from hubbub.cohort import Persona, seal
from hubbub.data import open_run
from hubbub.data.course import Course
from hubbub.data.export import export
from hubbub.data.graphs import write_gexf, write_graphml
from hubbub.data.network import Network
from hubbub.data.rows import EdgeRow
from hubbub.data.seats import Seats
from hubbub.population import Group, Population

from .recording import party_run, planted_party, written

FILES = ["network.graphml", "network.gexf"]


def read(path: Path) -> Any:
    """The network in the file *path*, by networkx."""
    if path.suffix == ".gexf":
        return nx.read_gexf(path)
    return nx.read_graphml(path, force_multigraph=True)


def edge(source: str, target: str) -> EdgeRow:
    """That one invited the other once."""
    return EdgeRow(
        source=source,
        target=target,
        kind="invite",
        round=None,
        weight=1,
        first_seq=1,
        last_seq=1,
        first_at=0,
        last_at=0,
    )


@pytest.mark.parametrize("name", FILES)
async def test_edges_are_the_tables_over_all_rounds(tmp_path: Path, name: str) -> None:
    """Their weights are sums, their times the first and the last."""
    folder = await party_run(tmp_path / "run")
    graph = read(export(folder.path).out / name)
    weights: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], int] = {}
    for row in open_run(folder.path).edges.to_pylist():
        key = row["source"], row["target"], row["kind"]
        weights[key] += row["weight"]
        last[key] = row["last_seq"]

    found = {(a, b, d["kind"]): d for a, b, d in graph.edges(data=True)}
    assert len(graph.edges) == len(found)
    assert {key: data["weight"] for key, data in found.items()} == weights
    assert {key: data["last_seq"] for key, data in found.items()} == last


@pytest.mark.parametrize("name", FILES)
async def test_an_edge_says_when_it_was(tmp_path: Path, name: str) -> None:
    """By number, by the server's time, and by round."""
    folder = await written(tmp_path / "run", planted_party())
    graph = read(export(folder.path).out / name)
    (talk,) = (each[2] for each in graph.edges(data=True) if each[2]["kind"] == "talk")

    assert (talk["weight"], talk["first_round"], talk["last_round"]) == (2, 1, 2)
    assert talk["first_seq"] < talk["last_seq"]
    assert talk["first_at"] <= talk["last_at"]
    assert (talk.get("start", talk["first_seq"])) == talk["first_seq"]


@pytest.mark.parametrize("write", [write_graphml, write_gexf])
def test_nodes_say_who_they_are(tmp_path: Path, write: Any) -> None:
    """Their mind, their persona and its attributes, whatever these are called."""
    text = "Likes <b>&amp;</b> \x1b[2J \ufffe and \u2028"
    persona = Persona(text=text, attributes={"id": "7", 'a"<b>': "]]>"})
    group = Group(count=1, mind="uniform", cohort=seal((persona,)))
    network = Network()
    rows = Seats(Population(scenario="x", seats=(group,))).end(Course())
    network.add_seats(list(rows))  # type: ignore[arg-type]
    network.add_edges([edge("L1", "L1"), edge("L1", 'no"body')])
    write(tmp_path / f"network.{write.__name__[6:]}", network)
    graph = read(tmp_path / f"network.{write.__name__[6:]}")

    assert set(graph.nodes) == {"L1", 'no"body'}
    assert graph.nodes["L1"]["mind"] == "uniform"
    assert graph.nodes["L1"]["persona_id"] == "7"
    assert graph.nodes["L1"]['persona_a"<b>'] == "]]>"
    assert graph.nodes["L1"]["persona"] == (
        "Likes <b>&amp;</b> \\u001b[2J \ufffd and \\u2028"
    )


@pytest.mark.parametrize("write", [write_graphml, write_gexf])
def test_a_network_may_be_empty(tmp_path: Path, write: Any) -> None:
    """It opens all the same."""
    path = tmp_path / f"network.{write.__name__[6:]}"
    write(path, Network())

    assert len(read(path)) == 0
