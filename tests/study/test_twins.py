"""Twins: each run of an arm against the same run without what was injected."""

import json
import signal
from pathlib import Path

import msgspec
import pytest

from hubbub.errors import BadPopulation, RunExists
from hubbub.folder import RunFolder
from hubbub.study.analysis import Effects
from hubbub.study.folder import StudyFolder, check_same
from hubbub.study.plan import Run

from .making import finish, plan_of, start, study, wait_until, write

TURNED = """
scenario = "public-goods"
seed = 3
replicates = 2
twins = true
agents = 4
mind = "conditional"
parameters = { rounds = 4 }

[arms.plain]
[arms.turned]
inject = [{ surface = "compromise", mind = "flip", at = "round:2" }]

[[outcomes]]
name = "gift"
source = "gift"
reduce = "mean"
"""
CROSSED = """
[prior.plain]
[context.calm]
[context.turned]
inject = [{ surface = "compromise", mind = "flip" }]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study, which was killed on the way and went on."""
    folder = tmp_path_factory.mktemp("twins")
    file, runs = write(folder, TURNED), folder / "studies" / "small" / "runs"
    process = start(folder, file, "--jobs", "1", "--json")
    forked = runs / "turned.twin-1" / "manifest.json"
    wait_until(process, forked.exists)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    code, _, err = study(folder, file)
    assert code == 0, err
    return runs.parent


def test_a_run_of_a_twin_is_a_fork(made: Path) -> None:
    """It shares the past of its arm's run with the same number, and no more."""
    for number in (1, 2):
        parent = RunFolder(made / "runs" / f"turned-{number}")
        twin = RunFolder(made / "runs" / f"turned.twin-{number}")
        origin, at = twin.manifest.origin, twin.shared
        assert origin is not None
        ours, theirs = (f.log.read_bytes().splitlines() for f in (twin, parent))

        assert (origin.run, origin.without) == (parent.run, ("i1",))
        assert ours[:at] == theirs[:at]
        assert json.loads(ours[at - 1])["body"]["round"] == 2
        assert ours[at] != theirs[at]


def test_twins_are_compared_in_pairs(made: Path) -> None:
    """What the injection did is the arm less its twin; an arm without has none."""
    effects = msgspec.json.decode((made / "effects.json").read_bytes(), type=Effects)
    found = {(c.first, c.second): c.contrast for c in effects.comparisons}
    contrast = found["turned/twin", "turned"]

    assert [arm.arm for arm in effects.arms] == ["plain", "turned", "turned/twin"]
    assert list(found) == [("plain", "turned"), ("turned/twin", "turned")]
    assert contrast is not None
    assert contrast.paired
    assert contrast.difference.value < 0
    means = {m.arm: m.mean.value for m in effects.means if m.mean}
    assert means["turned/twin"] == means["plain"]


def test_a_twin_of_another_run_is_refused(made: Path, tmp_path: Path) -> None:
    """One whose source was deleted, or made anew, is no twin any more."""
    plan, folder = plan_of(tmp_path, TURNED), StudyFolder(made)
    check_same(plan, folder, plan.runs(2))
    aside = (made / "runs" / "turned-2").rename(made / "runs" / "aside")
    try:
        with pytest.raises(RunExists, match="is no fork of"):
            check_same(plan, folder, plan.runs(2))
    finally:
        aside.rename(made / "runs" / "turned-2")


def test_every_arm_that_injects_has_a_twin(tmp_path: Path) -> None:
    """Also where arms are crossed; whatever is alone is not injected into."""
    text = TURNED[: TURNED.index("[arms.")] + CROSSED + TURNED[TURNED.index("[[out") :]
    plan = plan_of(tmp_path, text)

    names = ["plain/calm", "plain/turned", "plain/turned/twin"]
    assert [arm.name for arm in plan.arms] == names
    assert [c.arms for c in plan.compare] == [("plain/turned/twin", "plain/turned")]
    source = Run(plan.arms[2], 2).source
    assert source is not None
    assert (source.name, Run(plan.arms[1], 2).source) == ("plain.turned-2", None)


def test_twins_of_nothing_are_refused(tmp_path: Path) -> None:
    """Where no arm injects anything there is nothing to be without."""
    text = TURNED.replace("inject", "# inject")
    with pytest.raises(BadPopulation, match="no arm injects anything"):
        plan_of(tmp_path, text)
