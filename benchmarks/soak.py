"""
Soak: a run that goes on for hours, and what each of its processes takes meanwhile.

    python benchmarks/soak.py --hours 2

Every role is a process of its own.  Memory is private memory (USS) and open files are file
descriptors; a role grows by the slope of a line through its samples after the warm-up
(Theil and Sen: the median of the slopes between all pairs).  Exits 1 when a role grows by
more than --most MB an hour, or holds more files at the end than after the warm-up.
The server holds the log, so it grows with it; it is shown and not judged.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from hubbub.logfile import read_tail
from open_room import show

#: Samples between which slopes are taken; more would take long and say no more.
POINTS = 200
#: What is called what: the first word of these that is in a process's command line.
ROLES = ("valkey-server", "worker", "conductor", "logger", "run")


class Sample(NamedTuple):
    """A process at a moment: seconds since the start, bytes of its own, open files."""

    at: float
    memory: int
    files: int


def children(pid: int) -> Iterator[int]:
    """*pid* and whatever it has started that lives."""
    yield pid
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in found:
        yield from children(int(child))


def role_of(pid: int) -> str:
    """What the process is; empty for what is none of a run's."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    # A server's whole title is one word.
    names = {Path((word.split() or [word])[0]).name for word in words if word}
    return next((role for role in ROLES if role in names), "")


def look(pid: int, at: float) -> Sample:
    """The process now."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = sum(int(row.split()[1]) for row in rows if row.startswith("Private_"))
    return Sample(at, own * 1024, len(os.listdir(f"/proc/{pid}/fd")))


def watch(
    run: subprocess.Popen[bytes], seconds: float, every: float
) -> dict[str, list[Sample]]:
    """Each process's samples, under its role and number."""
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    began = time.monotonic()
    while (at := time.monotonic() - began) < seconds and run.poll() is None:
        for pid in children(run.pid):
            try:
                if role := role_of(pid):
                    samples[f"{role} {pid}"].append(look(pid, at))
            except OSError:
                # It ended while we looked.
                continue
        time.sleep(every)
    return samples


def slope(samples: list[Sample]) -> float:
    """By how many MB an hour the memory of *samples* grows."""
    thin = samples[:: max(1, len(samples) // POINTS)]
    slopes = [(b.memory - a.memory) / (b.at - a.at) for a, b in combinations(thin, 2)]
    return statistics.median(slopes) * 3600 / 1e6 if slopes else 0.0


def row(name: str, samples: list[Sample], warmup: float) -> dict[str, object]:
    """What a process's samples come to."""
    steady = [sample for sample in samples if sample.at >= warmup]
    return {
        "process": name.split()[0],
        "samples": len(steady),
        "mb_after_warmup": round(steady[0].memory / 1e6, 1),
        "mb_at_end": round(steady[-1].memory / 1e6, 1),
        "mb_per_hour": round(slope(steady), 2),
        "files_after_warmup": steady[0].files,
        "files_at_end": steady[-1].files,
    }


def judged(rows: list[dict[str, object]], most: float) -> bool:
    """Whether all but the server stay as they are."""
    return all(
        float(str(row["mb_per_hour"])) <= most
        and int(str(row["files_at_end"])) <= int(str(row["files_after_warmup"]))
        for row in rows
        if row["process"] != "valkey-server"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[1])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--warmup", type=float, default=0.25, help="hours")
    parser.add_argument("--every", type=float, default=10.0, help="seconds")
    parser.add_argument("--most", type=float, default=1.0, help="MB an hour")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "what", nargs="*", default=["cocktail-party", "--set", "rounds=100000"]
    )
    given, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        out = Path(folder, "run")
        command = [sys.executable, "-m", "hubbub", "run", *given.what, *more]
        command += ["--workers", str(given.workers), "--out", str(out)]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        samples = watch(run, given.hours * 3600, given.every)
        run.send_signal(signal.SIGINT)
        code = run.wait()
        messages = read_tail(out / "log.jsonl").seq
    warmup = given.warmup * 3600
    rows = [row(n, s, warmup) for n, s in samples.items() if s[-1].at >= warmup]
    show({"process": "all", "messages": messages, "code": code}, as_json=given.json)
    for each in rows:
        show(each, as_json=given.json)
    sys.exit(0 if judged(rows, given.most) and code == 130 else 1)


if __name__ == "__main__":
    main()
