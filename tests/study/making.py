"""Study files of tests, runs that were never made, and ``hubbub study`` as a process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hubbub.console.calls import Usage
from hubbub.study.outcomes import Series, Value
from hubbub.study.plan import Plan, Run, read_plan
from hubbub.study.table import Seen

#: Seconds that one sitting may take before it counts as hung.
HUNG = 120.0

SMALL = """
scenario = "cocktail-party"
seed = 3
replicates = 3
agents = 4
parameters = { rounds = 6 }

[arms.uniform]
mind = "uniform"

[arms.reinforcement]
mind = "reinforcement"

[[outcomes]]
name = "ratio"
source = "distinct-invitation"
options = { window = 3 }
reduce = "mean"
repeated = true

[[outcomes]]
name = "completeness"
source = "completeness"
"""


def write(folder: Path, text: str = SMALL, name: str = "small.toml") -> Path:
    """The study file *name* with *text* in it."""
    path = folder / name
    path.write_text(text)
    return path


def plan_of(folder: Path, text: str = SMALL) -> Plan:
    """The plan of the study file with *text* in it."""
    return read_plan(write(folder, text))


def seen(
    plan: Plan,
    arm: str,
    replicate: int,
    value: Value,
    *,
    series: Series | None = None,
    outcomes: Mapping[str, int] | None = None,
) -> Seen:
    """A run with the same *value* of each outcome, as if it had been made."""
    run = next(r for r in plan.runs(replicate)[::-1] if r.arm.name == arm)
    assert run == Run(run.arm, replicate)
    names = [measure.outcome.name for measure in plan.measures]
    return Seen(
        run=run,
        values=dict.fromkeys(names, value),
        series=dict.fromkeys(names, series or {}),
        outcomes=dict(outcomes or {"answered": 10}),
        usage=Usage(),
    )


def environment() -> dict[str, str]:
    """Ours, without what would change what tests see."""
    ours = ("HUBBUB_", "OPENAI_", "REDIS_")
    return {name: v for name, v in os.environ.items() if not name.startswith(ours)}


def start(folder: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    """``hubbub study`` in *folder*, leading a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hubbub", "study", *arguments],
        cwd=folder,
        env=environment() | {"HUBBUB_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """How *process* ends: its code, its output, its errors."""
    out, err = process.communicate(timeout=HUNG)
    return process.returncode, out, err


def study(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """``hubbub study`` in *folder*, to its end."""
    return finish(start(folder, *arguments))


def wait_until(process: "subprocess.Popen[str]", happens: Callable[[], Any]) -> None:
    """Return when something *happens*; fail where *process* ends before."""
    end = time.monotonic() + HUNG
    while not happens():
        assert time.monotonic() < end, "it does not happen"
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"it has ended: {finish(process)}")


def processes_of(folder: Path) -> list[int]:
    """The living processes that were given a path in *folder*."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(") ")[2][:1]
        except OSError:
            continue
        if os.fsencode(folder) in words and state != "Z":
            found.append(int(entry.name))
    return found
