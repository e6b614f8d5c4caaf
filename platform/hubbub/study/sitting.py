"""
One sitting of a study: its runs as processes, so many at a time, within the budget.

Each run is ``hubbub run``, or ``hubbub fork``, as a user would type it.  The processes
die with this one, however it dies, and the next sitting goes on with what they left.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import anyio

from hubbub.children import start_child, stop_child
from hubbub.errors import BudgetSpent, RunFailed
from hubbub.fork import ALL
from hubbub.population import Cast
from hubbub.secrets import DOTENV
from hubbub.study.folder import StudyFolder
from hubbub.study.plan import Plan, Run
from hubbub.study.pot import Pot, spent_in
from hubbub.terms import NANO, CacheMode, Terms

State = Literal["begun", "complete", "stopped", "failed"]

#: What the environment says of runs is for those that somebody starts by hand.
_OURS = ("AGENTS", "MIND", "MODEL", "SET", "SEED", "BUDGET", "TOKEN_BUDGET")
#: Bytes of a failed run's last words.
_WORDS = 2_000
#: What a line of the command's own begins with.
_SAYS = "hubbub: "


class Told(NamedTuple):
    """A *run* has come to a *state*; *words* say why, if it has failed or stopped."""

    run: Run
    state: State
    words: str = ""


class Sitting:
    """
    Makes the runs that are missing in *folder*, *jobs* at a time, on *terms*.

    *tell* is told of each run.  *environment* is that of the processes, with keys.
    """

    def __init__(
        self,
        plan: Plan,
        folder: StudyFolder,
        terms: Terms,
        *,
        jobs: int,
        tell: Callable[[Told], None],
        options: Sequence[str] = (),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._plan = plan
        self.folder = folder
        self._terms = terms
        self._jobs = jobs
        self._tell = tell
        self._options = options
        self._environment = environment
        self._waiting: Iterator[list[Run]] = iter(())
        self._left = self._busy = 0
        self._trouble: list[Told] = []

    async def sit(self, runs: Sequence[Run]) -> None:
        """
        Have all *runs* complete; those that are, stay.

        The first that stops at its budget or fails keeps further ones from beginning;
        those under way go on.  Then raises `BudgetSpent` or `RunFailed`, which says so.
        """
        missing = [run for run in runs if self.folder.state(run) != "complete"]
        limits = self._terms.limits
        spent = Counter[str]()
        for run in runs if limits else ():
            spent.update(spent_in(self.folder.run(run)))
        pot = Pot(limits, spent)
        chains = _chains(missing)
        self._waiting, self._left = iter(chains), len(missing)
        async with anyio.create_task_group() as tasks:
            for _ in range(min(self._jobs, len(chains))):
                tasks.start_soon(self._work, pot)
        if self._trouble:
            words = "\n".join(f"{t.run.name}: {t.words}" for t in self._trouble)
            stopped = all(told.state == "stopped" for told in self._trouble)
            raise BudgetSpent(words) if stopped else RunFailed(words)

    async def _work(self, pot: Pot) -> None:
        for run in chain.from_iterable(self._waiting):
            if self._trouble:
                return
            ways = min(self._jobs - self._busy, self._left)
            self._left, self._busy = self._left - 1, self._busy + 1
            told = await self._pay(run, pot, ways)
            self._busy -= 1
            if told.state != "complete":
                self._trouble.append(told)
            self._tell(told)

    async def _pay(self, run: Run, pot: Pot, ways: int) -> Told:
        """Make *run* from what *pot* gives when *ways* of them may begin at once."""
        cast, path = self._plan.cast(run), self.folder.run(run)
        if not cast.population.models():
            return await self._play(run, cast, {})
        had = spent_in(path)
        try:
            limits = pot.take(run.name, had, ways)
        except BudgetSpent as spent:
            return Told(run, "stopped", str(spent))
        try:
            return await self._play(run, cast, limits)
        finally:
            pot.settle(run.name, had, spent_in(path))

    async def _play(self, run: Run, cast: Cast, limits: Mapping[str, int]) -> Told:
        command: list[str | Path] = [
            *(sys.executable, "-m", "hubbub"),
            *self._deed(run, cast),
            *("--out", self.folder.run(run), "--json"),
            *self._options,
            *_cache(run.arm.cache or self._terms.cache),
            *_limited(limits),
        ]
        words = self.folder.runs / f"{run.name}.out"
        self._tell(Told(run, "begun"))
        with words.open("wb") as output:
            child = await start_child(
                command, output=output.fileno(), environment=self._child_environment()
            )
        try:
            code = await child.wait()
        finally:
            await stop_child(child)
        state, said = self.folder.state(run), _last_words(words)
        if code == 0 and state == "complete":
            words.unlink()
            return Told(run, "complete")
        if state == "stopped":
            return Told(run, "stopped", said)
        return Told(run, "failed", f"ended with code {code}: {said}")

    def _deed(self, run: Run, cast: Cast) -> list[str | Path]:
        """What makes *run*: its population file, or the run that it is a fork of."""
        if run.source is not None:
            return ["fork", self.folder.run(run.source), "--without", ALL]
        population = self.folder.put(run, cast)
        return ["run", population, "--replicate", str(run.replicate)]

    def _child_environment(self) -> dict[str, str]:
        ours = {f"HUBBUB_{name}" for name in _OURS}
        kept = {k: v for k, v in self._environment.items() if k not in ours}
        # What a file of variables says is in our own environment by now.
        return kept | {DOTENV: ""}


def _chains(runs: Sequence[Run]) -> list[list[Run]]:
    """*runs*, where what is a fork of another one is made right after that."""
    chains: dict[str, list[Run]] = {}
    for run in runs:
        chains.setdefault((run.source or run).name, []).append(run)
    return [*chains.values()]


def _cache(mode: CacheMode) -> list[str]:
    return [] if mode == "off" else ["--cache", mode]


def _limited(limits: Mapping[str, int]) -> list[str]:
    options: list[str] = []
    if "money" in limits:
        options += ["--budget", f"{limits['money'] / NANO:.9f}"]
    if "tokens" in limits:
        options += ["--token-budget", str(limits["tokens"])]
    return options


def _last_words(path: Path) -> str:
    """What the process that wrote the file *path* said last of itself."""
    lines = path.read_bytes()[-_WORDS:].decode(errors="replace").splitlines()
    own = [line for line in lines if line.startswith(_SAYS)]
    return own[-1].removeprefix(_SAYS) if own else f"its last words are in {path}"
