"""A slice of ``python -m tests.fuzz``: what reads what others wrote does not crash."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.models.prices import read_prices
from hubbub.personas import read_spec
from hubbub.population import read_population
from hubbub.study.file import read_study

from .fuzz import fuzz
from .targets import TARGETS, Target

#: Things to read for each target: some tenths of a second.
EXAMPLES = 60


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_read_is_read_or_refused(name: str) -> None:
    """By the errors that the documentation names, and by no other."""
    fuzz(TARGETS[name], EXAMPLES, 1)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_whole_is_read(name: str) -> None:
    """Else only refusals would be tried."""
    target = TARGETS[name]
    for sample in target.samples:
        try:
            target.read(sample)
        except target.raises:
            # A few targets have samples that one of their readers is not for.
            assert name in ("reply", "answer")


def test_a_reader_that_crashes_is_found() -> None:
    """One that knows some of the errors of what it uses, and not all of them."""
    careless = Target(json.loads, (json.JSONDecodeError,), (b'{"text":"a"}', b"[1, 2]"))

    with pytest.raises((UnicodeDecodeError, RecursionError, ValueError)) as found:
        fuzz(careless, 2_000, 1)

    assert not isinstance(found.value, json.JSONDecodeError)


@pytest.mark.parametrize("read", [read_population, read_study, read_spec, read_prices])
def test_a_number_can_be_too_long(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    """Python reads no number of 5,000 digits, and does not call it a fault of TOML."""
    path = tmp_path / "a.toml"
    path.write_text("seed = " + "9" * 5_000)

    with pytest.raises(UsageError, match="digits"):
        read(path)
