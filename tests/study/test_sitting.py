"""A study survives whatever ends it, and makes only what is missing."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import msgspec
import pytest

from hubbub.study.analysis import Effects

from .making import SMALL, finish, processes_of, start, study, wait_until, write

FILES = ("table.csv", "table.json", "rounds.csv", "effects.json")


def made(folder: Path) -> dict[str, int]:
    """When each complete run in the study *folder* was completed."""
    manifests = folder.glob("runs/*/manifest.json")
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in manifests
        if b'"complete"' in path.read_bytes()
    }


def read(table: Path) -> list[dict[str, str]]:
    """The rows of the file *table*."""
    return list(csv.DictReader(table.read_text().splitlines()))


def is_half_way(folder: Path) -> bool:
    """Whether some runs are complete and another has begun to talk."""
    logs = folder.glob("runs/*-2/log.jsonl")
    talks = [log.parent.name for log in logs if log.stat().st_size > 20_000]
    return bool(made(folder)) and any(name not in made(folder) for name in talks)


@pytest.mark.parametrize("what", ["parent", "group", "interrupt"])
def test_a_killed_study_goes_on(tmp_path: Path, whole: Path, what: str) -> None:
    """
    ``kill -9`` of the process, or of its whole group, and Ctrl-C: nobody is left behind,
    complete runs stay as they are, and the tables are byte-equal in the end.
    """
    file, folder = write(tmp_path), tmp_path / "studies" / "small"
    process = start(tmp_path, file, "--json")
    wait_until(process, lambda: is_half_way(folder))
    kill = os.killpg if what == "group" else os.kill
    kill(process.pid, signal.SIGINT if what == "interrupt" else signal.SIGKILL)
    code, _, err = finish(process)
    before = made(folder)

    assert code == (130 if what == "interrupt" else -signal.SIGKILL)
    assert ("go on with: hubbub study" in err) == (what == "interrupt")
    assert 0 < len(before) < 6
    assert processes_of(tmp_path) == []
    code, out, _ = study(tmp_path, file, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    begun = {e["run"] for e in events if e.get("state") == "begun"}
    assert code == 0
    assert begun == made(folder).keys() - before.keys()
    assert before.items() <= made(folder).items()
    for name in FILES:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_complete_study_runs_nothing(whole: Path, tmp_path: Path) -> None:
    """It is read again, and says the same."""
    shutil.copytree(whole, tmp_path / "copy")
    before = made(tmp_path / "copy")
    code, out, _ = study(tmp_path, write(tmp_path), "--out", tmp_path / "copy")

    assert code == 0
    assert "small: 3 populations an arm" in out
    assert made(tmp_path / "copy") == before
    for name in FILES:
        assert (tmp_path / "copy" / name).read_bytes() == (whole / name).read_bytes()


def test_the_table_is_tidy(whole: Path) -> None:
    """A row for each arm, replicate and outcome, each with what it was made from."""
    rows = read(whole / "table.csv")
    again = json.loads((whole / "table.json").read_bytes())

    assert len(rows) == len(again) == 2 * 3 * 2
    for row, other in zip(rows, again, strict=True):
        assert row["arm"] == other["arm"]
        assert float(row["value"]) == other["value"]
        assert (row["completeness"], row["usable"], row["cost"]) == (
            "1.0",
            "true",
            "0.0",
        )
    by_round = read(whole / "rounds.csv")
    assert len(by_round) == 2 * 3 * 4


def test_the_effects_say_how_they_were_found(whole: Path) -> None:
    """With the study's digest, the outcomes' options, and every error."""
    effects = msgspec.json.decode((whole / "effects.json").read_bytes(), type=Effects)
    ratio = effects.outcomes[0]
    found = effects.comparisons[0]

    assert effects.replicates == 3
    assert ratio.options == {"window": 3, "reading": "total"}
    assert (found.first, found.second) == ("uniform", "reinforcement")
    assert found.contrast is not None
    assert found.contrast.difference.units == (3,)
    assert found.rounds is not None


def test_a_study_that_would_differ_is_refused(whole: Path, tmp_path: Path) -> None:
    """The differences are named, and nothing is touched."""
    shutil.copytree(whole, tmp_path / "copy")
    text = SMALL.replace("rounds = 6", "rounds = 7").replace("seed = 3", "seed = 4")
    code, _, err = study(tmp_path, write(tmp_path, text), "--out", tmp_path / "copy")

    assert code == 2
    assert "6 runs were made by another study file" in err
    assert "parameters.rounds was 6 and is now 7" in err
    assert "seed was" in err
    assert (tmp_path / "copy" / "study.toml").read_text() == SMALL


def test_what_changes_no_run_may_change(whole: Path, tmp_path: Path) -> None:
    """Other outcomes, comparisons and levels are of the same runs."""
    copy = shutil.copytree(whole, tmp_path / "copy")
    before = made(copy)
    text = SMALL.replace("window = 3", "window = 4").replace("replicates = 3", "")
    file = write(tmp_path, "replicates = 2\nlevel = 0.9\n" + text)
    code, out, _ = study(tmp_path, file, "--out", copy)

    assert code == 0
    assert "2 populations an arm" in out
    assert made(copy) == before
    assert (copy / "study.toml").read_text() == file.read_text()


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    """A study is not made among somebody's files."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    code, _, err = study(tmp_path, write(tmp_path), "--out", "mine")

    assert code == 2
    assert "mine is no study's folder: choose another --out" in err


def test_one_works_at_a_study(tmp_path: Path) -> None:
    """A second command on the same folder is refused while the first is at work."""
    file = write(tmp_path)
    first = start(tmp_path, file)
    wait_until(first, lambda: list(tmp_path.glob("studies/small/runs/*/log.jsonl")))
    code, _, err = study(tmp_path, file)
    first.send_signal(signal.SIGINT)

    assert code == 2
    assert "another hubbub study is at work in studies/small" in err
    assert finish(first)[0] == 130


BROKEN = '''
from hubbub import scenario

@scenario()
async def broken(stage) -> None:
    """A game that cannot be played."""
    raise LookupError("no such card")
'''


def test_a_run_that_fails_is_named(tmp_path: Path) -> None:
    """With its last words; no further run begins, and the same command tries again."""
    (tmp_path / "broken.py").write_text(BROKEN)
    text = SMALL.replace('"cocktail-party"', '"broken.py"').replace(
        "parameters = { rounds = 6 }", ""
    )
    code, _, err = study(tmp_path, write(tmp_path, text), "--jobs", "1")

    assert code == 3
    assert "uniform-1: ended with code 3" in err
    assert "no such card" in err
    assert "reinforcement-1" not in err
    assert "go on with: hubbub study" in err


PAID = """
scenario = "cocktail-party"
replicates = 2
agents = 4
model = "scripted/legal"
parameters = { rounds = 2 }

[arms.one]
[arms.two]

[[outcomes]]
name = "ratio"
source = "distinct-invitation"
reduce = "mean"
options = { window = 2 }
"""

PRICES = '["scripted/legal"]\ninput = 1.0\noutput = 1.0\n'


def test_a_budget_is_that_of_all_runs(tmp_path: Path) -> None:
    """Where it is spent the study stops, and goes on with more of it."""
    file = write(tmp_path, PAID)
    (tmp_path / "prices.toml").write_text(PRICES)
    command = (file, "--prices", "prices.toml", "--jobs", "1")
    code, _, err = study(tmp_path, *command, "--budget", "0.02")

    assert code == 3
    assert "has stopped at its budget" in err
    assert f"hubbub study {file} --prices prices.toml --budget 0.04" in err
    assert not (tmp_path / "studies/small/table.csv").exists()
    code, _, err = study(tmp_path, *command, "--budget", "0.2")
    assert code == 0, err
    rows = read(tmp_path / "studies/small/table.csv")
    assert all(float(row["cost"]) > 0 for row in rows)


def test_replicates_have_cached_replies_of_their_own(tmp_path: Path) -> None:
    """A reply is shared by the arms of a replicate, and by no other replicate."""
    file = write(tmp_path, PAID)
    code, _, err = study(tmp_path, file, "--cache", "use", "--jobs", "1")
    rows = read(tmp_path / "studies/small/table.csv")

    assert code == 0, err
    assert [(row["arm"], row["replicate"]) for row in rows] == [
        (arm, number) for arm in ("one", "two") for number in ("1", "2")
    ]
    assert [row["cached"] for row in rows[:2]] == ["0", "0"]
    assert [row["cached"] for row in rows[2:]] == [row["calls"] for row in rows[2:]]
    manifests = sorted(tmp_path.glob("studies/small/runs/*/manifest.json"))
    terms = [json.loads(path.read_bytes())["terms"] for path in manifests]
    assert [each["replicate"] for each in terms] == [1, 2, 1, 2]


def test_no_variable_changes_a_study(tmp_path: Path) -> None:
    """What the environment says of runs is for those that are started by hand."""
    variables = {"HUBBUB_AGENTS": "7", "HUBBUB_MIND": "silent", "HUBBUB_SEED": "9"}
    (tmp_path / ".env").write_text("".join(f"{k}={v}\n" for k, v in variables.items()))
    text = SMALL.replace("replicates = 3", "replicates = 1")
    code, _, err = study(tmp_path, write(tmp_path, text))

    assert code == 0, err
