"""The report of a study: effects with their errors, and arms that are not usable."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hubbub.cli.main import commands
from hubbub.console.calls import Usage
from hubbub.errors import UsageError
from hubbub.report.study import study_report
from hubbub.study.analysis import analyse
from hubbub.study.folder import StudyFolder
from hubbub.study.plan import Plan, Run, read_plan
from hubbub.study.table import Seen

from .filing import file_run, soiree
from .test_page import EVIL, check_inert

ARMS = """
scenario = "cocktail-party"
replicates = 6
parameters = { rounds = 12 }
arms.even = { mind = "uniform" }
arms.habit = { mind = "reinforcement" }
arms.silent = { mind = "silent" }
outcomes = [
  { name = "ratio", source = "distinct-invitation", reduce = "mean", repeated = true },
]
compare = [
  { arms = ["even", "habit"], effect = 1.0 },
  { arms = ["even", "silent"], paired = false },
]
"""
CROSSED = """
scenario = "cocktail-party"
replicates = 4
prior.even = { mind = "uniform" }
prior.habit = { mind = "reinforcement" }
context.six = { agents = 6 }
context.ten = { agents = 10 }
outcomes = [{ name = "share", source = "completeness" }]
"""


def seen(plan: Plan, run: Run) -> Seen:
    """What a run comes to if each arm differs by its place, and the third is silent."""
    place = plan.arms.index(run.arm)
    value = 0.6 - 0.2 * place + 0.01 * (run.replicate * 7 % 5)
    (outcome,) = plan.study.outcomes
    good = 0 if run.arm.name == "silent" else 99
    return Seen(
        run=run,
        values={outcome.name: value if good else None},
        series={outcome.name: {10: value, 11: value - 0.01, 12: value - 0.02}},
        outcomes={"answered": good, "absent": 1},
        usage=Usage(calls=3, tokens_in=100, cost=0.25),
    )


def make_study(path: Path, text: str, says: str = "Hello.") -> Path:
    """A study folder at its end, with one run in it for each arm."""
    file = path / "circles.toml"
    file.write_text(text)
    plan = read_plan(file)
    found = [seen(plan, run) for run in plan.runs(plan.study.most)]
    folder = StudyFolder(path / "circles")
    folder.begin(file)
    folder.save(plan, found, analyse(plan, found, plan.study.most))
    for run in plan.runs(1):
        cast = plan.cast(run)
        messages = soiree(2, says).end()
        file_run(folder.run(run), messages, cast.population, cast.parameters)
    return folder.path


def test_effects_are_told_with_their_errors(tmp_path: Path) -> None:
    """Means, differences, intervals, p values with their correction, power."""
    parsed = check_inert(study_report(make_study(tmp_path, ARMS)))
    text = " ".join(parsed.text.split())

    assert "habit \N{MINUS SIGN} even" in text
    assert "corrected for 1 test (by Holm)" in text
    assert "95% interval" in text
    assert "6 pairs" in text
    assert "for 1 sd" in text


def test_every_population_of_every_arm_is_a_dot(tmp_path: Path) -> None:
    """Those of an arm that is not usable would be marked."""
    parsed = check_inert(study_report(make_study(tmp_path, ARMS)))
    dots = [c["class"] for c in parsed.found("circle")]

    assert dots.count("unit measured") == 12


def test_an_unusable_arm_is_marked_and_not_compared(tmp_path: Path) -> None:
    """And the page says why."""
    text = check_inert(study_report(make_study(tmp_path, ARMS))).text

    assert "silent (unusable)" in text
    assert "silent and even are not compared: silent is unusable" in text
    assert "not compared: silent." in text


def test_variance_is_shown_as_bars_with_intervals(tmp_path: Path) -> None:
    """Where prior and context were crossed."""
    parsed = check_inert(study_report(make_study(tmp_path, CROSSED)))
    kinds = {rect.get("class") for rect in parsed.found("rect")}

    assert {"v-prior", "v-context"} <= kinds
    assert "residual" in parsed.text
    assert "Crossed arms are not compared one by one" in parsed.text


def test_rounds_have_a_curve_for_each_arm(tmp_path: Path) -> None:
    """And a mixed model where one was asked for."""
    text = check_inert(study_report(make_study(tmp_path, ARMS))).text

    assert "Bold: the mean over populations" in text
    assert "change per round" in text


def test_the_methods_name_the_statistics(tmp_path: Path) -> None:
    """With every arm's parameters, the file, and its hash."""
    folder = make_study(tmp_path, ARMS)
    text = " ".join(check_inert(study_report(folder)).text.split())

    for words in (
        "studentised bootstrap (10,000 draws)",
        "flipping the signs",
        "rounds = 12",
        "the mind reinforcement",
        'arms.even = { mind = "uniform" }',
        "declared beforehand",
    ):
        assert words in text
    assert str(tmp_path) not in text


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    """There is no time in it."""
    folder = make_study(tmp_path, ARMS)

    assert study_report(folder) == study_report(folder)


@pytest.mark.parametrize("evil", [e for e in EVIL if e.isprintable() and "\\" not in e])
def test_a_study_file_stays_text(tmp_path: Path, evil: str) -> None:
    """Whatever stands in its comments."""
    check_inert(study_report(make_study(tmp_path, f"# {evil}\n{ARMS}")))


def test_a_study_that_goes_on_has_no_report_yet(tmp_path: Path) -> None:
    """The message says what to do."""
    folder = make_study(tmp_path, ARMS)
    (folder / "effects.json").unlink()

    with pytest.raises(UsageError, match="go on with the study"):
        study_report(folder)


@pytest.mark.parametrize("name", ["effects.json", "table.json", "rounds.csv"])
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    """As a mistake of the folder, not of ours."""
    folder = make_study(tmp_path, ARMS)
    (folder / name).write_text("outcome,arm\n1,2\n")

    with pytest.raises(UsageError, match="is no study's folder"):
        study_report(folder)


# -- the command


def test_the_command_tells_a_study_from_a_run(tmp_path: Path) -> None:
    """Each gets its page in its folder, or where it is wanted."""
    study = make_study(tmp_path, ARMS)
    run, out = study / "runs" / "even-1", tmp_path / "page.html"
    for folder in (study, run):
        done = CliRunner().invoke(commands, ["report", str(folder)])
        assert done.exit_code == 0, done.output
    CliRunner().invoke(commands, ["report", str(run), "--out", str(out)])

    assert "study report" in (study / "report.html").read_text()
    assert "run report" in (run / "report.html").read_text()
    assert out.read_bytes() == (run / "report.html").read_bytes()


def test_a_page_is_written_at_once_or_not_at_all(tmp_path: Path) -> None:
    """What was there stays until the new one is whole; no draft is left."""
    folder = make_study(tmp_path, ARMS) / "runs" / "even-1"
    before = {path.name for path in folder.iterdir()}
    CliRunner().invoke(commands, ["report", str(folder)])
    CliRunner().invoke(commands, ["report", str(folder)])

    assert {path.name for path in folder.iterdir()} == before | {"report.html"}
