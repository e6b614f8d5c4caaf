"""``hubbub doctor``: whether everything is there to play a run, and is safe."""

import os
import shutil
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import click
import msgspec

from hubbub.bus.directory import open_client
from hubbub.bus.reach import find_reach
from hubbub.bus.server import open_server
from hubbub.bus.settings import find_faults, read_server
from hubbub.cli.access import FILE as URL_FILE
from hubbub.cli.made import runs
from hubbub.cli.output import echo_json
from hubbub.errors import HubbubError, UsageError
from hubbub.models.catalogue import Probe, probe
from hubbub.models.keys import read_key
from hubbub.secrets import DOTENV
from hubbub.text import safe_text

#: Free bytes below which the doctor complains.
LITTLE = 1 << 30

_KEY_FILE = "_API_KEY_FILE"
_MARKS = {True: "ok  ", False: "BAD ", None: "-   "}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    One thing that was looked at.

    *ok* is None for what is no fault by itself, or cannot be known.
    """

    what: str
    found: str
    ok: bool | None = True
    mend: str = ""

    def __str__(self) -> str:
        mend = f"\n     mend: {self.mend}" if self.mend else ""
        return f"{_MARKS[self.ok]} {self.what}: {self.found}{mend}"


@click.command()
@click.option(
    "--redis",
    "url",
    envvar="REDIS_URL",
    default="",
    metavar="URL",
    help="The server to look at (default: the embedded one).",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def doctor(url: str, as_json: bool) -> None:
    """
    Look whether everything is there to play a run, and say what is not.

    Exits 3 when something is BAD.  No model is called, and nothing is changed.
    """
    found = anyio.run(_examine, url)
    for finding in found:
        if as_json:
            echo_json(finding)
        else:
            click.echo(safe_text(str(finding), newlines=True))
    if any(finding.ok is False for finding in found):
        sys.exit(3)


async def _examine(url: str) -> list[Finding]:
    python = sys.version.split()[0]
    return [
        Finding(what="hubbub", found=f"{version('hubbub')} on Python {python}"),
        *await _server(url),
        *_way(url),
        *_folders(),
        *_files(os.environ),
        *map(_model, await probe(os.environ)),
    ]


async def _server(url: str) -> list[Finding]:
    where = "server" if url else "embedded server"
    try:
        async with _client(url) as client:
            facts, reach = await read_server(client), await find_reach(client)
    except HubbubError as error:
        return [Finding(what="server", found=str(error), ok=False)]
    settings = ", ".join(f"{k} {v}" for k, v in facts.settings.items())
    faults = [
        Finding(what=where, found=fault.what, ok=False, mend=fault.mend)
        for fault in find_faults(facts)
    ]
    said = f"{facts.name} {facts.version} ({settings})"
    found = faults or [Finding(what=where, found=said)]
    found.append(
        Finding(what="rights", found=reach.words, ok=reach.ok, mend=reach.mend)
    )
    if facts.unknown:
        unknown = ", ".join(facts.unknown)
        found.append(Finding(what="not to be known", found=unknown, ok=None))
    return found


@asynccontextmanager
async def _client(url: str) -> AsyncGenerator[Any]:
    """A client of the server at *url*, else of an embedded one."""
    if url:
        async with open_client(url) as client:
            yield client
        return
    async with (
        anyio.TemporaryDirectory(prefix="hubbub-") as folder,
        open_server(Path(folder)) as server,
        open_client(server.url) as client,
    ):
        yield client


def _way(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    here = parts.hostname in (None, "localhost", "127.0.0.1", "::1")
    if parts.scheme == "redis" and not here:
        yield Finding(
            what="way to the server",
            found="passwords and messages go over the network as they are",
            ok=None,
            mend="use rediss://, or a network that nobody else is on",
        )


def _folders() -> Iterator[Finding]:
    folder = runs() if runs().exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    yield Finding(what="disk", found=f"{free / 2**30:.1f} GiB free", ok=free > LITTLE)
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "set HUBBUB_RUNS to a folder of yours"
        found = f"{folder} cannot be written to"
        yield Finding(what="runs", found=found, ok=False, mend=mend)
    elif folder.stat().st_mode & 0o1002 == 0o002:
        found = f"everybody on this machine may change what is in {folder}"
        yield Finding(what="runs", found=found, ok=False, mend=f"chmod o-w {folder}")
    else:
        yield Finding(what="runs", found=f"in {folder}")


def _files(environment: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with the files that secrets come from."""
    for name, value in sorted(environment.items()):
        if not value or not (name.endswith(_KEY_FILE) or name == URL_FILE):
            continue
        try:
            if name != URL_FILE:
                read_key(name.removesuffix(_KEY_FILE), environment)
        except UsageError as error:
            yield Finding(what=name, found=str(error), ok=False)
            continue
        yield from _private(name, Path(value).expanduser())
    if (path := Path(environment.get(DOTENV, ".env"))).is_file():
        yield from _private(str(path), path)


def _private(what: str, path: Path) -> Iterator[Finding]:
    if path.is_file() and path.stat().st_mode & 0o077:
        found = f"others on this machine may read {path}"
        yield Finding(what=what, found=found, ok=False, mend=f"chmod 600 {path}")
    else:
        yield Finding(what=what, found=f"{path} is yours alone")


def _model(found: Probe) -> Finding:
    """A provider that is not there is no fault: nobody has asked for it."""
    said = found.error or f"{len(found.models)} models: {', '.join(found.models[:5])}"
    ok = None if found.error else True
    return Finding(what=f"models of {found.provider}", found=said, ok=ok)
