"""Tables of words and numbers on a terminal."""

from rich import box
from rich.table import Table


def table_of(*columns: str, text: int = 1) -> Table:
    """A table of *columns*, of which the first *text* are words and the rest numbers."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for place, name in enumerate(columns):
        if place < text:
            table.add_column(name, overflow="fold", min_width=12)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    return table


def number(value: float) -> str:
    """*value* with four digits that mean something."""
    return f"{value:.4g}"
