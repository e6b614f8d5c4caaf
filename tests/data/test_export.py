"""``hubbub export``: what is written, of what, and what is not."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner

from hubbub.cli.main import commands
from hubbub.data import export as data
from hubbub.data.export import export
from hubbub.data.tables import TABLES
from hubbub.errors import LogDamaged, NotARun, UnknownName
from hubbub.folder import RunFolder

from ..records import edit, forge, kept
from .recording import party_run

USUAL = [name for name in TABLES if name != "exposures"]


def hubbub(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Give the command in a process of its own."""
    command = [sys.executable, "-m", "hubbub", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def unfinish(folder: RunFolder, lines: int) -> None:
    """Leave *folder* as a run that was killed after so many *lines*, and a torn one."""
    edit(folder.log, lambda all: [*all[:lines], all[lines][:-9]])
    folder.save(msgspec.structs.replace(folder.manifest, state="running", last_hash=""))


async def test_it_writes_tables_networks_and_a_dictionary(tmp_path: Path) -> None:
    """Into the run's own folder; the dictionary names all of them, with their rows."""
    folder = await party_run(tmp_path / "run")
    done = CliRunner().invoke(commands, ["export", str(folder.path), "--json"])
    told: dict[str, Any] = json.loads(done.output)
    tables = folder.path / "tables"
    dictionary: dict[str, Any] = json.loads((tables / "dictionary.json").read_bytes())

    assert done.exit_code == 0
    assert sorted(told["files"]) == sorted(file.name for file in tables.iterdir())
    assert list(dictionary["tables"]) == USUAL
    for name, table in dictionary["tables"].items():
        frame = pl.read_parquet(tables / f"{name}.parquet")
        assert frame.columns == [column["name"] for column in table["columns"]]
        assert frame.height == table["rows"] == told["rows"][name]


async def test_the_same_run_gives_the_same_tables(tmp_path: Path) -> None:
    """Byte for byte, whenever and wherever they are made."""
    folder = await party_run(tmp_path / "run")
    both = [
        export(folder.path, tmp_path / name, formats=["csv", "parquet"]).out
        for name in ("a", "b")
    ]

    for file in both[0].iterdir():
        assert file.read_bytes() == (both[1] / file.name).read_bytes(), file.name


async def test_an_unfinished_run_is_written_as_far_as_it_goes(tmp_path: Path) -> None:
    """And said to be so; its torn last line is left out."""
    folder = await party_run(tmp_path / "run")
    unfinish(folder, 20)
    done = CliRunner().invoke(commands, ["export", str(folder.path)])
    dictionary: Any = json.loads((folder.path / "tables/dictionary.json").read_bytes())

    assert done.exit_code == 0
    assert "unfinished" in done.output
    assert dictionary["unfinished"] == [folder.run]
    assert pl.read_parquet(folder.path / "tables/messages.parquet").height == 20


async def test_a_run_without_a_message_has_empty_tables(tmp_path: Path) -> None:
    """It was made and nothing was said yet."""
    folder = await party_run(tmp_path / "run")
    folder.log.unlink()
    folder.save(msgspec.structs.replace(folder.manifest, state="running"))
    tables = export(folder.path).dictionary.tables

    assert {name for name, table in tables.items() if table.rows} == {"runs", "seats"}


Lines = list[bytes]
DAMAGE: dict[str, Callable[[Lines], Lines]] = {
    "another line": lambda all: [*all[:5], b"{}\n", *all[6:]],
    "a line less": lambda all: [*all[:5], *all[6:]],
    "no end": lambda all: all[:-1],
    "a torn end": lambda all: [*all[:-1], all[-1][:-1]],
    "two ends": lambda all: [*all, all[-1]],
    "another time": lambda all: [all[0].replace(b'"at":', b'"at":1'), *all[1:]],
    "another order": lambda all: [*all[:-3], all[-2], all[-3], all[-1]],
}
CALLS: dict[str, Callable[[Lines], Lines]] = {
    "a call less": lambda all: all[1:],
    "the last less": lambda all: all[:-1],
    "a call more": lambda all: [*all, all[-1]],
    "another error": lambda all: [all[0].replace(b"network", b"timeout"), *all[1:]],
    "no call": lambda all: [b"[]\n", *all[1:]],
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_log_is_not_exported(tmp_path: Path, damage: str) -> None:
    """Nothing is left of the attempt."""
    folder = await kept(tmp_path / "run")
    edit(folder.log, DAMAGE[damage])
    with pytest.raises(LogDamaged):
        export(folder.path, tmp_path / "out")

    assert not list((tmp_path / "out").iterdir())


async def test_a_log_that_was_chained_anew_is_found_out(tmp_path: Path) -> None:
    """The manifest knows the end of the true one."""
    folder = await kept(tmp_path / "run")
    forge(folder.log, 2, at=77)
    with pytest.raises(LogDamaged):
        export(folder.path)


@pytest.mark.parametrize("damage", CALLS)
async def test_damaged_calls_are_not_exported(tmp_path: Path, damage: str) -> None:
    """The log knows each of them by its hash."""
    folder = await kept(tmp_path / "run")
    edit(folder.calls, CALLS[damage])
    with pytest.raises(LogDamaged):
        export(folder.path)


async def test_a_manifest_that_counts_otherwise_is_found_out(tmp_path: Path) -> None:
    """A table has the rows that the run says it has, or there is none."""
    folder = await kept(tmp_path / "run")
    folder.save(msgspec.structs.replace(folder.manifest, outcomes={"answered": 12}))
    with pytest.raises(LogDamaged, match="manifest"):
        export(folder.path)


async def test_a_damaged_log_has_the_exit_code_of_one(tmp_path: Path) -> None:
    """As for ``verify``."""
    folder = await kept(tmp_path / "run")
    edit(folder.log, lambda all: all[1:])
    done = hubbub("export", str(folder.path))

    assert done.returncode == 4
    assert "log.jsonl:1:" in done.stderr


async def test_an_export_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """Of its files, and of no others."""
    folder = await party_run(tmp_path / "run")
    out = export(folder.path, formats=["csv"], exposures=True).out
    (out / "mine.csv").write_text("kept")
    files = export(folder.path).dictionary.files

    assert {file.name for file in out.iterdir()} == {*files, "mine.csv"}


async def test_a_dictionary_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    """Whatever it lists."""
    folder = await party_run(tmp_path / "run")
    out = export(folder.path).out
    listed: Any = json.loads((out / "dictionary.json").read_bytes())
    listed["files"] = ["../manifest.json", str(folder.log), ".."]
    (out / "dictionary.json").write_text(json.dumps(listed))
    export(folder.path)

    assert folder.log.exists()
    assert (folder.path / "manifest.json").exists()


async def test_a_study_is_one_set_of_tables(tmp_path: Path) -> None:
    """Arm and replicate stand in every row; each run has a network of its own."""
    one = await party_run(tmp_path / "one")
    for name in ("free-10", "free-2", "prior.context-1"):
        shutil.copytree(one.path, tmp_path / "study/runs" / name)
    (tmp_path / "study/study.toml").touch()
    done = CliRunner().invoke(commands, ["export", str(tmp_path / "study")])
    frame = pl.read_parquet(tmp_path / "study/tables/messages.parquet")
    counted = frame.group_by("arm", "replicate", maintain_order=True).len().rows()
    messages = one.manifest.messages

    assert done.exit_code == 0
    assert counted == [
        ("free", 2, messages),
        ("free", 10, messages),
        ("prior/context", 1, messages),
    ]
    assert (tmp_path / "study/tables/network-free-10.gexf").exists()


def test_what_is_no_run_is_not_exported(tmp_path: Path) -> None:
    """Nor is a study of which nothing has begun, and no folder is made for it."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study/study.toml").touch()
    for path in (tmp_path, tmp_path / "study"):
        with pytest.raises(NotARun):
            export(path, tmp_path / "out")

    assert not (tmp_path / "out").exists()


async def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    """With those that there are."""
    folder = await party_run(tmp_path / "run")
    with pytest.raises(UnknownName, match="parquet"):
        export(folder.path, formats=["parket"])


async def test_a_folder_with_any_name_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow would take some for addresses."""
    folder = await party_run(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    out = export(folder.path, Path("s3:bucket é")).out

    assert (out / "messages.parquet").exists()


async def test_groups_of_rows_are_all_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they end, by rows or by the record's size."""
    folder = await party_run(tmp_path / "run")
    whole = export(folder.path, tmp_path / "whole", formats=["csv"], exposures=True)
    for name, value in (("ROWS", 3), ("BYTES", 700)):
        monkeypatch.setattr(f"hubbub.data.tables.{name}", value)
        parts = export(folder.path, tmp_path / name, formats=["csv"], exposures=True)
        monkeypatch.undo()
        for file in whole.out.iterdir():
            assert file.read_bytes() == (parts.out / file.name).read_bytes(), file


async def test_nothing_is_left_of_an_export_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays."""
    folder = await party_run(tmp_path / "run")
    out = export(folder.path).out
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "write_gexf", full)
    with pytest.raises(OSError, match="space"):
        export(folder.path, formats=["csv"])

    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
