"""``hubbub study`` as it is typed, and the studies that come with Hubbub."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .making import SMALL, environment, study, write

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))


def test_a_plan_runs_nothing(tmp_path: Path) -> None:
    """It tells arms, runs and power, and leaves no folder."""
    compare = '[[compare]]\narms = ["uniform", "reinforcement"]\neffect = 1.0\n'
    text = SMALL.replace("replicates = 3", "replicates = 10") + compare
    code, out, err = study(tmp_path, write(tmp_path, text), "--plan")

    assert code == 0, err
    assert "small: 2 arms, 10 replicates, 20 runs" in out
    assert re.search(r"reinforcement less uniform +pairs +1 +80% +10", out)
    assert not (tmp_path / "studies").exists()


def test_a_plan_says_what_models_may_cost(tmp_path: Path) -> None:
    """By rehearsal, and without a call."""
    text = SMALL.replace('mind = "uniform"', 'model = "scripted/legal"')
    code, out, err = study(tmp_path, write(tmp_path, text), "--plan", "--json")
    plan = json.loads(out)

    assert code == 0, err
    assert plan["runs"] == 6
    assert [arm["models"] for arm in plan["arms"]] == [["scripted/legal"], []]
    assert plan["arms"][1]["cost"] == {"low": 0.0, "middle": 0.0, "high": 0.0}


def test_programs_get_lines_of_json(tmp_path: Path) -> None:
    """One for each run that begins or ends, and the effects at the end."""
    text = SMALL.replace("replicates = 3", "replicates = 1")
    code, out, err = study(tmp_path, write(tmp_path, text), "--json")
    *runs, done = [json.loads(line) for line in out.splitlines()]

    assert code == 0, err
    assert {run["event"] for run in runs} == {"run"}
    states = sorted((run["arm"], run["state"]) for run in runs)
    assert states == [
        (arm, state)
        for arm in ("reinforcement", "uniform")
        for state in ("begun", "complete")
    ]
    assert done["event"] == "done"
    assert [arm["arm"] for arm in done["effects"]["arms"]] == [
        "uniform",
        "reinforcement",
    ]


def test_a_stop_rule_runs_on_until_it_is_enough(tmp_path: Path) -> None:
    """No interval is that narrow with two populations, so there are three at most."""
    rule = "[stop]\ntype = 'precise'\nwidth = 1e-9\nleast = 2\nmost = 3\n"
    text = SMALL.replace("replicates = 3", "") + rule
    code, out, err = study(tmp_path, write(tmp_path, text), "--json")
    *runs, done = [json.loads(line) for line in out.splitlines()]

    assert code == 0, err
    assert done["effects"]["replicates"] == 3
    begun = [run["replicate"] for run in runs if run["state"] == "begun"]
    assert sorted(begun[:4]) == [1, 1, 2, 2]
    assert begun[4:] == [3, 3]


def test_without_its_packages_it_says_how_to_get_them(tmp_path: Path) -> None:
    """Whoever only plays games need not have numpy."""
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        f"from hubbub.cli import main; main(['study', {str(write(tmp_path))!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "pip install 'hubbub[study]'" in done.stderr


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_a_study_that_comes_with_hubbub_can_be_made(file: Path, tmp_path: Path) -> None:
    """Each of them, with one replicate of two rounds: every outcome has its column."""
    text = re.sub(r"replicates = \d+", "replicates = 1", file.read_text())
    small = re.sub(r"rounds = \d+", "rounds = 2", text)
    if "rounds" not in text:
        small = "parameters = { rounds = 2 }\n" + small
    code, out, err = study(tmp_path, write(tmp_path, small, file.name))

    assert code == 0, err
    table = (tmp_path / "studies" / file.stem / "table.csv").read_text()
    rows = list(csv.DictReader(table.splitlines()))
    assert {row["completeness"] for row in rows} == {"1.0"}
    named = re.findall(r'^name = "(.*)"', text, re.MULTILINE)
    assert dict.fromkeys(row["outcome"] for row in rows) == dict.fromkeys(named)
    assert all(name in out for name in named)
