"""What a study file means, and what it cannot."""

from pathlib import Path

import pytest

from hubbub.cohort import Persona, as_json, seal
from hubbub.errors import BadPopulation, UnknownName
from hubbub.study.design import Looks
from hubbub.study.plan import Plan, Run

from .making import SMALL, plan_of, write

CROSSED = """
scenario = "sentence-construction"
replicates = 2
parameters = { sets = 1 }
options = { slips = 0.1 }

[prior.steady]
options = { sway = 0.0 }
[prior.swayed]
options = { sway = 1.0 }

[context.fresh]
parameters = { arm = "fresh" }
[context.party]
parameters = { arm = "collective", rounds = 3 }
agents = 6

[[outcomes]]
name = "variance"
source = "sentence-variance"
"""

ROOM = """
scenario = "open-room"
replicates = 4
solitary = true

[[seats]]
names = ["ann", "bob"]
mind = "uniform"

[[seats]]
prefix = "C"
count = 1
mind = "reinforcement"

[arms.only]

[[outcomes]]
name = "completeness"
source = "completeness"
"""


def arm(plan: Plan, name: str) -> Run:
    """The first run of the arm *name*."""
    return next(run for run in plan.runs(1) if run.arm.name == name)


def test_an_arm_has_what_it_says_and_the_rest_of_the_base(tmp_path: Path) -> None:
    """Parameters and options are added to, a mind takes the other's place."""
    plan = plan_of(tmp_path, CROSSED)
    population = plan.cast(arm(plan, "swayed/party")).population

    assert population.parameters == {"sets": 1, "arm": "collective", "rounds": 3}
    assert population.seats[0].options == {"slips": 0.1, "sway": 1.0}
    assert population.seats[0].count == 6


def test_crossed_factors_make_their_product(tmp_path: Path) -> None:
    """Two priors in two contexts are four arms, compared with none."""
    plan = plan_of(tmp_path, CROSSED)

    names = ["steady/fresh", "steady/party", "swayed/fresh", "swayed/party"]
    assert [arm.name for arm in plan.arms] == names
    assert (plan.arms[1].prior, plan.arms[1].context) == ("steady", "party")
    assert plan.compare == ()


def test_the_seeds_of_a_replicate_are_those_of_all_arms(tmp_path: Path) -> None:
    """Paired by seed over arms, and another one in each replicate and study."""
    plan = plan_of(tmp_path)
    seeds = [plan.cast(run).population.seed for run in plan.runs(3)]
    other = plan_of(tmp_path, SMALL.replace("seed = 3", "seed = 4"))

    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 3
    assert plan.seed(1) != other.seed(1)


def test_runs_go_replicate_by_replicate(tmp_path: Path) -> None:
    """So that whatever is there is balanced over arms."""
    names = [run.name for run in plan_of(tmp_path).runs(2)]

    assert names == ["uniform-1", "reinforcement-1", "uniform-2", "reinforcement-2"]


def test_a_solitary_seat_is_another_in_each_replicate(tmp_path: Path) -> None:
    """All have their turn; each keeps its name and its mind."""
    plan = plan_of(tmp_path, ROOM)
    alone = [run for run in plan.runs(4) if run.arm.solitary]
    seats = [plan.cast(run).population.seats for run in alone]

    assert alone[0].arm.name == "only/solitary"
    assert [names[0].seats()[0] for names in seats] == ["ann", "bob", "C1", "ann"]
    assert [groups[0].mind for groups in seats[1:3]] == ["uniform", "reinforcement"]
    assert [compare.arms for compare in plan.compare] == [("only/solitary", "only")]


def test_a_solitary_seat_keeps_its_persona(tmp_path: Path) -> None:
    """The one that it has among others."""
    personas = tuple(Persona(text=f"You are number {i}.") for i in range(4))
    (tmp_path / "four.json").write_bytes(as_json(seal(personas)))
    groups = "seats = [{ count = 3, cohort = 'four.json', cohort_from = 1 }]\n"
    text = ROOM[ROOM.index("[arms.only]") :]
    head = "scenario = 'open-room'\nreplicates = 3\nsolitary = true\n"
    plan = plan_of(tmp_path, head + groups + text)
    alone = [plan.cast(run) for run in plan.runs(3) if run.arm.solitary]

    assert [cast.part(cast.names[0]).persona for cast in alone] == [
        persona.text for persona in personas[1:]
    ]


def test_a_scenarios_own_individual_arm_is_the_solitary_one(tmp_path: Path) -> None:
    """It knows best what being alone means in it."""
    plan = plan_of(tmp_path, "solitary = true\n" + CROSSED)
    population = plan.cast(arm(plan, "steady/fresh/solitary")).population

    assert population.parameters["arm"] == "individual"
    assert len(plan.arms) == 8
    assert len(plan.compare) == 4


def test_nobody_is_at_a_party_alone(tmp_path: Path) -> None:
    """Where a scenario needs company there is no solitary arm."""
    with pytest.raises(
        BadPopulation, match="has no arm individual: leave solitary out"
    ):
        plan_of(tmp_path, "solitary = true\n" + SMALL)


def test_a_population_file_is_a_base(tmp_path: Path) -> None:
    """Its groups stay, and an arm changes all of them."""
    write(
        tmp_path,
        'scenario = "open-room"\nseats = [{ names = ["ann", "bob"] }, { count = 2 }]',
        "room.toml",
    )
    text = ROOM[ROOM.index("[arms.only]") :] + "[arms.other]\nmind = 'uniform'\n"
    plan = plan_of(tmp_path, "population = 'room.toml'\nreplicates = 1\n" + text)
    seats = plan.cast(arm(plan, "other")).population.seats

    assert [group.mind for group in seats] == ["uniform", "uniform"]
    assert plan.cast(arm(plan, "only")).names == ("ann", "bob", "L1", "L2")


def test_without_compare_every_arm_is_compared_with_the_first(tmp_path: Path) -> None:
    """The first is the control."""
    plan = plan_of(tmp_path, SMALL + "\n[arms.third]\nmind = 'uniform'\n")

    pairs = [("uniform", "reinforcement"), ("uniform", "third")]
    assert [compare.arms for compare in plan.compare] == pairs
    assert all(compare.paired for compare in plan.compare)


def test_a_stop_rule_says_how_many(tmp_path: Path) -> None:
    """Its looks share the false alarms of the declared level."""
    rule = "[stop]\ntype = 'looks'\nat = [4, 8]\n"
    plan = plan_of(tmp_path, SMALL.replace("replicates = 3", "") + rule)

    assert isinstance(plan.study.stop, Looks)
    assert plan.study.most == 8
    assert plan.study.tested == pytest.approx(0.975)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("seed = 3", "sede = 3", "unknown key in .*sede.*did you mean 'seed'"),
        ('mind = "uni', 'midn = "uni', "did you mean 'mind'"),
        ('reduce = "mean"', 'redcue = "mean"', "did you mean 'reduce'"),
        ("agents = 4", "parameters.ruonds = 4\n#", "did you mean 'rounds'"),
        ('"uniform"', '"unifrom"', "did you mean 'uniform'"),
        ("distinct-inv", "distict-inv", "did you mean 'distinct-invitation'"),
        ("window = 3", "windo = 3", "did you mean 'window'"),
    ],
)
def test_what_is_misspelt_gets_a_suggestion(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    """A key that means nothing is not passed over."""
    text = SMALL.replace("parameters = { rounds = 6 }\n", "") if "#" in new else SMALL
    with pytest.raises(UnknownName, match=why):
        plan_of(tmp_path, text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("replicates = 3", "", "replicates, or a \\[stop\\]"),
        ('scenario = "cocktail-party"', "", "a scenario or a population"),
        ("[arms.uniform]", "[prior.uniform]", "or \\[prior.NAME\\]"),
        ('"completeness"', '"ratio"', "the same name"),
        ('name = "ratio"', 'name = "=1+1"', "is no name"),
        ("[arms.uniform]", '[arms."a/b"]', "'a/b' is no name"),
        ('reduce = "mean"', "", "say how to make one number"),
        ("agents = 4", "agents = 1", "arm uniform: cocktail-party is played by 2"),
        ("window = 3", "window = 0", "option window"),
        ("agents = 4", 'stop = { type = "never" }', "a stop has a type"),
        ("replicates = 3", "replicates = 0", "replicates"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    """Before anything is run, with what would make sense."""
    with pytest.raises(BadPopulation, match=why):
        plan_of(tmp_path, SMALL.replace(old, new, 1))


def test_a_comparison_names_arms_that_there_are(tmp_path: Path) -> None:
    """A misspelt one gets a suggestion."""
    with pytest.raises(UnknownName, match="did you mean 'uniform'"):
        plan_of(tmp_path, SMALL + '[[compare]]\narms = ["unifom", "reinforcement"]')
