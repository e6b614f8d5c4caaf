"""The page on measures has all measures, tables and settings, and no others."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hubbub.measures.curves import Settings
from hubbub.measures.pairs import Vectors
from hubbub.measures.rows import TABLES
from hubbub.measures.tables import measure

from .hosting import party

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"


def first_column(heading: str) -> Iterator[str]:
    """The names in code in the first column of the table called *heading*."""
    lines = PAGE.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        yield from line.split("|")[1].replace("`", " ").replace(",", " ").split()


def test_every_measure_is_defined() -> None:
    """Whatever a party is measured by stands in the table."""
    guests = party("abc", ["ab!"], ["bc!"], ["ca!"])
    vectors = Vectors("planted", {"hello": np.ones(1)})
    found = measure(guests, settings=Settings(window=2, draws=39), vectors=vectors)
    names = {row.measure.removesuffix(".slope") for row in found.values}

    assert set(first_column("measure")) == names


def test_every_null_is_defined() -> None:
    """With what it draws and what it keeps."""
    assert list(first_column("null")) == ["uniform", "shuffled", "words"]


def test_every_table_is_there() -> None:
    """In its order."""
    assert tuple(first_column("table")) == TABLES


def test_every_setting_is_there() -> None:
    """In its order."""
    assert tuple(first_column("setting")) == Settings.__struct_fields__
