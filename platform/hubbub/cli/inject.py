"""``hubbub inject`` and ``hubbub eject``: adversaries for a run that goes on."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import click
import msgspec

from hubbub import injecting
from hubbub.bus import Bus
from hubbub.chaos import aimed_at
from hubbub.cli.live import of_live_run, on_live_server, open_live
from hubbub.cli.look import find_folder
from hubbub.cli.output import echo_json
from hubbub.cli.said import Said, saying
from hubbub.errors import UnknownName
from hubbub.log import read_log
from hubbub.messages import Injected
from hubbub.truth import Entry, Truth

T = TypeVar("T")

_at = click.option(
    "--at", default="", metavar="WHEN", help="seq:N, round:R or phase:NAME."
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
    Put somebody into a live RUN, turn one of its members, or disturb it.

    "hubbub inject RUN --mind NAME" is short for "hubbub inject add RUN --mind NAME".
    """


@inject.command()
@of_live_run
@on_live_server
@click.option("--mind", default="", metavar="NAME", help="What fills the new seats.")
@_at
@saying
@_as_json
def add(run: str, url: str, mind: str, at: str, said: Said, as_json: bool) -> None:
    """Inject into RUN (a folder or an id; default: the latest)."""
    injection = said.injection(mind, at)
    what = _do(run, url, lambda bus: injecting.inject(bus, injection))
    if as_json:
        echo_json(what)
    else:
        when = f", at {what.at}" if what.at else ""
        click.echo(f"{what.id}: {what.surface} of {_whom(what)}{when}")


def _whom(what: Injected) -> str:
    """Over whom *what* comes, in words."""
    match aimed_at(what), ", ".join(what.seats):
        case "", seats:
            return seats
        case "worker", seat:
            return f"the worker that hosts {seat}"
        case role, _:
            return f"the {role}"


@inject.command()
@of_live_run
@on_live_server
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
                f"{_whom(what)}  {events}"
            )


@inject.command()
@click.argument("id")
@of_live_run
@on_live_server
def show(id: str, run: str, url: str) -> None:
    """Say all of injection ID of RUN, as one JSON object."""
    entries = _truth(run, url).entries
    if id not in entries:
        raise UnknownName("injection", id, list(entries))
    echo_json(_told(entries[id]))


@click.command()
@click.argument("id")
@of_live_run
@on_live_server
@_at
def eject(id: str, run: str, url: str, at: str) -> None:
    """End injection ID of RUN (a folder or an id; default: the latest)."""
    _do(run, url, lambda bus: injecting.eject(bus, id, at))


inject.add_command(eject)


@inject.command()
@click.argument("id")
@of_live_run
@on_live_server
@_at
def pause(id: str, run: str, url: str, at: str) -> None:
    """Have injection ID of RUN hold no longer for a while."""
    _do(run, url, lambda bus: injecting.pause(bus, id, at))


@inject.command()
@click.argument("id")
@of_live_run
@on_live_server
@_at
def resume(id: str, run: str, url: str, at: str) -> None:
    """Have injection ID of RUN, which was paused, hold again."""
    _do(run, url, lambda bus: injecting.resume(bus, id, at))


def _told(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(entry))
    del told["due"], told["ejecting"], told["turns"]
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
        async with open_live(run, url, "operator") as bus:
            return await deed(bus)

    return anyio.run(main)
