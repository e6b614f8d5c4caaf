"""What is there to run on: ``doctor`` and ``models``."""

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import anyio
import click

from hubbub.bus.directory import open_client
from hubbub.bus.server import open_server
from hubbub.bus.settings import ServerFacts, check_server
from hubbub.cli.made import RUNS
from hubbub.cli.output import echo_json
from hubbub.errors import HubbubError
from hubbub.models.catalogue import Probe, probe
from hubbub.models.local import fetch
from hubbub.text import safe_text

#: Free bytes below which the doctor complains.
LITTLE = 1 << 30


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
    """Look whether everything is there to play a run, and say what is not."""
    found = anyio.run(_examine, url)
    for line in found:
        if as_json:
            echo_json(line)
            continue
        mark = "ok  " if line["ok"] else "BAD "
        words = f"{mark} {line['what']}: {line['found']}"
        click.echo(safe_text(words, newlines=True))
    if not all(line["ok"] for line in found):
        sys.exit(3)


async def _examine(url: str) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [
        _line("hubbub", f"{version('hubbub')} on Python {sys.version.split()[0]}")
    ]
    try:
        facts = await _facts(url)
        settings = ", ".join(f"{k} {v}" for k, v in facts.settings.items())
        where = "server" if url else "embedded server"
        lines.append(_line(where, f"{facts.name} {facts.version} ({settings})"))
        if facts.unknown:
            lines.append(_line("not to be known", ", ".join(facts.unknown)))
    except HubbubError as error:
        lines.append(_line("server", str(error), ok=False))
    free = shutil.disk_usage(RUNS if RUNS.exists() else Path.cwd()).free
    lines.append(_line("disk", f"{free / 2**30:.1f} GiB free", ok=free > LITTLE))
    lines += [_model(found) for found in await probe(os.environ)]
    return lines


async def _facts(url: str) -> ServerFacts:
    if url:
        async with open_client(url) as client:
            facts = await check_server(client)
        return facts
    async with (
        anyio.TemporaryDirectory(prefix="hubbub-") as folder,
        open_server(Path(folder)) as server,
        open_client(server.url) as client,
    ):
        facts = await check_server(client)
    return facts


def _line(what: str, found: str, *, ok: bool = True) -> dict[str, object]:
    return {"what": what, "found": found, "ok": ok}


def _model(found: Probe) -> dict[str, object]:
    """A provider that is not there is no fault: nobody has asked for it."""
    said = found.error or f"{len(found.models)} models: {', '.join(found.models[:5])}"
    return _line(f"models of {found.provider}", said)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """List the models that answer here."""
    if ctx.invoked_subcommand is not None:
        return
    for found in anyio.run(probe, os.environ):
        if as_json:
            echo_json(found)
        elif found.error:
            click.echo(safe_text(f"{found.provider}: {found.error}"))
        else:
            for name in found.models:
                click.echo(safe_text(f"{found.provider}/{name}"))


@models.command("fetch")
@click.argument("name")
def fetch_model(name: str) -> None:
    """Fetch the weights of the local model NAME, for example smollm2-135m."""
    path = fetch(name.removeprefix("local/"), os.environ)
    click.echo(f"{path}")
