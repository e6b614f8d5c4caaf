"""A run as a report finds it: its folder, its rules in words, its log, its measures."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubbub.errors import BadPopulation, UsageError
from hubbub.folder import RunFolder
from hubbub.population import Population
from hubbub.registry import load_scenario
from hubbub.report.record import Record, read_record

if TYPE_CHECKING:
    from hubbub.measures.rows import Measures

#: Guests, squared, times rounds: what of a larger party is measured takes minutes.
MEASURED = 120_000
#: Bytes of a scenario's file that are looked through for its rules.
_FILE = 1 << 20


class Source(NamedTuple):
    """
    Everything that a run's report is made from.

    *population* is None where its file cannot be read, *trouble* then says why.  *rules*
    are in words, empty if they are not to be had.  *measures* are those of a party;
    without, *unmeasured* says why there are none, where there could be.
    """

    folder: RunFolder
    record: Record
    population: Population | None
    trouble: str
    rules: str
    measures: "Measures | None"
    unmeasured: str


def read_source(folder: RunFolder, *, window: int, embedder: str) -> Source:
    """
    Read the run in *folder*, whatever state it is in.

    Windows have *window* rounds; *embedder* is empty where nothing is to be embedded.
    Raises `LogDamaged`, and `UsageError` where what measuring takes is not installed.
    """
    population, trouble, rules = None, "", ""
    try:
        population = folder.population()
        rules = rules_of(population.scenario, folder.manifest.scenario)
    except BadPopulation as error:
        trouble = str(error)
    record = read_record(folder.log, folder.calls, folder.shared)
    measures, why = None, ""
    if (record.invites or record.talks) and record.stretches.rounds:
        guests, rounds = len(record.picture.seats), record.stretches.rounds
        if guests**2 * rounds <= MEASURED:
            measures = _measure(folder, window, embedder)
        else:
            why = (
                f"A party of {guests:,} guests and {rounds:,} rounds is not measured "
                "here: it would take long. hubbub.measures does it where it is asked to."
            )
    return Source(folder, record, population, trouble, rules, measures, why)


def _measure(folder: RunFolder, window: int, embedder: str) -> "Measures":
    try:
        from hubbub.report.measured import measure_party
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return measure_party(folder, window, embedder)


def missing(error: ModuleNotFoundError) -> UsageError:
    """What to say where a report needs the module that *error* names."""
    return UsageError(
        f"this report needs {error.name}, which is not installed: "
        "pip install 'hubbub[study]'"
    )


def rules_of(reference: str, name: str) -> str:
    """
    What minds are told about the game *name*, the first words of its docstring.

    A file is read and never executed: a report may be of somebody else's run.
    """
    path, mark, _ = reference.partition(".py")
    if not mark:
        try:
            return load_scenario(reference).rules
        except UsageError:
            return ""
    try:
        with Path(f"{path}.py").open("rb") as file:
            tree = ast.parse(file.read(_FILE))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        if node.name.replace("_", "-") == name:
            return (ast.get_docstring(node) or "").split("\n\n")[0]
    return ""
