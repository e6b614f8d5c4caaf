"""An injection as it is said on the command line."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from hubbub.chaos import CHAOS, ROLES
from hubbub.groups import MAX_SEED
from hubbub.impairments import DIRECTIONS, IMPAIRMENTS
from hubbub.injections import MAX_INJECTED, Injection
from hubbub.messages import Surface
from hubbub.registry import absolute
from hubbub.text import safe_text

_options = [
    click.option("--model", default="", metavar="PROVIDER/MODEL", help="Their model."),
    click.option("--count", type=click.IntRange(1, MAX_INJECTED), default=None),
    click.option(
        "--name",
        "names",
        multiple=True,
        help="A new seat's name (default: the next one).",
    ),
    click.option(
        "--compromise",
        "members",
        multiple=True,
        metavar="SEAT",
        help="Turn this seat: the mind is the wrapper's name. May be repeated.",
    ),
    click.option(
        "--impair",
        type=click.Choice([*IMPAIRMENTS]),
        metavar="KIND",
        help=f"Impair links of each --seat: {', '.join(IMPAIRMENTS)}.",
    ),
    click.option(
        "--chaos",
        type=click.Choice([*CHAOS]),
        metavar="KIND",
        help=f"Have it come over each --seat, or a --role: {', '.join(CHAOS)}.",
    ),
    click.option(
        "--seat", "seats", multiple=True, help="A seat that is meant. May be repeated."
    ),
    click.option(
        "--drawn",
        type=click.IntRange(1, MAX_INJECTED),
        metavar="N",
        help="Turn or mean so many seats, drawn from the --seed.",
    ),
    click.option(
        "--direction",
        type=click.Choice([*DIRECTIONS]),
        metavar="WAY",
        help="Impair what the seats hear (in), what is heard of them (out), or both.",
    ),
    click.option(
        "--peer",
        "peers",
        multiple=True,
        metavar="SEAT",
        help="Impair the links with this one alone. May be repeated.",
    ),
    click.option(
        "--role",
        type=click.Choice([*ROLES]),
        metavar="ROLE",
        help="Chaos comes over this process: of a worker, over the seat's host.",
    ),
    click.option(
        "--room",
        "rooms",
        multiple=True,
        help="A room to come into as well, or to impair alone. May be repeated.",
    ),
    click.option("--until", default="", metavar="WHEN", help="The trigger of its end."),
    click.option("--seed", type=click.IntRange(-MAX_SEED, MAX_SEED), metavar="N"),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the mind or the kind, JSON or text. May be repeated.",
    ),
    click.option("--id", default="", help="Its name; the same one is injected once."),
]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The options as they were given."""

    model: str = ""
    count: int | None = None
    names: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    impair: str | None = None
    chaos: str | None = None
    seats: tuple[str, ...] = ()
    drawn: int | None = None
    direction: str | None = None
    peers: tuple[str, ...] = ()
    role: str | None = None
    rooms: tuple[str, ...] = ()
    until: str = ""
    seed: int | None = None
    options: tuple[str, ...] = ()
    id: str = ""

    def injection(self, mind: str, at: str = "") -> Injection:
        """What is said of *mind*, which begins at the trigger *at*; `UsageError`."""
        surface = self._surface()
        return Injection(
            id=self.id,
            surface=surface,
            kind=self.impair or self.chaos or "",
            direction=self.direction or "",
            peers=self.peers,
            role=self.role or "",
            mind=absolute(mind, Path.cwd()),
            model=self.model,
            names=(*self.names, *self.members, *self.seats),
            count=self.drawn or self.count or 0,
            rooms=self.rooms,
            at=at,
            until=self.until,
            seed=self.seed,
            options=dict(map(_option, self.options)),
        )

    def _surface(self) -> Surface:
        """What the options say that it is; raises `UsageError` if they say two things."""
        if sum(map(bool, (self.names, self.members, self.seats, self.drawn))) > 1:
            raise click.UsageError("give one of --name, --compromise, --seat, --drawn")
        if sum(map(bool, (self.names, self.members, self.impair, self.chaos))) > 1:
            raise click.UsageError(
                "give one of --name, --compromise, --impair, --chaos"
            )
        if self.impair:
            return "impair"
        if self.chaos:
            return "chaos"
        if self.seats:
            raise click.UsageError("--seat goes with --impair or --chaos")
        return "compromise" if self.members or self.drawn else "participant"


def saying(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, given to *command* as one `Said` called ``said``."""

    @wraps(command)
    def packed(**options: Any) -> Any:
        given = {name: options.pop(name) for name in Said.__struct_fields__}
        return command(**options, said=Said(**given))

    wrapped: Callable[..., Any] = packed
    for option in reversed(_options):
        wrapped = option(wrapped)
    return wrapped


def _option(said: str) -> tuple[str, Any]:
    name, sign, text = said.partition("=")
    if not sign:
        raise click.UsageError(f"--option {safe_text(said, 80)}: write NAME=VALUE")
    try:
        return name, msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return name, text
