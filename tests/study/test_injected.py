"""Outcomes of a run with an adversary and of its twin are those of the same seats."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubbub.errors import UsageError
from hubbub.folder import Origin, RunFolder
from hubbub.kin import find_twin
from hubbub.messages import Message
from hubbub.study.file import Outcome
from hubbub.study.outcomes import Observed, bind

from ..measures.telling import infiltrated
from ..report.filing import file_run


def forked(path: Path, messages: list[Message], source: str) -> RunFolder:
    """A run in *path* that is a fork of the run called *source*."""
    folder = file_run(path, messages)
    origin = Origin(run=source, seq=1, hash="")
    folder.save(msgspec.structs.replace(folder.manifest, origin=origin))
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Observed, Observed]:
    """A run with an adversary, and the fork without it."""
    messages = (infiltrated(comes=comes).messages for comes in (True, False))
    present = file_run(tmp_path / "present", next(messages))
    return Observed(present), Observed(
        forked(tmp_path / "absent", next(messages), present.run)
    )


def read(run: Observed, source: str, **options: Any) -> float | None:
    """The number of *run* from *source*, the last one of a series."""
    series = source in ("others", "spill-over")
    outcome = Outcome(
        name="it", source=source, options=options, reduce="last" if series else None
    )
    return bind(outcome, Path.cwd()).read(run)[0]


def test_the_others_are_the_same_in_both(pair: tuple[Observed, Observed]) -> None:
    """All but A, whom the run with the adversary names."""
    found = [read(run, "others", outcome="belief") for run in pair]

    assert found == [pytest.approx(0.3), pytest.approx(0.15)]


def test_spill_over_is_of_who_was_reached_in_the_one(
    pair: tuple[Observed, Observed],
) -> None:
    """B at distance 1 and C unreached, in the twin too, where nobody is an adversary."""
    near = [read(run, "spill-over", outcome="belief", distance=1) for run in pair]
    far = [
        read(run, "spill-over", outcome="belief", distance="unreached") for run in pair
    ]

    assert near == [0.5, 0.2]
    assert far == [0.1, 0.1]
    assert read(pair[0], "spill-over", outcome="belief", distance=2) is None


def test_slopes_differ_by_that_of_the_difference(
    pair: tuple[Observed, Observed],
) -> None:
    """On the exposures of the one: 0.5 and 0.1 there, 0.2 and 0.1 in its twin."""
    slopes = [read(run, "dose-response", outcome="belief") for run in pair]

    assert slopes == [pytest.approx(0.4), pytest.approx(0.1)]


def test_exposures_and_carriers_are_a_runs_own(pair: tuple[Observed, Observed]) -> None:
    """One of B and C was exposed once, and none of them has said it."""
    assert [read(run, "exposures") for run in pair] == [0.5, 0.0]
    assert [read(run, "carriers", text="it is so") for run in pair] == [0.0, 0.0]
    assert read(pair[0], "carriers", text="hello") == 0.0


def test_a_run_without_a_twin_is_its_own(tmp_path: Path) -> None:
    """What can be said of it alone is said."""
    alone = Observed(file_run(tmp_path / "alone", infiltrated(comes=True).messages))

    assert read(alone, "others", outcome="belief") == pytest.approx(0.3)
    assert find_twin(alone.folder) is None


def test_of_several_forks_none_is_guessed(
    tmp_path: Path, pair: tuple[Observed, Observed]
) -> None:
    """They are named; each fork knows its source."""
    present, absent = pair
    forked(tmp_path / "again", list(absent.messages), present.folder.run)

    source = find_twin(absent.folder)
    assert source is not None
    assert source.path == present.folder.path
    with pytest.raises(UsageError, match="has 2 forks"):
        find_twin(present.folder)
