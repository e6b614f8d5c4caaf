"""Looking at runs: ``ls``, ``show``, ``verify``."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import click
import msgspec

from hubbub.bus.directory import all_runs, open_client
from hubbub.cli.made import runs
from hubbub.cli.output import Page, echo_json, told
from hubbub.console.picture import Picture
from hubbub.console.tables import show as tables
from hubbub.console.tables import summary
from hubbub.errors import LogDamaged, NotARun, UsageError
from hubbub.folder import RunFolder
from hubbub.ledger import read_records
from hubbub.log import Audit, audit_log, read_log
from hubbub.logfile import read_tail
from hubbub.models.base import Call
from hubbub.text import safe_text

#: After the last call.
_NONE: tuple[int, Call | None] = (0, None)

_decode_call = msgspec.json.Decoder(Call).decode


def find_folder(name: str) -> RunFolder:
    """The run that *name* means: a folder, an id in runs/, or none for the latest."""
    if name:
        path = Path(name)
        is_id = len(path.parts) == 1 and not path.exists()
        return RunFolder(runs() / name if is_id else path)
    path = runs() / "latest"
    if not path.exists():
        raise UsageError(f"there is no run in {runs()}/ yet: name a run folder")
    return RunFolder(path.resolve())


@click.command()
@click.argument("base", type=click.Path(path_type=Path), default=runs)
@click.option("--redis", "url", default="", metavar="URL", help="Runs on this server.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def ls(base: Path, url: str, as_json: bool) -> None:
    """List the runs in BASE (default: runs/), oldest first."""
    if url:
        _list_server(anyio.run(_runs_on, url), as_json)
    else:
        _list_folders(_find_runs(base), as_json)


def _find_runs(base: Path) -> list[RunFolder]:
    """The runs in *base*, oldest first; what is damaged is named on stderr."""
    if not base.is_dir() and base != runs():
        raise UsageError(f"{base} is no folder: name one that has run folders in it")
    found: list[RunFolder] = []
    for manifest in base.glob("*/manifest.json"):
        try:
            if not manifest.parent.is_symlink():
                found.append(RunFolder(manifest.parent))
        except NotARun as error:
            click.echo(f"hubbub: {safe_text(str(error))}", err=True)
    return sorted(found, key=lambda folder: (folder.manifest.created, folder.run))


def _list_folders(folders: list[RunFolder], as_json: bool) -> None:
    for folder in folders:
        m = folder.manifest
        if as_json:
            echo_json({"folder": told(folder.path), **msgspec.to_builtins(m)})
        else:
            size = f"{m.seats:>7,} seats  {_size(folder):>11} messages  seed {m.seed}"
            origin = f"  from {m.origin.run} at {m.origin.seq:,}" if m.origin else ""
            why = f"  {m.why}" if m.why else ""
            words = f"{m.created[:19]}  {m.state:8}  {size}  {m.run}{origin}{why}"
            click.echo(safe_text(words))


def _size(folder: RunFolder) -> str:
    """How many messages the run has so far, in words."""
    try:
        return f"{read_tail(folder.log).seq:,}"
    except LogDamaged:
        return "damaged"


def _list_server(runs: dict[str, str], as_json: bool) -> None:
    for run, created in sorted(runs.items(), key=lambda item: item[1]):
        if as_json:
            echo_json({"run": run, "created": created})
        else:
            click.echo(safe_text(f"{created}  {run}"))


async def _runs_on(url: str) -> dict[str, str]:
    async with open_client(url) as client:
        return await all_runs(client)


@click.command()
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def show(run: str, as_json: bool) -> None:
    """Sum up RUN (a folder or an id; default: the latest)."""
    folder = find_folder(run)
    picture = _picture(folder.log, folder.calls, folder.shared)
    origin = folder.manifest.origin
    if not picture.messages:
        raise UsageError(f"{folder.path} has no message in its log yet")
    if as_json:
        echo_json(summary(picture, folder.run, origin))
    else:
        Page().print(tables(picture, folder.run, origin))


def _picture(log: Path, calls: Path | None = None, shared: int = 0) -> Picture:
    """The run in the file *log*, with its own *calls* if these are wanted."""
    picture = Picture(shared=shared)
    records = _calls(calls) if calls else iter(())
    seq, call = next(records, _NONE)
    for message in read_log(log) if log.exists() else ():
        picture.apply(message)
        while seq <= message.seq and call is not None:
            picture.count_call(call)
            seq, call = next(records, _NONE)
    return picture


def _calls(path: Path) -> Iterator[tuple[int, Call | None]]:
    """Every call in the file *path*, and its message's ``seq``."""
    for number, record in enumerate(read_records(path), 1):
        try:
            yield record.seq, _decode_call(record.call)
        except (msgspec.MsgspecError, RecursionError) as error:
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
    audit = audit_log(folder.log) if folder.log.exists() else Audit()
    complete = folder.manifest.state == "complete"
    if complete:
        check_manifest(folder, audit)
    if as_json:
        echo_json(
            {
                "run": folder.run,
                "state": folder.manifest.state,
                "messages": audit.messages,
                "last_hash": audit.digest,
                "ok": True,
            }
        )
        return
    unfinished = "" if complete else " (the run is unfinished)"
    click.echo(
        f"{folder.run}: {audit.messages:,} messages, whole and unchanged{unfinished}"
    )


def check_manifest(folder: RunFolder, audit: Audit) -> None:
    """Raise `LogDamaged` unless the manifest says of the log what is in it."""
    picture, manifest = _picture(folder.log), folder.manifest
    outcomes = dict(sorted(picture.outcomes.items()))
    counted = {
        "messages": (audit.messages, manifest.messages),
        "asks": (picture.asks, manifest.asks),
        "outcomes": (outcomes, manifest.outcomes),
        "last_hash": (audit.digest, manifest.last_hash),
        "end": (audit.ended, True),
    }
    for name, (found, recorded) in counted.items():
        if found != recorded:
            why = f"{name} is {found} here and {recorded} in the manifest"
            raise LogDamaged(folder.log, audit.messages, why)
