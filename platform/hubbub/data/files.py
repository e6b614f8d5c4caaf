"""Files of tables, written a group of rows at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.data.arrow import batch, schema
from hubbub.data.columns import Ids, Row
from hubbub.data.inert import inert

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_csv: Any = import_module("pyarrow.csv")
_parquet: Any = import_module("pyarrow.parquet")


class TableFile(ABC):
    """A file of one table; without rows it still has the columns, and their types."""

    def __init__(self, path: Path, ids: type[Ids], row: type[Row]) -> None:
        # Arrow would take some paths for addresses, and has errors of its own.
        self.file = path.open("wb")
        self.schema = schema(ids, row)

    def write(self, ids: Ids, rows: Sequence[Row]) -> None:
        """Append *rows* of the run called *ids*."""
        if rows:
            self.put(batch(self.schema, ids, rows))

    @abstractmethod
    def put(self, batch: "RecordBatch") -> None:
        """Append *batch*."""

    @abstractmethod
    def finish(self) -> None:
        """Write what ends the file."""

    def close(self) -> None:
        """Finish the file and let go of it."""
        with self.file:
            self.finish()


class ParquetFile(TableFile):
    """Parquet, with zstd; each group of rows is one of the file's row groups."""

    def __init__(self, path: Path, ids: type[Ids], row: type[Row]) -> None:
        super().__init__(path, ids, row)
        self._writer = _parquet.ParquetWriter(
            self.file, self.schema, compression="zstd"
        )

    def put(self, batch: "RecordBatch") -> None:
        self._writer.write_batch(batch)

    def finish(self) -> None:
        self._writer.close()


class CsvFile(TableFile):
    """
    CSV after RFC 4180, in UTF-8; its text is `inert`.

    Text is in quotes and what is missing is not, so that the two can be told apart.
    """

    def __init__(self, path: Path, ids: type[Ids], row: type[Row]) -> None:
        super().__init__(path, ids, row)
        self._writer = _csv.CSVWriter(self.file, self.schema)

    def put(self, batch: "RecordBatch") -> None:
        self._writer.write_batch(inert(batch))

    def finish(self) -> None:
        self._writer.close()


#: Every format by the ending of its files' names.
FORMATS: dict[str, type[TableFile]] = {"parquet": ParquetFile, "csv": CsvFile}
