"""Run folders made from messages that were written by hand, and pages taken apart."""

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec

from hubbub.folder import RunFolder, make_folder
from hubbub.ledger import split
from hubbub.log import GENESIS, chain, with_hash
from hubbub.messages import Draft, Message, Resulted, encode_line
from hubbub.population import Group, Population
from hubbub.report.run import run_report

from ..measures.hosting import Host

#: Elements that load or execute something, or lead somewhere.
ACTIVE = frozenset(
    {
        *("script", "iframe", "frame", "object", "embed", "link", "base", "form"),
        *("input", "button", "img", "image", "audio", "video", "source", "use"),
        *("foreignobject", "applet", "portal", "animate", "set"),
    }
)
#: What does not have to be closed.
_VOID = frozenset({"br", "col", "meta"})


class Parsed(HTMLParser):
    """What is on a page: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.styles = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles += data
        else:
            self.text += data

    def found(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every *tag*."""
        return [attributes for name, attributes in self.elements if name == tag]


def file_run(
    path: Path,
    messages: Sequence[Message],
    population: Population | None = None,
    parameters: dict[str, Any] | None = None,
    scenario: str = "cocktail-party",
) -> RunFolder:
    """The folder, in *path*, of a run with these *messages*."""
    population = population or Population(
        scenario="cocktail-party", seats=(Group(count=3, mind="uniform"),)
    )
    folder = make_folder(path, path.name, scenario, population, parameters or {})
    digest, lines, calls = GENESIS, list[bytes](), list[bytes]()
    for message in messages:
        line, record = split(encode(message))
        digest = chain(digest, line)
        lines.append(with_hash(line, digest))
        if record is not None:
            calls.append(b'{"seq":%d,"call":%s}\n' % (record.seq, bytes(record.call)))
    folder.log.write_bytes(b"".join(lines))
    folder.calls.write_bytes(b"".join(calls))
    return folder


def encode(message: Message) -> bytes:
    """*message* as a server stores it."""
    draft = Draft(
        room=message.room,
        sender=message.sender,
        inc=message.inc,
        no=message.no,
        seen=message.seen,
        body=message.body,
    )
    return encode_line(draft, message.seq, message.n, message.at)


def declare(host: Host, name: str, value: object) -> None:
    """The scenario of *host* declares a result."""
    raw = msgspec.Raw(msgspec.json.encode(value))
    host.scribe.write(Resulted(step=host.step, name=name, value=raw))


def soiree(rounds: int = 12, says: str = "Hello.") -> Host:
    """A party of three in which everybody says the same."""
    host = Host("a", "b", "c")
    for number in range(rounds):
        host.begin(of=rounds)
        host.invite(a="b", b="c" if number % 2 else "a", c="passed")
        host.accept(b=["a"])
        host.chat("a", "b", says, says, leaves="b")
    return host


def parse(folder: RunFolder) -> Parsed:
    """The page of the run in *folder*, taken apart."""
    return Parsed(run_report(folder))
