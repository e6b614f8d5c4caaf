"""Looking at runs: ``ls``, ``tail``, ``show``, ``verify``."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubbub.bus import open_bus
from hubbub.bus.directory import all_runs, open_client
from hubbub.cli.play import RUNS
from hubbub.console import transcript
from hubbub.console.filters import Filter
from hubbub.console.picture import Picture
from hubbub.console.tables import show as tables
from hubbub.console.tables import summary
from hubbub.errors import LogDamaged, NotARun, UsageError
from hubbub.folder import RunFolder, find_runs
from hubbub.log import audit_log, read_log
from hubbub.messages import Ended, Message, decode_line
from hubbub.models.base import Call

#: Seconds between two looks at a file that grows.
LOOK = 0.1


def find_folder(name: str) -> RunFolder:
    """The run that *name* means: a folder, an id in runs/, or none for the latest."""
    if not name:
        path = RUNS / "latest"
        if not path.exists():
            raise UsageError(f"there is no run in {RUNS}/ yet: name a run folder")
        return RunFolder(path)
    path = Path(name)
    return RunFolder(path if path.exists() else RUNS / name)


@click.command()
@click.argument("base", type=click.Path(path_type=Path), default=RUNS)
@click.option("--redis", "url", default="", metavar="URL", help="Runs on this server.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def ls(base: Path, url: str, as_json: bool) -> None:
    """List the runs in BASE (default: runs/), oldest first."""
    if url:
        for run, created in sorted(
            anyio.run(_runs_on, url).items(), key=lambda r: r[1]
        ):
            line = {"run": run, "created": created}
            click.echo(
                msgspec.json.encode(line).decode() if as_json else f"{created}  {run}"
            )
        return
    manifests = [(folder.path, folder.manifest) for folder in find_runs(base)]
    if as_json:
        for path, manifest in manifests:
            line = {"folder": str(path), **msgspec.to_builtins(manifest)}
            click.echo(msgspec.json.encode(line).decode())
        return
    table = Table("created", "run", "state", "seats", "messages", "seed", box=None)
    for _, m in manifests:
        cells = (m.created[:19], m.run, m.state, m.seats, f"{m.messages:,}", m.seed)
        table.add_row(*(Text(str(cell)) for cell in cells))
    Console().print(table)


async def _runs_on(url: str) -> dict[str, str]:
    async with open_client(url) as client:
        return await all_runs(client)


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
    lines = _server_lines(url, run, start, follow) if url else _file_lines(run, follow)
    talk_only = not (verbose or kinds or as_json)
    console = Console()
    for line in lines:
        message = decode_line(line)
        if not wanted.keeps(message) or (talk_only and not transcript.is_talk(message)):
            continue
        if as_json:
            sys.stdout.write(line.decode().rstrip("\n") + "\n")
            sys.stdout.flush()
        else:
            transcript.write(console, [transcript.line(message)])


def _file_lines(run: str, follow: bool) -> Iterator[bytes]:
    """The whole lines of a log file, and what comes after them until the end."""
    path = find_folder(run).log
    while follow and not path.exists():
        time.sleep(LOOK)
    with path.open("rb") as file:
        rest = b""
        while True:
            rest += file.readline()
            if rest.endswith(b"\n"):
                yield rest
                if follow and b'"kind":"end"' in rest and _ends(decode_line(rest)):
                    return
                rest = b""
            elif not follow:
                return
            else:
                time.sleep(LOOK)


def _ends(message: Message) -> bool:
    return isinstance(message.body, Ended)


def _server_lines(url: str, run: str, start: int, follow: bool) -> Iterator[bytes]:
    """The lines of a run on a server, a page at a time."""
    if not run:
        raise UsageError("name the run: 'hubbub ls --redis URL' lists them")
    cursor, ended = start - 1, False
    while not ended:
        page = anyio.run(_page, url, run, cursor, 1.0 if follow else 0.0)
        for seq, line in page:
            yield line + b"\n"
            cursor, ended = seq, _ends(decode_line(line))
        if not page and not follow:
            return


async def _page(url: str, run: str, after: int, wait: float) -> list[tuple[int, bytes]]:
    async with open_bus(url, run, patience=5.0) as bus:
        return await bus.lines(after, wait=wait)


@click.command()
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def show(run: str, as_json: bool) -> None:
    """Sum up RUN (a folder or an id; default: the latest)."""
    folder = find_folder(run)
    picture = Picture()
    if folder.log.exists():
        for message in read_log(folder.log):
            picture.apply(message)
    for call in _calls(folder.calls):
        picture.count_call(call)
    if as_json:
        click.echo(msgspec.json.encode(summary(picture, folder.run)).decode())
    else:
        Console().print(tables(picture, folder.run))


class _CallLine(msgspec.Struct):
    seq: int
    call: Call


def _calls(path: Path) -> Iterator[Call]:
    decode = msgspec.json.Decoder(_CallLine).decode
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decode(line).call
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise LogDamaged(path, number, f"not a call: {error}") from None


@click.command()
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def verify(run: str, as_json: bool) -> None:
    """
    Check that RUN's log is whole and unchanged; exit 4 with the first line that fails.

    Dense numbers, the hash chain, one outcome an ask, and the manifest's counts.
    """
    folder = find_folder(run)
    if not folder.log.exists():
        raise NotARun(folder.path)
    audit = audit_log(folder.log)
    picture = Picture()
    for message in read_log(folder.log):
        picture.apply(message)
    manifest = folder.manifest
    counted = {
        "messages": (audit.messages, manifest.messages),
        "asks": (picture.asks, manifest.asks),
        "outcomes": (dict(sorted(picture.outcomes.items())), manifest.outcomes),
        "last_hash": (audit.digest, manifest.last_hash),
    }
    if manifest.state == "complete":
        for name, (found, recorded) in counted.items():
            if found != recorded:
                raise LogDamaged(
                    folder.log,
                    audit.messages,
                    f"{name} is {found} here and {recorded} in the manifest",
                )
        if not audit.ended:
            raise LogDamaged(folder.log, audit.messages, "the run's end is missing")
    result = {
        "run": folder.run,
        "state": manifest.state,
        "messages": audit.messages,
        "last_hash": audit.digest,
        "ok": True,
    }
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        click.echo(
            f"{folder.run}: {audit.messages:,} messages, whole and unchanged"
            + ("" if manifest.state == "complete" else " (the run is unfinished)")
        )
