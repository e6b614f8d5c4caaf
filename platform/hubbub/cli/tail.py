"""``hubbub tail``: a run's messages, from its folder or from the server it lives on."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import click

from hubbub.bus import open_bus
from hubbub.bus.directory import all_runs, open_client
from hubbub.cli.look import find_folder
from hubbub.cli.output import Page
from hubbub.console import transcript
from hubbub.console.filters import Filter
from hubbub.errors import LogDamaged, UnknownName, UsageError
from hubbub.messages import Ended, Message, decode_line

#: Seconds between two looks at a file that grows.
LOOK = 0.1
#: Seconds for which a server may be away.
PATIENCE = 5.0

Show = Callable[[Message, bytes], None]


@click.command()
@click.argument("run", default="")
@click.option("-f", "--follow", is_flag=True, help="Wait for more until the run ends.")
@click.option("--from", "start", type=click.IntRange(1), default=1, metavar="SEQ")
@click.option("--room", "rooms", multiple=True, metavar="GLOB")
@click.option("--kind", "kinds", multiple=True, metavar="GLOB")
@click.option("--sender", "senders", multiple=True, metavar="GLOB")
@click.option(
    "--redis",
    "url",
    default="",
    metavar="URL",
    help="Read a live run by its id from this server.",
)
@click.option("--json", "as_json", is_flag=True, help="The log's own lines.")
@click.option("-v", "--verbose", is_flag=True, help="Show asks and phases too.")
def tail(
    run: str,
    follow: bool,
    start: int,
    rooms: Sequence[str],
    kinds: Sequence[str],
    senders: Sequence[str],
    url: str,
    as_json: bool,
    verbose: bool,
) -> None:
    """Print the log of RUN (a folder or an id; default: the latest), safe to read."""
    wanted = Filter(
        from_seq=start, rooms=tuple(rooms), kinds=tuple(kinds), senders=tuple(senders)
    )
    talk_only = not (verbose or kinds or as_json)
    page = Page()

    def show(message: Message, line: bytes) -> None:
        if not wanted.keeps(message):
            return
        if as_json:
            click.echo(line.rstrip(b"\n"))
        elif not talk_only or transcript.is_talk(message):
            transcript.write(page, [transcript.line(message)])

    if url:
        anyio.run(_show_server, url, run, start, follow, show)
        return
    folder = find_folder(run)
    if not follow and not folder.log.exists():
        raise UsageError(f"{folder.path} has no log yet: -f waits for it")
    for message, line in _lines(folder.log, follow):
        show(message, line)


def _lines(path: Path, follow: bool) -> Iterator[tuple[Message, bytes]]:
    """The whole lines of a log file, and with *follow* what comes until the end."""
    while not path.exists():
        time.sleep(LOOK)
    with path.open("rb") as file:
        line, number = b"", 1
        while True:
            line += file.readline()
            if line.endswith(b"\n"):
                message = _decode(path, number, line)
                yield message, line
                if isinstance(message.body, Ended):
                    return
                line, number = b"", number + 1
            elif not follow:
                return
            else:
                time.sleep(LOOK)


def _decode(path: Path, number: int, line: bytes) -> Message:
    try:
        return decode_line(line)
    except (ValueError, RecursionError) as error:
        raise LogDamaged(path, number, f"not a message: {error}") from None


async def _show_server(
    url: str, run: str, start: int, follow: bool, show: Show
) -> None:
    async with open_client(url) as client:
        runs = list(await all_runs(client))
    if run not in runs:
        raise UnknownName("run on this server", run, sorted(runs, reverse=True)[:9])
    async with open_bus(url, run, patience=PATIENCE) as bus:
        cursor = start - 1
        while True:
            page = await bus.lines(cursor, wait=1.0 if follow else 0.0)
            if not page and not follow:
                return
            for seq, line in page:
                message = decode_line(line)
                show(message, line)
                cursor = seq
                if isinstance(message.body, Ended):
                    return
