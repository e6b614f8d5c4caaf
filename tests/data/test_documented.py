"""The page on data has every table and column, and no others."""

from inspect import getdoc
from pathlib import Path

from hubbub.data.columns import Column, StudyIds, columns
from hubbub.data.tables import ROW_OF

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def section(name: str) -> list[str]:
    """What the page has to say about the table called *name*."""
    row = ROW_OF[name]
    return [
        f"### {name}",
        "",
        f"A row is {(getdoc(row) or '')[0].lower()}{(getdoc(row) or '')[1:]}",
        "",
        f"| column of {name} | type | unit | meaning |",
        "|---|---|---|---|",
        *map(line, columns(row)),
    ]


def line(column: Column) -> str:
    """What the page has to say about *column*."""
    null = " or null" if column.null else ""
    return (
        f"| `{column.name}` | {column.type}{null} | {column.unit} | {column.meaning} |"
    )


def test_every_table_is_defined() -> None:
    """By what its row is, and by each column's type, unit and meaning."""
    page = PAGE.read_text()
    for name in ROW_OF:
        text = "\n".join(section(name))
        assert f"{text}\n\n" in f"{page}\n", f"docs/data.md should say:\n{text}"


def test_no_other_column_is_defined() -> None:
    """Nor table."""
    lines = PAGE.read_text().splitlines()
    known = {text for name in ROW_OF for text in section(name)}
    known |= {line(column) for column in columns(StudyIds)}
    typed = ("int64", "float64", "bool", "string", "json")

    for text in lines:
        if text.startswith("| `") and text.split("|")[2].strip().startswith(typed):
            assert text in known, text
