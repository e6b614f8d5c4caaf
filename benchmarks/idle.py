"""
Idle seats: what a seat costs a worker that hosts many which have nothing to do.

    python benchmarks/idle.py --seats 10000 --json
"""

import argparse
import gc
import tempfile
from pathlib import Path
from typing import Any

import anyio

from hubbub.bus import open_bus
from hubbub.bus.server import open_server
from hubbub.launch import enter_run
from hubbub.logs import configure
from hubbub.population import Cast, Group, Population
from hubbub.worker import Worker
from open_room import show


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def measure(seats: int) -> dict[str, Any]:
    """Host *seats* silent seats and compare memory before and after."""
    groups = (Group(count=seats, mind="silent"),)
    cast = Cast(Population(scenario="open-room", seats=groups))
    before, after, took = 0, 0, 0.0
    with tempfile.TemporaryDirectory(prefix="hubbub-") as folder:
        async with open_server(Path(folder) / "server") as server:
            await enter_run(server.url, "idle", cast.population, "")
            async with (
                open_bus(server.url, "idle") as bus,
                anyio.create_task_group() as tasks,
            ):
                gc.collect()
                before, began = resident(), anyio.current_time()
                worker = Worker(bus, cast, {})
                tasks.start_soon(worker.run)
                while len(worker.hub.floor.seats) < seats:
                    await anyio.sleep(0.01)
                took = anyio.current_time() - began
                gc.collect()
                after = resident()
                tasks.cancel_scope.cancel()
    return {
        "seats": seats,
        "kb_per_seat": round((after - before) / seats / 1000, 2),
        "worker_mb": round(after / 1e6, 1),
        "hosted_after_s": round(took, 2),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seats", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    configure("warning")
    show(anyio.run(measure, given.seats), given.json)


if __name__ == "__main__":
    main()
