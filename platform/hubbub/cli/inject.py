"""``hubbub inject`` and ``hubbub eject``: adversaries for a run that goes on."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import click
import msgspec

from hubbub import injecting
from hubbub.bus import Bus, open_bus
from hubbub.bus.directory import all_runs, current_run, open_client
from hubbub.cli.look import find_folder
from hubbub.cli.output import echo_json
from hubbub.errors import RunOver, UnknownName, UsageError
from hubbub.groups import MAX_SEED
from hubbub.injections import MAX_INJECTED, Injection
from hubbub.log import read_log
from hubbub.messages import Surface
from hubbub.registry import absolute
from hubbub.text import safe_text
from hubbub.truth import Entry, Truth

#: Seconds for which a server may be away.
PATIENCE = 5.0

T = TypeVar("T")

_of_run = click.argument("run", default="")
_on_server = click.option(
    "--redis",
    "url",
    envvar="REDIS_URL",
    default="",
    metavar="URL",
    help="The run is on this server: RUN is its id (default: the current one).",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")


class _Injecting(click.Group):
    """What is no command of its own is a run to inject into."""

    @property
    def usual(self) -> click.Command:
        """The command that is meant where none is named."""
        return self.commands["add"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["add", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Injecting, no_args_is_help=False)
def inject() -> None:
    """
    Put somebody into a live RUN, or turn one of its members.

    "hubbub inject RUN --mind NAME" is short for "hubbub inject add RUN --mind NAME".
    """


@inject.command()
@_of_run
@_on_server
@click.option("--mind", default="", metavar="NAME", help="What fills the new seats.")
@click.option("--model", default="", metavar="PROVIDER/MODEL", help="Their model.")
@click.option("--count", type=click.IntRange(1, MAX_INJECTED), default=None)
@click.option(
    "--name", "names", multiple=True, help="A new seat's name (default: the next one)."
)
@click.option(
    "--compromise",
    "members",
    multiple=True,
    metavar="SEAT",
    help="Turn this seat: --mind names the wrapper. May be repeated.",
)
@click.option(
    "--drawn",
    type=click.IntRange(1, MAX_INJECTED),
    metavar="N",
    help="Turn so many seats, drawn from the --seed.",
)
@click.option("--room", "rooms", multiple=True, help="A room to come into as well.")
@click.option("--at", default="", metavar="WHEN", help="seq:N, round:R or phase:NAME.")
@click.option("--until", default="", metavar="WHEN", help="The same, for the end.")
@click.option("--seed", type=click.IntRange(-MAX_SEED, MAX_SEED), metavar="N")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the mind, JSON or text. May be repeated.",
)
@click.option("--id", default="", help="Its name; the same one is injected once.")
@_as_json
def add(
    run: str,
    url: str,
    mind: str,
    names: Sequence[str],
    members: Sequence[str],
    drawn: int | None,
    count: int | None,
    options: Sequence[str],
    as_json: bool,
    **said: Any,
) -> None:
    """Inject into RUN (a folder or an id; default: the latest)."""
    if sum(map(bool, (names, members, drawn))) > 1:
        raise click.UsageError("give one of --name, --compromise and --drawn")
    surface: Surface = "compromise" if members or drawn else "participant"
    injection = Injection(
        surface=surface,
        mind=absolute(mind, Path.cwd()),
        names=(*names, *members),
        count=drawn or count or 0,
        options=dict(map(_option, options)),
        **said,
    )
    what = _do(run, url, lambda bus: injecting.inject(bus, injection))
    if as_json:
        echo_json(what)
    else:
        when = f", at {what.at}" if what.at else ""
        click.echo(f"{what.id}: {what.surface} of {', '.join(what.seats)}{when}")


def _option(said: str) -> tuple[str, Any]:
    name, sign, text = said.partition("=")
    if not sign:
        raise click.UsageError(f"--option {safe_text(said, 80)}: write NAME=VALUE")
    try:
        return name, msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return name, text


@inject.command()
@_of_run
@_on_server
@_as_json
def ls(run: str, url: str, as_json: bool) -> None:
    """List the injections of RUN, live or over."""
    for entry in _truth(run, url).entries.values():
        if as_json:
            echo_json(_told(entry))
        else:
            what = entry.what
            events = f"asked {entry.requested}  on {entry.onset}  off {entry.lifted}"
            click.echo(
                f"{what.id:<12} {entry.state:<8} {what.surface:<12} "
                f"{' '.join(what.seats)}  {events}"
            )


@inject.command()
@click.argument("id")
@_of_run
@_on_server
def show(id: str, run: str, url: str) -> None:
    """Say all of injection ID of RUN, as one JSON object."""
    entries = _truth(run, url).entries
    if id not in entries:
        raise UnknownName("injection", id, list(entries))
    echo_json(_told(entries[id]))


@click.command()
@click.argument("id")
@_of_run
@_on_server
@click.option("--at", default="", metavar="WHEN", help="seq:N, round:R or phase:NAME.")
def eject(id: str, run: str, url: str, at: str) -> None:
    """End injection ID of RUN (a folder or an id; default: the latest)."""
    _do(run, url, lambda bus: injecting.eject(bus, id, at))


inject.add_command(eject)


def _told(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(entry))
    del told["due"], told["ejecting"]
    return {"state": entry.state, **told}


def _truth(run: str, url: str) -> Truth:
    """The injections of a run, from its folder if it has one."""
    if url:
        return _do(run, url, injecting.read_truth)
    truth, folder = Truth(), find_folder(run)
    for message in read_log(folder.log) if folder.log.exists() else ():
        truth.apply(message)
    return truth


def _do(run: str, url: str, deed: Callable[[Bus], Awaitable[T]]) -> T:
    async def main() -> T:
        async with _live(run, url) as bus:
            return await deed(bus)

    return anyio.run(main)


@asynccontextmanager
async def _live(run: str, url: str) -> AsyncGenerator[Bus]:
    """The live run that is meant: on the server at *url*, else that of a folder."""
    if not url:
        folder = find_folder(run)
        if folder.manifest.state == "complete":
            raise RunOver(f"run {folder.run} has ended")
        place = folder.server / "url"
        if not place.exists():
            raise UsageError(
                f"{folder.path} has no server of its own: say with --redis where it is"
            )
        run, url = folder.run, place.read_text()
    else:
        async with open_client(url) as client:
            known = await all_runs(client)
            run = run or await current_run(client)
        if run not in known:
            raise UnknownName("run on this server", run, sorted(known)[-9:])
    async with open_bus(url, run, patience=PATIENCE) as bus:
        yield bus
