"""What a study finds in runs, and what it does not make up."""

from pathlib import Path

import msgspec
import pytest

from hubbub.study.analysis import Comparison, Effects, analyse
from hubbub.study.table import rows

from .making import SMALL, plan_of, seen
from .test_plan import CROSSED

VALUES = {"uniform": (0.6, 0.7, 0.5, 0.6), "reinforcement": (0.2, 0.4, 0.3, 0.1)}


def first(effects: Effects) -> Comparison:
    """The comparison of the primary outcome."""
    return effects.comparisons[0]


def found(
    tmp_path: Path,
    text: str = SMALL,
    *,
    missing: int = 0,
    incomplete: bool = False,
    units: int = 4,
) -> Effects:
    """What is found in four runs an arm; *missing* is a replicate without a value."""
    plan = plan_of(tmp_path, text)
    runs = [
        seen(
            plan,
            arm,
            number,
            None if arm == "uniform" and number == missing else value,
            series={1: value, 2: value + 0.01 * number},
            outcomes={"answered": 8, "late": 2 * (incomplete and arm == "uniform")},
        )
        for arm, values in VALUES.items()
        for number, value in enumerate(values, 1)
    ]
    return analyse(plan, runs, units)


def test_a_difference_is_that_of_pairs(tmp_path: Path) -> None:
    """The mean of the second less the first, replicate by replicate."""
    contrast = first(found(tmp_path)).contrast

    assert contrast is not None
    assert contrast.paired
    assert contrast.difference.value == pytest.approx(-0.35)
    assert contrast.difference.units == (4,)


def test_a_missing_value_takes_its_pair_with_it(tmp_path: Path) -> None:
    """Nothing is put in its place, and it is counted."""
    effects = found(tmp_path, missing=2)
    contrast = first(effects).contrast

    assert contrast is not None
    assert contrast.difference.units == (3,)
    assert effects.means[0].missing == 1
    assert effects.means[0].mean is not None
    assert effects.means[0].mean.value == pytest.approx((0.6 + 0.5 + 0.6) / 3)


def test_unpaired_arms_keep_all_they_have(tmp_path: Path) -> None:
    """Where the comparison is declared so."""
    compare = '[[compare]]\narms = ["uniform", "reinforcement"]\npaired = false\n'
    contrast = first(found(tmp_path, SMALL + compare, missing=2)).contrast

    assert contrast is not None
    assert contrast.difference.units == (3, 4)


def test_an_incomplete_arm_is_not_compared(tmp_path: Path) -> None:
    """Below its declared completeness it is unusable, and that is said."""
    effects = found(tmp_path, incomplete=True)

    assert [arm.usable for arm in effects.arms] == [False, True]
    assert first(effects).contrast is None
    assert first(effects).why == ("uniform is unusable: 80.0% complete, 95.0% declared")


def test_a_lower_completeness_may_be_declared(tmp_path: Path) -> None:
    """For one arm, or for all."""
    text = SMALL.replace("[arms.uniform]", "[arms.uniform]\ncomplete = 0.8")
    effects = found(tmp_path, text, incomplete=True)

    assert all(arm.usable for arm in effects.arms)
    assert first(effects).contrast is not None


def test_unusable_is_in_the_table(tmp_path: Path) -> None:
    """In every row of the arm."""
    plan = plan_of(tmp_path)
    runs = [
        seen(plan, "uniform", 1, 0.5, outcomes={"answered": 1, "crashed": 1}),
        seen(plan, "reinforcement", 1, 0.5),
    ]
    table = rows(plan, runs)

    assert [row.usable for row in table] == [False, False, True, True]
    assert table[0].completeness == 0.5


@pytest.mark.parametrize(
    ("correction", "times"), [("holm", 2), ("benjamini-hochberg", 1), ("none", 1)]
)
def test_p_is_corrected_for_all_tests(
    tmp_path: Path, correction: str, times: int
) -> None:
    """Two outcomes with the same p of 2 / 16."""
    effects = found(tmp_path, f'correction = "{correction}"\n' + SMALL)

    assert [c.contrast and c.contrast.p for c in effects.comparisons] == [0.125, 0.125]
    assert [c.p for c in effects.comparisons] == [0.125 * times] * 2


def test_power_is_for_the_planned_effect(tmp_path: Path) -> None:
    """With as many populations as there are."""
    compare = '[[compare]]\narms = ["uniform", "reinforcement"]\neffect = 2.0\n'
    planned = first(found(tmp_path, SMALL + compare))

    assert planned.power is not None
    assert 0.5 < planned.power < 0.9
    assert first(found(tmp_path)).power is None


def test_a_repeated_outcome_has_slopes(tmp_path: Path) -> None:
    """Of its rounds, by the mixed model; the other outcome has none."""
    ratio, completeness = found(tmp_path).comparisons

    assert ratio.rounds is not None
    assert ratio.rounds.values == 4 * 2 * 2
    assert completeness.rounds is None


def test_looks_stop_when_it_is_significant(tmp_path: Path) -> None:
    """A p of 2 / 16 is not, at a look whose share of 5 % is 2.5 %."""
    rule = "[stop]\ntype = 'looks'\nat = [4, 8]\n"
    effects = found(tmp_path, SMALL.replace("replicates = 3", "") + rule)

    assert effects.level == pytest.approx(0.975)
    assert not effects.stopped


def test_a_precise_study_stops_at_its_width(tmp_path: Path) -> None:
    """Of the primary outcome's interval."""
    text = SMALL.replace("replicates = 3", "") + "[stop]\ntype = 'precise'\nleast = 4\n"

    assert found(tmp_path, text + "width = 1.0\n").stopped
    assert not found(tmp_path, text + "width = 0.01\n").stopped


def test_only_the_replicates_of_a_look_count(tmp_path: Path) -> None:
    """Runs that are there already do not decide an earlier look."""
    assert first(found(tmp_path, units=2)).contrast is not None
    assert found(tmp_path, units=2).arms[0].runs == 2


def test_crossed_arms_are_decomposed(tmp_path: Path) -> None:
    """A prior that makes all the difference has nearly all of the variance."""
    plan = plan_of(tmp_path, CROSSED)
    runs = [
        seen(plan, arm.name, number, (arm.prior == "swayed") + 0.01 * number)
        for arm in plan.arms
        for number in (1, 2)
    ]
    (shared,) = analyse(plan, runs, 2).shares

    assert shared.decomposition is not None
    assert shared.decomposition.parts[0].source == "prior"
    assert shared.decomposition.parts[0].share > 0.95
    (why,) = analyse(plan, runs, 1).shares
    assert "has not two populations" in why.why


def test_an_analysis_is_the_same_bytes_again(tmp_path: Path) -> None:
    """Whatever is drawn is drawn from the study's seed."""
    one, two = (msgspec.json.encode(found(tmp_path)) for _ in range(2))

    assert one == two
