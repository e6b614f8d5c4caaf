"""Networks as files for Gephi, igraph and networkx: GraphML, and GEXF with a time line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from hubbub.data.network import EDGE_TYPES, Network, Types, Value
from hubbub.text import visible

_WORDS: dict[type[Value], str] = {
    bool: "boolean",
    int: "long",
    float: "double",
    str: "string",
}
#: What XML cannot hold, besides control characters.
_NO_XML = re.compile("[\ufffe\uffff]")


def write_graphml(path: Path, network: Network) -> None:
    """Write *network* to the file *path*."""
    _write(path, _graphml(network))


def write_gexf(path: Path, network: Network) -> None:
    """Write *network* to the file *path*; its time line is the run's ``seq``."""
    _write(path, _gexf(network))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.writelines(f"{line}\n" for line in lines)


def _graphml(network: Network) -> Iterator[str]:
    nodes, edges = network.node_types(), {"kind": str, **EDGE_TYPES}
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for owner, types in (("node", nodes), ("edge", edges)):
        for name, of in types.items():
            names = {"attr.name": name, "attr.type": _WORDS[of]}
            yield _tag("key", {"id": f"{owner}.{name}", "for": owner, **names})
    yield '<graph edgedefault="directed">'
    for name, values in network.nodes().items():
        yield _tag("node", {"id": name}, _data("node", values))
    for number, edge in enumerate(network.edges()):
        ends = {"id": f"e{number}", "source": edge.source, "target": edge.target}
        values = {"kind": edge.kind, **edge.values}
        yield _tag("edge", ends, _data("edge", values))
    yield "</graph>"
    yield "</graphml>"


def _data(owner: str, values: Mapping[str, Value]) -> str:
    return "".join(
        _tag("data", {"key": f"{owner}.{name}"}, escape(_text(value)))
        for name, value in values.items()
    )


def _gexf(network: Network) -> Iterator[str]:
    yield '<gexf xmlns="http://gexf.net/1.3" version="1.3">'
    yield (
        '<graph defaultedgetype="directed" mode="dynamic" timeformat="integer" '
        'timerepresentation="interval">'
    )
    yield from _declared("node", network.node_types())
    yield from _declared("edge", {"kind": str, **EDGE_TYPES})
    yield "<nodes>"
    for name, values in network.nodes().items():
        yield _tag("node", {"id": name, "label": name}, _attvalues("node", values))
    yield "</nodes>"
    yield "<edges>"
    for number, edge in enumerate(network.edges()):
        heads: dict[str, Value] = {
            "id": number,
            "source": edge.source,
            "target": edge.target,
            # Two edges between the same nodes are kept apart by it.
            "kind": edge.kind,
            "weight": edge.values["weight"],
            "start": edge.values["first_seq"],
            "end": edge.values["last_seq"],
        }
        values = {"kind": edge.kind, **edge.values}
        yield _tag("edge", heads, _attvalues("edge", values))
    yield "</edges>"
    yield "</graph>"
    yield "</gexf>"


def _declared(owner: str, types: Types) -> Iterator[str]:
    yield f'<attributes class="{owner}" mode="static">'
    for name, of in types.items():
        if name != "weight":
            heads = {"id": f"{owner}.{name}", "title": name, "type": _WORDS[of]}
            yield _tag("attribute", heads)
    yield "</attributes>"


def _attvalues(owner: str, values: Mapping[str, Value]) -> str:
    return _tag(
        "attvalues",
        {},
        "".join(
            _tag("attvalue", {"for": f"{owner}.{name}", "value": value})
            for name, value in values.items()
            if name != "weight"
        ),
    )


def _tag(name: str, heads: Mapping[str, Value], content: str = "") -> str:
    words = "".join(f" {head}={quoteattr(_text(v))}" for head, v in heads.items())
    return f"<{name}{words}>{content}</{name}>" if content else f"<{name}{words}/>"


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _NO_XML.sub("\ufffd", visible(str(value)))
