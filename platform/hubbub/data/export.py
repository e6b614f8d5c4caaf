"""A run, or all runs of a study, as files: tables, networks and their dictionary."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

import msgspec

from hubbub.data.columns import Ids, StudyIds
from hubbub.data.dictionary import Dictionary, as_json, describe
from hubbub.data.files import FORMATS, TableFile
from hubbub.data.graphs import write_gexf, write_graphml
from hubbub.data.network import Network
from hubbub.data.rows import EdgeRow, OutcomeRow, SeatRow
from hubbub.data.tables import ON_DEMAND, ROW_OF, TABLES, read_tables
from hubbub.errors import LogDamaged, NotARun, UnknownName
from hubbub.folder import RunFolder

#: What an export says of itself.
DICTIONARY = "dictionary.json"
#: What only a study's folder has.
STUDY = "study.toml"
#: The name of a study's run: its arm, in which a dot stands for a slash, and its number.
_STUDY_RUN = re.compile(r"(?P<arm>.+)-(?P<replicate>[0-9]+)")


class Exported(NamedTuple):
    """What was written, and the folder in which it is."""

    out: Path
    dictionary: Dictionary


class _Source(NamedTuple):
    """A run to be exported; *mark* is what its network's file has in its name."""

    folder: RunFolder
    ids: Ids
    mark: str = ""


def export(
    path: Path,
    out: Path | None = None,
    *,
    formats: Sequence[str] = ("parquet",),
    exposures: bool = False,
) -> Exported:
    """
    Write the tables and networks of the run or study in *path* to the folder *out*.

    Without *out* that is ``tables`` in *path*.  An earlier export there is replaced once
    this one is whole.  Memory does not grow with the number of messages.  Raises
    `NotARun`, `UnknownName` for a format, and `LogDamaged`, also where a complete run's
    manifest has counted otherwise.
    """
    for format in formats:
        if format not in FORMATS:
            raise UnknownName("format", format, [*FORMATS])
    sources = _sources(path)
    names = [name for name in TABLES if exposures or name != ON_DEMAND]
    out = out or path / "tables"
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=out) as folder:
        with ExitStack() as files:
            draft = _Draft(Path(folder), files, type(sources[0].ids), names, formats)
            for source in sources:
                draft.add(source)
        dictionary = draft.describe(sources)
        Path(folder, DICTIONARY).write_bytes(as_json(dictionary))
        _replace(out, Path(folder), dictionary.files)
    return Exported(out, dictionary)


def _sources(path: Path) -> list[_Source]:
    """The run in *path*, or the runs of the study there."""
    if not (path / STUDY).exists():
        folder = RunFolder(path)
        return [_Source(folder, Ids(run=folder.run))]
    found = sorted(map(_of_study, (path / "runs").glob("*/manifest.json")), key=_place)
    if not found:
        raise NotARun(path, "it is a study's, and none of its runs has begun")
    return found


def _of_study(manifest: Path) -> _Source:
    folder = RunFolder(manifest.parent)
    name = _STUDY_RUN.fullmatch(folder.path.name)
    if name is None:
        raise NotARun(folder.path, "its name is not <arm>-<replicate>")
    arm, replicate = name["arm"].replace(".", "/"), int(name["replicate"])
    ids = StudyIds(run=folder.run, arm=arm, replicate=replicate)
    return _Source(folder, ids, f"-{folder.path.name}")


def _place(source: _Source) -> tuple[str, int]:
    ids = cast("StudyIds", source.ids)
    return ids.arm, ids.replicate


class _Draft:
    """The files of an export that is under way, in *folder*, open as long as *files*."""

    def __init__(
        self,
        folder: Path,
        files: ExitStack,
        ids: type[Ids],
        names: Sequence[str],
        formats: Sequence[str],
    ) -> None:
        self._folder = folder
        self._ids = ids
        self._rows = Counter(dict.fromkeys(names, 0))
        self._written: list[str] = []
        self._files: dict[str, list[TableFile]] = {name: [] for name in names}
        for name, mine in self._files.items():
            for format in dict.fromkeys(formats):
                file = FORMATS[format](self._new(f"{name}.{format}"), ids, ROW_OF[name])
                files.callback(file.close)
                mine.append(file)

    def _new(self, name: str) -> Path:
        self._written.append(name)
        return self._folder / name

    def add(self, source: _Source) -> None:
        """Append the tables of *source*, and write its network."""
        network, counted = Network(), Counter[str]()
        outcomes = Counter[str]()
        for name, rows in read_tables(source.folder, [*self._files]):
            counted[name] += len(rows)
            for file in self._files[name]:
                file.write(source.ids, rows)
            match name:
                case "seats":
                    network.add_seats(cast("list[SeatRow]", rows))
                case "edges":
                    network.add_edges(cast("list[EdgeRow]", rows))
                case "outcomes":
                    mine = cast("list[OutcomeRow]", rows)
                    outcomes.update(row.outcome for row in mine)
                case _:
                    pass
        _check(source.folder, counted, outcomes)
        self._rows.update(counted)
        for ending, write in (("graphml", write_graphml), ("gexf", write_gexf)):
            write(self._new(f"network{source.mark}.{ending}"), network)

    def describe(self, sources: Sequence[_Source]) -> Dictionary:
        """What was written of *sources*."""
        folders = [source.folder for source in sources]
        return Dictionary(
            runs=tuple(folder.run for folder in folders),
            unfinished=tuple(f.run for f in folders if f.manifest.state != "complete"),
            files=(*self._written, DICTIONARY),
            tables={
                name: describe(self._ids, ROW_OF[name], count)
                for name, count in self._rows.items()
            },
        )


def _check(folder: RunFolder, counted: Counter[str], outcomes: Counter[str]) -> None:
    """Raise `LogDamaged` unless a complete run's manifest has counted the same."""
    manifest = folder.manifest
    found = counted["messages"], counted["asks"], dict(outcomes)
    told = manifest.messages, manifest.asks, manifest.outcomes
    if manifest.state == "complete" and found != told:
        why = f"messages, asks and outcomes are {found} here and {told} in the manifest"
        raise LogDamaged(folder.log, counted["messages"], why)


def _replace(out: Path, draft: Path, files: Sequence[str]) -> None:
    """Put *files* of *draft* in the place of what an earlier export has left in *out*."""
    for name in {*_before(out)}.difference(files):
        (out / name).unlink()
    for name in files:
        (draft / name).replace(out / name)


def _before(out: Path) -> Iterator[str]:
    """The files of an earlier export in *out*; no file elsewhere, whatever it says."""
    try:
        text = (out / DICTIONARY).read_bytes()
        files = msgspec.json.decode(text, type=Dictionary).files
    except (OSError, ValueError, RecursionError):
        return
    for name in files:
        if Path(name).name == name and (out / name).is_file():
            yield name
