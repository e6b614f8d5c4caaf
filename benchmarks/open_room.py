"""
The open room: N seats, K acts each, a model that thinks for a while, one room for all.

Every act is posted to the room that all seats are in and kept by the logger, so N·K
messages are delivered N times.  The ideal wall time is K times the thinking.

    python benchmarks/open_room.py --seats 100 --acts 10 --think 0.05 --json
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import msgspec

from hubbub.bus import open_bus
from hubbub.bus.server import open_server
from hubbub.children import start_child
from hubbub.conductor import Conductor
from hubbub.heap import collect_seldom
from hubbub.launch import enter_run
from hubbub.log import audit_log, read_log
from hubbub.logger import Logger
from hubbub.logs import configure
from hubbub.messages import Message, Said
from hubbub.mind import Ask, Mind, Part
from hubbub.population import Cast, Group, Population
from hubbub.questions import Speech
from hubbub.worker import Worker

RUN = "open-room"


class Thinker(Mind):
    """Thinks for *think* seconds, then says something; counts what it hears."""

    heard_in_all = 0

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._think = float(part.options["think"])

    def observe(self, event: Message) -> None:
        if event.kind == "say":
            type(self).heard_in_all += 1

    async def act(self, ask: Ask) -> object:
        await anyio.sleep(self._think)
        return Speech(f"{self.part.seat} thinks that this is worth saying out loud.")


def population(seats: int, acts: int, think: float) -> Population:
    """The open room filled with thinkers."""
    mind = f"{Path(__file__).resolve()}:Thinker"
    return Population(
        scenario="open-room",
        parameters={"acts": acts},
        seats=(Group(count=seats, mind=mind, options={"think": think}),),
    )


async def measure(seats: int, acts: int, think: float, workers: int) -> dict[str, Any]:
    """Play one open room and return its figures."""
    cast = Cast(population(seats, acts, think))
    before = wall = own = served = 0.0
    with tempfile.TemporaryDirectory(prefix="hubbub-") as name:
        folder = Path(name)
        async with open_server(folder / "server") as server:
            await enter_run(server.url, RUN, cast.population, "")
            server_before = cpu_of(server.process.pid)
            async with (
                open_bus(server.url, RUN) as bus,
                anyio.create_task_group() as tg,
            ):
                hosts = [Worker(bus, cast, {}) for _ in range(0 if workers else 1)]
                for host in hosts:
                    tg.start_soon(host.run)
                for _ in range(workers):
                    tg.start_soon(_worker_process, server.url, folder)
                tg.start_soon(Logger(bus, folder).run)
                while len([h for h in (await bus.held()).values() if h]) < seats:
                    await anyio.sleep(0.01)
                before, began = own_cpu(), anyio.current_time()
                await Conductor(bus, cast).run()
                wall = anyio.current_time() - began
            own = own_cpu() - before
            served = cpu_of(server.process.pid) - server_before
        audit = audit_log(folder / "log.jsonl")
        said = sum(isinstance(m.body, Said) for m in read_log(folder / "log.jsonl"))
    heard = heard_by(cast)
    figures: dict[str, Any] = {
        "seats": seats,
        "acts": acts,
        "think_s": think,
        "workers": workers,
        "wall_s": round(wall, 3),
        "ideal_s": acts * think,
        "cpu_ms_per_act": round((own + served) * 1000 / (seats * acts), 3),
        "own_cpu_s": round(own, 3),
        "server_cpu_s": round(served, 3),
        "messages": audit.messages,
        "lost": seats * acts - said,
    }
    if not workers:
        # The last words of a chat may still be in a mailbox when the run ends.
        figures["deliveries"] = heard
        figures["deliveries_per_s"] = round(heard / wall)
    return figures


def heard_by(cast: Cast) -> int:
    """What all thinkers heard; the platform has loaded their class by its path."""
    thinker: Any = type(cast.mind(cast.names[0]))
    heard: int = thinker.heard_in_all
    return heard


async def _worker_process(url: str, folder: Path) -> None:
    with (folder / "roles.log").open("ab") as output:
        child = await start_child(
            [sys.executable, "-m", "hubbub", "worker", "--redis", url, "--run", RUN],
            output=output.fileno(),
        )
    await child.wait()


def own_cpu() -> float:
    """CPU seconds of this process and of its ended children."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def cpu_of(pid: int) -> float:
    """CPU seconds of process *pid* so far; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print *figures*, a line each or as one line of JSON."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:18} {value}\n")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seats", type=int, default=100)
    parser.add_argument("--acts", type=int, default=10)
    parser.add_argument("--think", type=float, default=0.05, metavar="SECONDS")
    parser.add_argument("--workers", type=int, default=0, help="worker processes")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    configure("warning")
    collect_seldom()
    show(
        anyio.run(measure, given.seats, given.acts, given.think, given.workers),
        given.json,
    )


if __name__ == "__main__":
    main()
