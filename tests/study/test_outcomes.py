"""What a finished run comes to, as one number, and what is missing stays missing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import BadPopulation, UnknownName
from hubbub.folder import RunFolder
from hubbub.measures.tables import measure
from hubbub.registry import load_outcome, outcomes
from hubbub.study.file import Outcome
from hubbub.study.outcomes import Observed, Value, bind, reduce, results
from hubbub.study.shipped import complete_share

from .making import study, write

VALUES = st.dictionaries(
    st.integers(1, 50), st.none() | st.floats(-1e6, 1e6), max_size=12
)

GAMES = """
scenario = "sentence-construction"
replicates = 1
jobs = 2

[arms.written]
parameters = { arm = "individual", sets = 2, answers = 3 }
options = { slips = 0.5 }
mind = "writer"
agents = 1

[[outcomes]]
name = "valid"
source = "valid-sentences"
"""

POISON = """
scenario = "poisoning"
replicates = 1
parameters = { malicious = "M1", arm = "frequent", rounds = 2 }

[arms.poisoned]
seats = [
    { count = 8, mind = "conditional" },
    { prefix = "M", count = 1, mind = "free-rider" },
]

[[outcomes]]
name = "gift"
source = "gift"
reduce = "mean"
"""


def of(source: str, **said: Any) -> Outcome:
    """An outcome from *source*."""
    return Outcome(name="it", source=source, **said)


def read(run: Observed, source: str, **said: Any) -> Value:
    """The number of *run* from *source*."""
    return bind(of(source, **said), Path.cwd()).read(run)[0]


@pytest.fixture(scope="session")
def party(whole: Path) -> Observed:
    """A party of four over six rounds."""
    return Observed(RunFolder(whole / "runs" / "uniform-1"))


@pytest.fixture(scope="session")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """One writer, who forgets a word in every second sentence."""
    folder = tmp_path_factory.mktemp("writing")
    code, _, err = study(folder, write(folder, GAMES))
    assert code == 0, err
    return Observed(RunFolder(folder / "studies/small/runs/written-1"))


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """A chain of conditional players that begins with a free rider."""
    folder = tmp_path_factory.mktemp("poisoned")
    code, _, err = study(folder, write(folder, POISON))
    assert code == 0, err
    return Observed(RunFolder(folder / "studies/small/runs/poisoned-1"))


# -- what is reduced


@given(values=VALUES)
def test_a_mean_is_of_what_there_is(values: dict[int, float | None]) -> None:
    """And a sum only of all of it."""
    known = [v for _, v in sorted(values.items()) if v is not None]
    whole = known and len(known) == len(values)

    assert reduce(values, "sum") == (pytest.approx(sum(known)) if whole else None)
    wanted = pytest.approx(sum(known) / len(known)) if known else None
    assert reduce(values, "mean") == wanted


def test_a_slope_is_per_place() -> None:
    """With a hole in it; one value has none."""
    assert reduce({1: 1.0, 2: None, 3: 5.0, 5: 9.0}, "slope") == pytest.approx(2.0)
    assert reduce({1: 1.0, 2: None}, "slope") is None


def test_the_last_may_be_missing() -> None:
    """Then there is none, and not the one before it."""
    assert reduce({2: 1.0, 1: 3.0}, "first") == 3.0
    assert reduce({2: None, 1: 3.0}, "last") is None
    assert reduce({}, "last") is None


# -- what is registered


def test_every_registered_outcome_is_there() -> None:
    """Under its name."""
    assert all(callable(load_outcome(name)) for name in outcomes())


def test_the_ratios_are_those_of_the_measures(party: Observed) -> None:
    """Slope and mean of both, as `hubbub.measures` has them."""
    values = measure(party.messages).values
    for name in ("invitation", "conversation"):
        wanted = [
            v.value for v in values if v.measure == f"distinct_{name}_total" and v.round
        ]
        assert wanted == []  # Six rounds have no window of ten.
        assert read(party, f"distinct-{name}", reduce="mean") is None
        (whole,) = [
            v.value
            for v in values
            if v.measure == f"distinct_{name}_total" and not v.round
        ]
        six = {"window": 6}
        found = read(party, f"distinct-{name}", reduce="last", options=six)
        assert found == pytest.approx(whole)


def test_contacts_are_any_measure_of_them(party: Observed) -> None:
    """By its name; a misspelt one gets a suggestion."""
    options = {"measure": "invitation_reciprocity", "window": 6}
    found = read(party, "contacts", reduce="mean", options=options)

    assert found is not None
    assert 0 <= found <= 1
    with pytest.raises(UnknownName, match="did you mean 'invitation_reciprocity'"):
        read(party, "contacts", reduce="mean", options={"measure": "reciprocity"})


def test_distances_are_of_a_named_embedder(party: Observed) -> None:
    """Letters by default; the option is there to be recorded."""
    bound = bind(
        of("pair-distance", reduce="mean", options={"tight": False, "window": 3}),
        Path.cwd(),
    )
    found, series = bound.read(party)

    assert bound.options["embedder"] == "hashed/ngrams"
    assert found is not None
    assert 0 < found < 1
    assert sorted(series) == [3, 4, 5, 6]


def test_completeness_is_what_was_meant() -> None:
    """Answered or passed, of all asks and turns; of nothing there is none."""
    assert complete_share({"answered": 6, "passed": 2, "late": 2}) == 0.8
    assert complete_share({}) is None


def test_sentences_are_valid_or_not(writing: Observed) -> None:
    """The share is that of pages without faults, the variance that of valid ones."""
    pages = writing.results("page")
    faults = [fault for page in pages for fault in page["faults"]]
    share = read(writing, "valid-sentences")

    assert len(pages) == 2 * 3
    assert share is not None
    assert share == faults.count("") / len(faults)
    assert 0.2 < share < 0.8
    both = [
        read(writing, "sentence-variance", options={"over": o}) for o in ("mean", "all")
    ]
    assert all(value is not None and 0 < value < 1 for value in both)


def test_a_poisoned_chain_is_as_by_hand(poisoned: Observed) -> None:
    """A conditional player gives all, meets nothing, and gives nothing."""
    first, second = (
        read(poisoned, "infection", options={"order": order}) for order in (1, 2)
    )

    assert (first, second) == (-100.0, -100.0)
    assert read(poisoned, "infection", options={"order": 7}) is None
    # Three games: (0, 100), (0, 100), (0, 100).
    assert read(poisoned, "gift", reduce="mean") == 50.0


# -- results


def test_any_result_is_an_outcome(poisoned: Observed) -> None:
    """By its name and field; a field that is not there is missing."""
    assert read(poisoned, "result:infection.change", reduce="sum") == -200.0
    assert read(poisoned, "result:infection.order", reduce="last") == 2.0
    assert results(poisoned, "infection.none.such") == {1: None, 2: None}
    assert read(poisoned, "result:nothing", reduce="mean") is None


def test_a_result_that_is_no_number_is_said(poisoned: Observed) -> None:
    """Nothing is guessed from it."""
    with pytest.raises(BadPopulation, match="is no number"):
        read(poisoned, "result:game.gave", reduce="mean")


# -- outcomes of one's own


def test_a_function_in_a_file_is_an_outcome(party: Observed, tmp_path: Path) -> None:
    """With options of its own, which are checked by its annotations."""
    (tmp_path / "own.py").write_text(
        "def long(run, words: int = 3):\n"
        "    says = [m for m in run.messages if m.kind == 'say']\n"
        "    return sum(len(m.body.text.split()) > words for m in says) / len(says)\n"
    )
    bound = bind(of("own.py", options={"words": 4}), tmp_path)
    found = bound.read(party)[0]

    assert bound.options == {"words": 4}
    assert found is not None
    assert 0 < found <= 1
    with pytest.raises(BadPopulation, match="option words"):
        bind(of("own.py:long", options={"words": "many"}), tmp_path)


def test_a_number_is_not_reduced(party: Observed) -> None:
    """And what is no series has no rounds."""
    for said in ({"reduce": "mean"}, {"repeated": True}):
        with pytest.raises(BadPopulation, match="is one number a run"):
            read(party, "completeness", **said)
