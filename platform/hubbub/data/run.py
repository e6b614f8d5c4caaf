"""A run for whoever analyses it: its record as tables, read when they are asked for."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.data.columns import Ids
from hubbub.data.following import Following
from hubbub.data.tables import ROW_OF, TABLES, read_tables
from hubbub.errors import UsageError
from hubbub.folder import Manifest, RunFolder
from hubbub.messages import Message
from hubbub.population import Population

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def open_run(path: str | PathLike[str]) -> "Run":
    """
    The run in the folder *path*, complete or not; raises `NotARun`.

    Its tables need the extra ``data``.
    """
    return Run(RunFolder(Path(path)))


class Run:
    """
    A run's record: *manifest*, the messages, and tables of them.

    A table is read from the log when it is first asked for, and kept; of a run that
    goes on it has what was there then.  Whatever reads the log raises `LogDamaged`,
    whatever needs a package that is not installed `UsageError`.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.path = folder.path
        self._folder = folder
        self._tables: dict[str, pa.Table] = {}

    def __repr__(self) -> str:
        return f"<Run {self.manifest.run}: {self.manifest.state}>"

    @property
    def manifest(self) -> Manifest:
        """What the run is, and at its end what it came to."""
        return self._folder.manifest

    @property
    def population(self) -> Population:
        """What the run was made from; raises `BadPopulation` if that was changed."""
        return self._folder.population()

    def log(self) -> Iterator[Message]:
        """Every message, in order, checked on the way; calls are without their records."""
        return iter(Following(self._folder))

    def table(self, name: str) -> "pa.Table":
        """The table called *name* as Arrow has it; raises `UnknownName` for none."""
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def _read(self, name: str) -> "pa.Table":
        groups = read_tables(self._folder, [name])
        try:
            import pyarrow as pa

            from hubbub.data.arrow import batch, schema
        except ModuleNotFoundError as error:
            raise _missing(error, "'hubbub[data]'") from None
        ids = Ids(run=self.manifest.run)
        first = next(groups)
        columns = schema(Ids, ROW_OF[name])
        batches = [batch(columns, ids, first[1])]
        batches += [batch(columns, ids, rows) for _, rows in groups]
        return pa.Table.from_batches(batches, columns)

    def pandas(self, name: str) -> "pd.DataFrame":
        """
        The table called *name* as pandas has it.

        Whole numbers and truths have the types that know missing values, ``Int64`` and
        ``boolean``, so that a column has one type in every run.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise _missing(error, "pandas") from None
        table: Any = self.table(name)
        import pyarrow as pa

        types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
        return frame

    def polars(self, name: str) -> "pl.DataFrame":
        """The table called *name* as polars has it."""
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise _missing(error, "polars") from None
        return pl.DataFrame(self.table(name))

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables."""
        return TABLES

    @property
    def seats(self) -> "pa.Table":
        """Who took part."""
        return self.table("seats")

    @property
    def messages(self) -> "pa.Table":
        """Everything that was said."""
        return self.table("messages")

    @property
    def asks(self) -> "pa.Table":
        """What was asked of whom."""
        return self.table("asks")

    @property
    def outcomes(self) -> "pa.Table":
        """How every ask and turn ended."""
        return self.table("outcomes")

    @property
    def calls(self) -> "pa.Table":
        """Every model call."""
        return self.table("calls")

    @property
    def results(self) -> "pa.Table":
        """What the scenario declares."""
        return self.table("results")

    @property
    def edges(self) -> "pa.Table":
        """Who turned to whom."""
        return self.table("edges")

    @property
    def memberships(self) -> "pa.Table":
        """Who heard which room, from when to when."""
        return self.table("memberships")

    @property
    def exposures(self) -> "pa.Table":
        """Who heard which message: as many rows as messages times their hearers."""
        return self.table("exposures")


def _missing(error: ModuleNotFoundError, package: str) -> UsageError:
    return UsageError(f"{error.name} is not installed: pip install {package}")
