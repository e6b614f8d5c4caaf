"""
Text that a spreadsheet computes and a terminal obeys, made inert for CSV.

Parquet keeps every character; a CSV is opened by programs that take text for orders.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hubbub.text import visible

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_pa: Any = import_module("pyarrow")
_compute: Any = import_module("pyarrow.compute")

#: A cell that begins so may be a formula; the last four are the wide forms.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
#: What may have to be escaped is in texts with anything but this.
_PLAIN = "[^\t\n -~]"


def inert(batch: "RecordBatch") -> "RecordBatch":
    """
    *batch* with its text made harmless.

    A text that begins like a formula, and is no plain number, gets an apostrophe before
    it; control characters but for tabs and line breaks become escapes, like ``\\u001b``.
    """
    found: Any = batch
    columns = [_inert(c) if c.type == _pa.string() else c for c in found.columns]
    made: RecordBatch = _pa.RecordBatch.from_arrays(columns, schema=found.schema)
    return made


def _inert(column: Any) -> Any:
    matches = _compute.match_substring_regex
    formula = _compute.and_not(matches(column, _FORMULA), matches(column, _NUMBER))
    if _compute.any(formula).as_py():
        quoted = _compute.binary_join_element_wise("'", column, "")
        column = _compute.if_else(formula, quoted, column)
    if _compute.any(matches(column, _PLAIN)).as_py():
        texts = [text if text is None else visible(text) for text in column.to_pylist()]
        column = _pa.array(texts, type=_pa.string())
    return column
