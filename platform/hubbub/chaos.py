"""
Chaos: seats and processes that die or stand still, on purpose and in the log.

A seat is killed by its host, which drops the mind and hosts the seat anew.  A process
does it to itself, and only one that plays no other role: `strike` is given to such.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Literal, get_args

import msgspec

from hubbub import waking
from hubbub.bus.base import Bus
from hubbub.errors import BadPopulation, UsageError
from hubbub.leases import owner
from hubbub.messages import Injected
from hubbub.secrets import without_secrets

Role = Literal["worker", "conductor", "logger"]
ROLES: tuple[Role, ...] = get_args(Role)
Target = Role | Literal[""]
#: How long something may stand still, in seconds.
MAX_PAUSE = 3_600
#: How a process ends that cannot be killed: the first one of a container.
KILLED = 128 + signal.SIGKILL


class _Chaos(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
):
    """
    What comes over seats or, with a *role*, over a process.

    The conductor names in the log the *holder* of a worker that is meant.
    """

    role: Target = ""
    holder: str = ""


class Kill(_Chaos, frozen=True, kw_only=True, tag="kill"):
    """A seat's mind is dropped, a process ends by SIGKILL."""


class Pause(_Chaos, frozen=True, kw_only=True, tag="pause"):
    """
    A seat does not act, or a process stands still, for *seconds*.

    None is until the injection ends, and not for processes.
    """

    seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_PAUSE)] | None = None

    def __post_init__(self) -> None:
        if self.role and self.seconds is None:
            raise ValueError("say for how many seconds a process is to stand still")


Chaos = Kill | Pause
CHAOS: dict[str, type[Chaos]] = {"kill": Kill, "pause": Pause}

#: Has something come over the process that it is called in.
Strike = Callable[[Chaos], None]

_decode = msgspec.json.Decoder(Chaos).decode


def chaos_of(what: Injected) -> Chaos:
    """What *what* brings; raises `BadPopulation` if that is not said."""
    try:
        chaos: Chaos = _decode(what.group)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"injection {what.id}: {error}") from None
    return chaos


def seconds_of(what: Injected) -> float | None:
    """How long *what* lasts by itself, None for ever; a death is over at once."""
    if what.surface != "chaos":
        return None
    match chaos_of(what):
        case Kill():
            return 0.0
        case Pause(seconds=seconds):
            return seconds


def stops(what: Injected) -> bool:
    """Whether the seats of *what* are to stand still."""
    chaos = chaos_of(what)
    return isinstance(chaos, Pause) and not chaos.role


def aimed_at(what: Injected) -> Target:
    """The role of the process over which *what* comes, empty if over none."""
    return chaos_of(what).role if what.surface == "chaos" else ""


async def aim(what: Injected, bus: Bus) -> Injected:
    """
    *what*, which is for the host of its seat, with that host as *bus* knows it now.

    Of a seat that just then changes hands, it is who is to have it.
    """
    if aimed_at(what) != "worker":
        return what
    [seat] = what.seats
    holder = (await bus.held()).get(seat, "")
    living = await bus.living()
    workers = [name for name, role in living.items() if role.kind == "worker"]
    if workers and holder not in living:
        holder = owner(seat, workers)
    chaos = msgspec.structs.replace(chaos_of(what), holder=holder)
    return msgspec.structs.replace(what, group=msgspec.Raw(msgspec.json.encode(chaos)))


async def check_target(what: Injected, bus: Bus) -> None:
    """Raise `UsageError` if *what* is for a process, and that is none of its own."""
    role = aimed_at(what)
    # A logger that somebody else keeps the folder for has no lease of its own.
    kinds = ("logger", "conductor") if role == "logger" else (role,)
    found = [r for r in (await bus.living()).values() if r.kind in kinds]
    # Of those that are dead now somebody may be about to start others.
    if role and found and not any(r.alone for r in found):
        raise embedded(role)


def check_embedded(declared: Iterable[Injected]) -> None:
    """Raise `UsageError` if any of *declared* is for a process, of a run that is one."""
    for what in declared:
        if role := aimed_at(what):
            raise embedded(role)


def embedded(role: Target) -> UsageError:
    """Why nothing can come over the *role* of a run that is one process."""
    return UsageError(
        f"the {role} of this run is no process of its own: leave the role out and name "
        "a seat, or run it with --workers N"
    )


def strike(chaos: Chaos) -> None:
    """Have *chaos* come over this process; returns only after a pause."""
    match chaos:
        case Kill():
            os.kill(os.getpid(), signal.SIGKILL)
            os._exit(KILLED)
        case Pause(seconds=seconds):
            program = [sys.executable, "-I", "-S", waking.__file__]
            with subprocess.Popen(
                [*program, str(os.getpid()), str(seconds)],
                stdout=subprocess.PIPE,
                env=without_secrets(os.environ),
            ) as helper:
                assert helper.stdout is not None
                helper.stdout.read(1)
                os.kill(os.getpid(), signal.SIGSTOP)
                # A container's first process hears no such signal: this stops it too.
                helper.wait()
