"""``hubbub.open_run``: what a program gets of a run, and at what price."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

import hubbub
from hubbub.data.tables import TABLES
from hubbub.errors import LogDamaged, NotARun, UnknownName
from hubbub.log import read_log

from ..records import edit, kept
from .recording import party_run

HEAVY = ("pyarrow", "pandas", "polars", "duckdb", "numpy", "networkx")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_run_gives_its_tables_its_log_and_its_manifest(tmp_path: Path) -> None:
    """All of the same run; a table is read once."""
    folder = await party_run(tmp_path / "run")
    run = hubbub.open_run(str(folder.path))

    assert isinstance(run, hubbub.Run)
    assert run.manifest == folder.manifest
    assert run.population == folder.population()
    assert list(run.log()) == list(read_log(folder.log))
    assert run.messages is run.table("messages")
    assert set(run.table("edges")["run"].to_pylist()) == {folder.run}


async def test_every_table_has_a_name_of_its_own(tmp_path: Path) -> None:
    """An attribute, but for the run itself, which has its manifest."""
    run = hubbub.open_run((await party_run(tmp_path / "run")).path)
    assert run.tables == TABLES
    for name in TABLES:
        if name != "runs":
            assert isinstance(getattr(run, name), pa.Table)


async def test_an_unfinished_run_has_what_was_said_so_far(tmp_path: Path) -> None:
    """And says that it is unfinished."""
    folder = await party_run(tmp_path / "run")
    edit(folder.log, lambda all: [*all[:20], b'{"seq":'])
    folder.save(msgspec.structs.replace(folder.manifest, state="running"))
    run = hubbub.open_run(folder.path)

    assert run.messages.num_rows == len(list(run.log())) == 20
    assert "running" in repr(run)


async def test_a_damaged_log_gives_no_table(tmp_path: Path) -> None:
    """Nor messages."""
    folder = await kept(tmp_path / "run")
    edit(folder.log, lambda all: all[:-1])
    run = hubbub.open_run(folder.path)
    with pytest.raises(LogDamaged):
        run.table("asks")
    with pytest.raises(LogDamaged):
        list(run.log())


async def test_messages_can_be_read_without_their_calls(tmp_path: Path) -> None:
    """Who shares a log may keep the prompts to himself."""
    folder = await kept(tmp_path / "run")
    folder.calls.unlink()
    run = hubbub.open_run(folder.path)

    assert run.messages.num_rows == folder.manifest.messages
    with pytest.raises(LogDamaged):
        run.table("calls")


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A folder that is no run, and a table that is none."""
    with pytest.raises(NotARun):
        hubbub.open_run(tmp_path)
    run = hubbub.open_run((await party_run(tmp_path / "run")).path)
    with pytest.raises(UnknownName, match="did you mean 'messages'"):
        run.table("mesages")


def test_importing_hubbub_imports_nothing_heavy() -> None:
    """Nor does its command line, or a run that nobody has asked for a table."""
    code = "import sys, hubbub, hubbub.cli.main, hubbub.data; print(*sys.modules)"
    done = python(code)

    assert done.returncode == 0, done.stderr
    assert not set(HEAVY) & set(done.stdout.split())


@pytest.mark.parametrize(
    ("without", "deed", "mend"),
    [
        ("pyarrow", "table('messages')", "'hubbub[data]'"),
        ("pandas", "pandas('messages')", "install pandas"),
        ("polars", "polars('messages')", "install polars"),
    ],
)
async def test_what_is_not_installed_is_named(
    tmp_path: Path, without: str, deed: str, mend: str
) -> None:
    """With what to install."""
    folder = await party_run(tmp_path / "run")
    code = (
        f"import sys, hubbub; sys.modules['{without}'] = None\n"
        f"try: hubbub.open_run(sys.argv[1]).{deed}\n"
        "except hubbub.HubbubError as error: print(error)"
    )
    done = python(code, str(folder.path))

    assert f"{without} is not installed: pip install" in done.stdout
    assert mend in done.stdout


async def test_export_names_what_is_not_installed(tmp_path: Path) -> None:
    """It is the command line's own kind of error."""
    folder = await party_run(tmp_path / "run")
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from hubbub.cli import main; main(['export', sys.argv[1]])"
    )
    done = python(code, str(folder.path))

    assert done.returncode == 2
    assert "pip install 'hubbub[data]'" in done.stderr
