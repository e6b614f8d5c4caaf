"""Every fault, and what holds all the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from ..sitting import ROLES
from .blows import (
    black_hole,
    cut,
    delay,
    drip,
    half_open,
    kill_role,
    rival_conductor,
    stop_role,
    stopped_reader,
    wake_crowd,
    wake_worker,
)
from .disks import (
    clock,
    deaf_reader,
    full_disk,
    full_memory,
    power_all,
    power_role,
    slow_fsync,
)
from .rig import Rig

Deed = Callable[[Rig], Awaitable[None]]

KEPT = "what was acknowledged is kept"
ONCE = "nothing lost, nothing twice"
FENCED = "who was taken over is fenced"
PAID = "no call is paid twice"


@dataclass(frozen=True)
class Fault:
    """
    One *deed*, done *long* times in the long set, and what *holds* all the same.

    In the quick set a *group* of faults is done in the same runs, each *quick* times.
    """

    name: str
    group: str
    holds: str
    deed: Deed
    long: int
    quick: int = 1

    @property
    def paid(self) -> bool:
        """Whether the seats are filled by a model whose server counts its pay."""
        return self.group == "paid"


def _processes() -> list[Fault]:
    group = "processes"
    return [
        *(
            Fault(f"kill-{who}", group, ONCE, partial(kill_role, who), 100)
            for who in (*ROLES, "crowd")
        ),
        *(
            Fault(f"stop-{who}", group, ONCE, partial(stop_role, who), 30)
            for who in ROLES
        ),
        Fault("wake-worker", group, FENCED, wake_worker, 30),
        Fault("wake-crowd", group, FENCED, wake_crowd, 50),
        Fault("rival-conductor", group, FENCED, rival_conductor, 50),
    ]


def _disks() -> list[Fault]:
    group = "disks"
    return [
        Fault("power-all", group, KEPT, power_all, 30),
        *(
            Fault(f"power-{who}", group, KEPT, partial(power_role, who), 30)
            for who in ("server", "logger")
        ),
        *(
            Fault(f"slow-fsync-{ms}", group, KEPT, partial(slow_fsync, ms / 1000), 20)
            for ms in (50, 300, 1500)
        ),
        *(
            Fault(f"full-{who}", group, KEPT, partial(full_disk, who), 20)
            for who in ("server", "logger")
        ),
        Fault("full-memory", group, KEPT, full_memory, 10),
    ]


def _ways() -> list[Fault]:
    group = "ways"
    return [
        *(
            Fault(f"cut-{how}", group, ONCE, partial(cut, how), 250, 2)
            for how in ("before", "after")
        ),
        Fault("half-open", group, ONCE, half_open, 50),
        Fault("black-hole", group, ONCE, black_hole, 10, 0),
        Fault("delay", group, ONCE, delay, 20),
        Fault("drip", group, ONCE, drip, 20),
        Fault("stopped-reader", group, "it misses nothing", stopped_reader, 20),
        Fault("deaf-reader", group, "memory is bounded", deaf_reader, 3, 0),
    ]


def _clocks() -> list[Fault]:
    return [
        Fault(
            "clock-server", "ways", "the same results", partial(clock, ("server",)), 20
        ),
        Fault("clock-roles", "ways", "the same results", partial(clock, ROLES[:3]), 20),
    ]


def _paid() -> list[Fault]:
    group = "paid"
    return [
        Fault("paid-kill-worker", group, PAID, partial(kill_role, "worker"), 50, 2),
        Fault("paid-kill-server", group, PAID, partial(kill_role, "server"), 30),
        Fault("paid-cut-after", group, PAID, partial(cut, "after"), 50),
        Fault("paid-power", group, PAID, power_all, 10),
    ]


_ALL = [*_processes(), *_disks(), *_ways(), *_clocks(), *_paid()]
#: By name.
FAULTS = {fault.name: fault for fault in _ALL}
#: The faults that go together in the quick set.
GROUPS = tuple(dict.fromkeys(fault.group for fault in _ALL))
