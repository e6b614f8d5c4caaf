"""The files open in what people use, and hold what was written."""

import csv
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from hubbub.data import open_run
from hubbub.data.columns import Ids, columns
from hubbub.data.export import Exported, export
from hubbub.data.rows import MessageRow
from hubbub.data.tables import ROW_OF, TABLES
from hubbub.text import visible

from .recording import HOSTILE, hostile_talk, random_run, written

#: What a table's values are in DuckDB.
_DUCKDB = {
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "json": "VARCHAR",
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A random game with everything in it, as Parquet and as CSV."""
    folder = random_run(tmp_path_factory.mktemp("data") / "run", 4)
    return export(folder.path, formats=["parquet", "csv"], exposures=True)


def query(sql: str) -> duckdb.DuckDBPyRelation:
    """What DuckDB makes of *sql*."""
    found = duckdb.sql(sql)
    assert found is not None
    return found


def plain(run: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table straight from the record."""
    found: list[dict[str, Any]] = open_run(run).table(name).to_pylist()
    return found


@pytest.mark.parametrize("name", TABLES)
def test_polars_reads_what_was_written(exported: Exported, name: str) -> None:
    """To the last value."""
    frame = pl.read_parquet(exported.out / f"{name}.parquet")

    assert frame.to_dicts() == plain(exported.out.parent, name)


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_reads_what_was_written(exported: Exported, name: str) -> None:
    """To the last value, in the types of the dictionary."""
    found = query(f"from '{exported.out / name}.parquet'")
    known = (*columns(Ids), *columns(ROW_OF[name]))

    assert [str(each) for each in found.types] == [_DUCKDB[c.type] for c in known]
    assert [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()] == (
        plain(exported.out.parent, name)
    )


@pytest.mark.parametrize("name", TABLES)
def test_pandas_reads_what_was_written(exported: Exported, name: str) -> None:
    """To the last value that is not missing."""
    frame = pd.read_parquet(exported.out / f"{name}.parquet", dtype_backend="pyarrow")
    found = [
        {key: None if pd.isna(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]

    assert found == plain(exported.out.parent, name)


@pytest.mark.parametrize("name", TABLES)
def test_a_csv_has_the_same_rows(exported: Exported, name: str) -> None:
    """By pandas, polars and DuckDB, and by the book."""
    path, rows = exported.out / f"{name}.csv", exported.dictionary.tables[name].rows
    with path.open(newline="", encoding="utf-8") as file:
        by_the_book = list(csv.DictReader(file))

    assert len(by_the_book) == rows
    assert len(pd.read_csv(path)) == rows
    assert len(pl.read_csv(path, infer_schema=False)) == rows
    assert query(f"select count(*) from read_csv('{path}')").fetchall() == [(rows,)]


def test_numbers_come_back_from_a_csv(exported: Exported) -> None:
    """Only text may be changed."""
    frame = pl.read_csv(exported.out / "outcomes.csv", infer_schema_length=None)
    known = plain(exported.out.parent, "outcomes")
    for name in ("step", "round", "seq", "asked_seq", "tries", "raw_size"):
        assert frame[name].to_list() == [row[name] for row in known]


async def test_hostile_text_is_whole_in_parquet(tmp_path: Path) -> None:
    """Whatever its characters and its length."""
    folder = await written(tmp_path / "run", hostile_talk())
    out = export(folder.path).out
    for texts in (
        pl.read_parquet(out / "messages.parquet")["text"].to_list(),
        pd.read_parquet(out / "messages.parquet")["text"].tolist(),
        [r[0] for r in query(f"select text from '{out}/messages.parquet'").fetchall()],
    ):
        assert [t for t in texts if isinstance(t, str)] == [*HOSTILE]


async def test_hostile_text_is_inert_in_csv(tmp_path: Path) -> None:
    """No cell is a formula and no character is an order; the rest is as it was."""
    folder = await written(tmp_path / "run", hostile_talk())
    out = export(folder.path, formats=["csv"]).out
    csv.field_size_limit(sys.maxsize)
    with (out / "messages.csv").open(newline="", encoding="utf-8") as file:
        said = [row for row in csv.DictReader(file) if row["kind"] == "say"]

    assert [*said[0]] == [
        column.name for column in (*columns(Ids), *columns(MessageRow))
    ]
    for text, row in zip(HOSTILE, said, strict=True):
        cell = row["text"]
        marked = text[:1] in "=+-@\t\r\n\uff1d" and text not in ("", "-17.5e3")
        assert cell == ("'" if marked else "") + visible(text)
        assert not set(cell) & set("\x1b\x07\x00\x7f\x9b\r\u2028\u202e\ufeff")


async def test_programs_read_hostile_csv_alike(tmp_path: Path) -> None:
    """Quotes, commas and line breaks within a text end nothing."""
    folder = await written(tmp_path / "run", hostile_talk())
    path = export(folder.path, formats=["csv"]).out / "messages.csv"
    known = pl.read_csv(path, infer_schema=False).filter(pl.col("kind") == "say")
    frame = pd.read_csv(path, keep_default_na=False)
    table = query(
        f"select text from read_csv('{path}', all_varchar=true, max_line_size=4000000) "
        "where kind = 'say' order by cast(seq as bigint)"
    )

    assert known["text"].to_list() == frame[frame.kind == "say"].text.tolist()
    assert known["text"].to_list() == [row[0] or "" for row in table.fetchall()]
