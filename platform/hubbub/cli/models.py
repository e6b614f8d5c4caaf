"""What is there to run on: ``doctor`` and ``models``."""

import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import click
import msgspec
from redis.exceptions import ResponseError

from hubbub.bus.directory import open_client
from hubbub.bus.server import open_server
from hubbub.bus.settings import check_server
from hubbub.cli.made import runs
from hubbub.cli.output import echo_json
from hubbub.console.calls import money
from hubbub.errors import HubbubError
from hubbub.measures.embed import NAME as MINILM
from hubbub.measures.embed import fetch_minilm
from hubbub.models.catalogue import Probe, probe
from hubbub.models.local import fetch
from hubbub.models.prices import find_prices
from hubbub.terms import Price
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
        mark = {True: "ok  ", False: "BAD ", None: "-   "}[line["ok"]]
        words = f"{mark} {line['what']}: {line['found']}"
        click.echo(safe_text(words, newlines=True))
    if any(line["ok"] is False for line in found):
        sys.exit(3)


async def _examine(url: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [
        _line("hubbub", f"{version('hubbub')} on Python {sys.version.split()[0]}")
    ]
    try:
        async with _client(url) as client:
            facts = await check_server(client)
            rights = await _rights(client, url)
        settings = ", ".join(f"{k} {v}" for k, v in facts.settings.items())
        where = "server" if url else "embedded server"
        lines.append(_line(where, f"{facts.name} {facts.version} ({settings})"))
        lines.append(_line("rights", rights))
        if facts.unknown:
            lines.append(_line("not to be known", ", ".join(facts.unknown)))
    except HubbubError as error:
        lines.append(_line("server", str(error), ok=False))
    free = shutil.disk_usage(runs() if runs().exists() else Path.cwd()).free
    lines.append(_line("disk", f"{free / 2**30:.1f} GiB free", ok=free > LITTLE))
    lines += [_model(found) for found in await probe(os.environ)]
    return lines


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


async def _rights(client: Any, url: str) -> str:
    """As whom the server takes us, and whether it takes anybody."""
    try:
        user = await client.acl_whoami()
        default = await client.acl_getuser("default")
    except ResponseError:
        return "the server does not say"
    if not {"on", "nopass"} <= set(default["flags"]):
        return f"we are {user}; nobody comes in without a password"
    if not url:
        return f"we are {user}, on a socket of our own"
    return f"we are {user}; anybody who reaches it may come in: keep it off networks"


def _line(what: str, found: str, *, ok: bool | None = True) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok}


def _model(found: Probe) -> dict[str, Any]:
    """A provider that is not there is no fault: nobody has asked for it."""
    said = found.error or f"{len(found.models)} models: {', '.join(found.models[:5])}"
    ok = None if found.error else True
    return _line(f"models of {found.provider}", said, ok=ok)


@click.group(invoke_without_command=True)
@click.option(
    "--prices",
    envvar="HUBBUB_PRICES",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Prices of models (TOML), over those that Hubbub knows.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
@click.pass_context
def models(ctx: click.Context, prices: Path | None, as_json: bool) -> None:
    """List the models that answer here, with US dollars for a million tokens."""
    if ctx.invoked_subcommand is not None:
        return
    for found in anyio.run(probe, os.environ):
        names = [f"{found.provider}/{name}" for name in found.models]
        known = find_prices(names, prices)
        if as_json:
            prices_of = {name: known.get(name) for name in names}
            echo_json({**msgspec.to_builtins(found), "prices": prices_of})
        elif found.error:
            click.echo(safe_text(f"{found.provider}: {found.error}"))
        else:
            for name in names:
                click.echo(safe_text(f"{name:40}  {_price(known.get(name))}"))


def _price(price: Price | None) -> str:
    if price is None:
        return "no known price"
    if not (price.input or price.output):
        return "free"
    return f"{money(price.input)} in, {money(price.output)} out a million tokens"


@models.command("fetch")
@click.argument("name")
def fetch_model(name: str) -> None:
    """Fetch the weights of the local model NAME: smollm2-135m, or minilm to embed."""
    name = name.removeprefix("local/")
    if name == MINILM:
        weights, _ = fetch_minilm(os.environ)
    else:
        weights = fetch(name, os.environ)
    click.echo(f"{weights}")
