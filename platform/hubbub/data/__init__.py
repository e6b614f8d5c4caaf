"""
A run as data: tables, files of them, and a network, all folded from its record.

`open_run` gives them to a program, `hubbub.data.export.export` writes them to files.
What a column means is said in `rows`.  Parquet, CSV and Arrow need the extra ``data``.
"""

from hubbub.data.run import Run, open_run

__all__ = ["Run", "open_run"]
