"""A study as a report finds it: what it found, its table, and its arms' populations."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from hubbub.errors import BadPopulation, UsageError
from hubbub.folder import Manifest, RunFolder
from hubbub.population import Population
from hubbub.study.analysis import Effects
from hubbub.study.table import Row

#: Bytes of a study file that are shown.
_FILE = 100_000


class Series(NamedTuple):
    """An outcome of one population, round by round."""

    arm: str
    replicate: int
    points: Mapping[int, float | None]


class Example(NamedTuple):
    """The first run of an arm, which stands for what all of them are made from."""

    manifest: Manifest
    population: Population | None


class Studied(NamedTuple):
    """Everything that a study's report is made from."""

    path: Path
    effects: Effects
    rows: tuple[Row, ...]
    rounds: dict[str, list[Series]]
    examples: dict[str, Example]
    file: str

    def values(self, outcome: str, arm: str) -> list[float]:
        """The numbers of an arm's populations that have one, by replicate."""
        return [
            row.value
            for row in self.rows
            if (row.outcome, row.arm) == (outcome, arm) and row.value is not None
        ]


def read_study(path: Path) -> Studied:
    """
    Read the study in the folder *path*.

    Raises `UsageError` where it has not come to its end, or a file of it is none.
    """
    effects_file = path / "effects.json"
    if not effects_file.exists():
        raise UsageError(
            f"{path} has no effects.json yet: go on with the study by the command that "
            "began it"
        )
    try:
        effects = msgspec.json.decode(effects_file.read_bytes(), type=Effects)
        table = (path / "table.json").read_bytes()
        rows = msgspec.json.decode(table, type=tuple[Row, ...])
        rounds = _rounds(path / "rounds.csv")
        file = (path / "study.toml").read_text("utf-8", "replace")[:_FILE]
    except (ValueError, KeyError, RecursionError) as error:
        raise UsageError(f"{path} is no study's folder: {error}") from None
    examples = {each.arm: _example(path, each.arm) for each in effects.arms}
    found = {arm: example for arm, example in examples.items() if example}
    return Studied(path, effects, rows, rounds, found, file)


def _rounds(path: Path) -> dict[str, list[Series]]:
    """Each outcome's series, in the order of the file."""
    if not path.exists():
        return {}
    found: dict[tuple[str, str, int], dict[int, float | None]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["outcome"], row["arm"], int(row["replicate"])
            value = float(row["value"]) if row["value"] else None
            found.setdefault(key, {})[int(row["round"])] = value
    series: dict[str, list[Series]] = {}
    for (outcome, arm, replicate), points in found.items():
        series.setdefault(outcome, []).append(Series(arm, replicate, points))
    return series


def _example(path: Path, arm: str) -> Example | None:
    try:
        folder = RunFolder(path / "runs" / f"{arm.replace('/', '.')}-1")
    except UsageError:
        return None
    try:
        return Example(folder.manifest, folder.population())
    except BadPopulation:
        return Example(folder.manifest, None)
