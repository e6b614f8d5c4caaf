"""The study folder: its file, its runs, and what they come to."""

import fcntl
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import msgspec

from hubbub.errors import NotARun, RunExists, UsageError
from hubbub.folder import RunFolder, write_file
from hubbub.population import Cast, as_toml
from hubbub.study.analysis import Effects
from hubbub.study.plan import Plan, Run
from hubbub.study.table import (
    RoundRow,
    Row,
    Seen,
    as_csv,
    as_json,
    round_rows,
    rows,
)
from hubbub.text import safe_text

#: What a killed beginning leaves behind.
_BEGUN = {".study.toml"}
#: Differences of one run that are named, and runs of which they are.
_NAMED = 3
#: Characters of a value that is named.
_SHOWN = 60


class StudyFolder:
    """The files of one study in *path*; every one is written at once or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"
        self.populations = path / "populations"

    def run(self, run: Run) -> Path:
        """The folder of *run*."""
        return self.runs / run.name

    def population(self, run: Run) -> Path:
        """The population file of *run*."""
        return self.populations / f"{run.name}.toml"

    def state(self, run: Run) -> str:
        """``missing``, ``running``, ``stopped`` or ``complete``."""
        try:
            return RunFolder(self.run(run)).manifest.state
        except NotARun:
            return "missing"

    @contextmanager
    def hold(self) -> Generator[None]:
        """Be the only one who works at the study; raises `UsageError` if another does."""
        fd = os.open(self.path / "study.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise UsageError(
                f"another hubbub study is at work in {self.path}"
            ) from None
        finally:
            os.close(fd)

    def begin(self, source: Path) -> None:
        """
        Make the folder of the study file *source*, unless it is there.

        Raises `RunExists` for a folder with something else in it.
        """
        if not (self.path / "study.toml").exists():
            if self.path.exists() and {p.name for p in self.path.iterdir()} - _BEGUN:
                raise RunExists(
                    f"{self.path} is no study's folder: choose another --out"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            self.freeze(source)
        for folder in (self.runs, self.populations):
            folder.mkdir(exist_ok=True)

    def freeze(self, source: Path) -> None:
        """Keep a copy of the study file *source* as it is now."""
        write_file(self.path / "study.toml", source.read_bytes())

    def put(self, run: Run, cast: Cast) -> Path:
        """Write the population file of *run*; where it is."""
        path = self.population(run)
        write_file(path, as_toml(cast.population).encode())
        return path

    def save(self, plan: Plan, seen: Sequence[Seen], effects: Effects) -> None:
        """Write the tables and the effects, which are the same bytes for the same runs."""
        table = rows(plan, seen)
        write_file(self.path / "table.csv", as_csv(table, Row))
        write_file(self.path / "table.json", as_json(table))
        by_round = round_rows(plan, seen)
        write_file(self.path / "rounds.csv", as_csv(by_round, RoundRow))
        write_file(self.path / "effects.json", as_json(effects))


def check_same(plan: Plan, folder: StudyFolder, runs: Sequence[Run]) -> None:
    """Raise `RunExists` where a run in *folder* is not what *plan* would make of it."""
    changed: list[str] = []
    for run in runs:
        path = folder.run(run)
        if folder.state(run) == "missing":
            continue
        cast, found = plan.cast(run), RunFolder(path)
        _check_source(folder, run, found)
        text = as_toml(cast.population).encode()
        if sha256(text).hexdigest() != found.manifest.population_sha256:
            had = msgspec.to_builtins(found.population())
            wanted = msgspec.to_builtins(cast.population)
            changed.append(f"{path}: {_first(_differences(had, wanted))}")
    if changed:
        raise RunExists(
            f"{len(changed)} runs were made by another study file:\n  "
            + "\n  ".join(changed[:_NAMED])
            + "\n  change the file back, or choose another --out"
        )


def _check_source(folder: StudyFolder, run: Run, found: RunFolder) -> None:
    """Raise `RunExists` where *found* should be a fork of another run and is not."""
    if run.source is None:
        return
    path, origin = folder.run(run.source), found.manifest.origin
    made = folder.state(run.source) != "missing"
    if not made or origin is None or RunFolder(path).run != origin.run:
        raise RunExists(f"{found.path} is no fork of {path}: delete it")


def _first(differences: Iterator[str]) -> str:
    found = list(differences)
    more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _differences(had: Any, wanted: Any, place: str = "") -> Iterator[str]:
    """What is otherwise in *wanted* than in *had*, place by place."""
    one, other = _inside(had), _inside(wanted)
    if one is not None and other is not None:
        for key in {**one, **other}:
            inner = f"{place}.{key}" if place else key
            yield from _differences(one.get(key), other.get(key), inner)
    elif had != wanted:
        yield f"{place} was {_shown(had)} and is now {_shown(wanted)}"


def _inside(value: Any) -> dict[str, Any] | None:
    """What *value* holds, by its key or place; None for what holds nothing."""
    match value:
        case dict():
            return cast("dict[str, Any]", value)
        case list() | tuple():
            items = cast("Sequence[Any]", value)
            return {str(place): item for place, item in enumerate(items)}
        case _:
            return None


def _shown(value: Any) -> str:
    words = "not there" if value is None else msgspec.json.encode(value).decode()
    return safe_text(words, _SHOWN)
