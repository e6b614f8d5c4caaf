"""``hubbub gateway`` and ``hubbub seat-tokens``: seats for those who are elsewhere."""

import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import anyio
import click

from hubbub.bus import RedisBus
from hubbub.cli.live import find_live, of_live_run, on_live_server, open_live
from hubbub.cli.output import echo_json
from hubbub.cli.roles import find_run, serve_run
from hubbub.errors import UnknownName, UsageError
from hubbub.gateway.host import Host
from hubbub.gateway.run import run_gateway
from hubbub.gateway.tokens import issue_tokens
from hubbub.launch import read_cast, read_terms
from hubbub.models.catalogue import opening
from hubbub.situation import Situation


@click.command()
@of_live_run
@on_live_server
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8_790,
    show_default=True,
    help="0 for one that is free.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A further name by which clients call it. May be repeated.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Bind an address that other machines reach: put a proxy with TLS before it.",
)
@click.option("--if-any", is_flag=True, help="Do not wait for a run to begin.")
def gateway(
    run: str,
    url: str,
    bind: str,
    port: int,
    names: Sequence[str],
    allow_remote: bool,
    if_any: bool,
) -> None:
    """
    Serve the remote seats of RUN (a folder or an id; default: the latest) over HTTP.

    Prints its address.  Each seat has a token, which "hubbub seat-tokens" makes.
    """
    if not (allow_remote or _is_here(bind)):
        raise UsageError(
            f"--bind {bind}: other machines reach it, and tokens would cross the "
            "network as they are: bind 127.0.0.1 behind a proxy with TLS, or say "
            "--allow-remote"
        )
    if not url:
        url, run = anyio.run(find_live, run, "", "gateway")

    async def keep(bus: RedisBus) -> None:
        cast, terms = await read_cast(bus), await read_terms(bus)
        more = opening(os.environ, terms.cache, replicate=terms.replicate)
        host = Host(bus, cast.population, terms=terms, opening=more)
        listener = await anyio.create_tcp_listener(local_host=bind, local_port=port)
        place = listener.extra(anyio.abc.SocketAttribute.local_port)
        click.echo(f"http://{_shown(bind)}:{place}")
        known = [*names, *_own(bind)]
        called = [*known, *(f"{name}:{place}" for name in known)]
        await run_gateway(bus, host, listener, called)

    serve_run("gateway", lambda: find_run(url, run), if_any, url, keep)


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _own(bind: str) -> list[str]:
    """The names that a gateway on *bind* has by itself."""
    return ["127.0.0.1", "localhost", "[::1]"] if _is_here(bind) else [_shown(bind)]


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@click.command("seat-tokens")
@of_live_run
@on_live_server
@click.option(
    "--seat",
    "seats",
    multiple=True,
    metavar="SEAT",
    help="A token for this seat alone (default: for each remote one). May be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write them to a file that you alone may read.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def seat_tokens(
    run: str, url: str, seats: Sequence[str], out: Path | None, as_json: bool
) -> None:
    """
    Make new tokens for remote seats of RUN; those that they had are void.

    A token is shown this once: nobody keeps it.
    """
    tokens = anyio.run(_issue, run, url, seats)
    if out is not None:
        _write(out, "".join(f"{seat} {token}\n" for seat, token in tokens.items()))
        return
    for seat, token in tokens.items():
        if as_json:
            echo_json({"seat": seat, "token": token})
        else:
            click.echo(f"{seat} {token}")


async def _issue(run: str, url: str, seats: Sequence[str]) -> dict[str, str]:
    async with open_live(run, url, "gateway") as bus:
        cast, situation = await read_cast(bus), Situation()
        await situation.read(bus)
        remote = [name for name in situation.seats(cast) if cast.is_remote(name)]
        if not remote:
            raise UsageError(
                f'run {bus.run} has no remote seat: give a group mind = "remote"'
            )
        for seat in seats:
            if seat not in remote:
                raise UnknownName("remote seat", seat, remote)
        return await issue_tokens(bus, seats or remote)


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} is there already: name another file") from None
    with open(descriptor, "w") as file:
        file.write(text)
