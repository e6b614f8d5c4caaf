"""
Outcomes: what one finished run comes to, as one number.

A source is a function of an `Observed` run, registered in the entry-point group
``hubbub.outcomes`` or in a file.  It returns a number, or a `Series` with a number for
each round, which the study file says how to reduce.  None is a number that there is not:
nothing is ever made up in its place.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, get_type_hints

import anyio
import msgspec

from hubbub.errors import BadPopulation, UnknownName
from hubbub.folder import RunFolder
from hubbub.kin import find_twin
from hubbub.log import read_log
from hubbub.measures.effect import Injected, treated
from hubbub.measures.lines import slope
from hubbub.measures.party import Party
from hubbub.measures.reading import read_party
from hubbub.messages import Message, Resulted
from hubbub.models.embeddings import Vector, open_embedder
from hubbub.registry import absolute, load_outcome
from hubbub.study.file import Outcome, Reduce
from hubbub.text import safe_text

Value = float | None
#: Values by round, or by place in some other order, from 1.
Series = Mapping[int, Value]
Find = Callable[..., Value | Series]

#: Names the result of a scenario: ``result:NAME``, or ``result:NAME.field``.
RESULT = "result:"
#: Seconds for all texts of one run.
DEADLINE = 600.0


class Observed:
    """One finished run, as an outcome looks at it; what it reads is read once."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The log; raises `LogDamaged`."""
        return tuple(read_log(self.folder.log))

    @cached_property
    def injected(self) -> Injected:
        """
        What was injected into this run, or into its twin if that has the adversary.

        The twin is the run that it is a fork of, or that is a fork of it; without one
        it is what was injected into this run.  Raises `UsageError` for several forks.
        """
        twin = find_twin(self.folder)
        other = tuple(read_log(twin.log)) if twin else ()
        if not other or treated(self.messages, other):
            return Injected(self.messages, other)
        return Injected(other, self.messages)

    @cached_property
    def party(self) -> Party:
        """The log, read as a party."""
        return read_party(self.messages)

    def results(self, name: str) -> list[Any]:
        """What the scenario has declared as *name*, in order."""
        return [
            msgspec.json.decode(message.body.value)
            for message in self.messages
            if isinstance(message.body, Resulted) and message.body.name == name
        ]

    def embed(self, texts: Sequence[str], embedder: str) -> list[Vector]:
        """
        A point for each of *texts*; see `hubbub.models.embeddings.open_embedder`.

        For code that no event loop runs.  Raises `ModelError`, and `UsageError` for an
        embedder that cannot be used here.
        """

        async def embed() -> list[Vector]:
            async with open_embedder(embedder, os.environ) as opened:
                return await opened.embed(texts, deadline=DEADLINE)

        return anyio.run(embed)


class Measure(NamedTuple):
    """An outcome that can be read; *options* are all there are, defaults too."""

    outcome: Outcome
    find: Find
    options: dict[str, Any]

    def read(self, run: Observed) -> tuple[Value, Series]:
        """
        The number of *run*, and what it was reduced from, if it was.

        Raises `BadPopulation` where the source returns what is neither.
        """
        found = self.find(run, **self.options)
        outcome = self.outcome
        if isinstance(found, Mapping):
            if outcome.reduce is None:
                raise BadPopulation(_say_reduce(outcome))
            series = {place: _number(outcome, v) for place, v in found.items()}
            return reduce(series, outcome.reduce), series
        if outcome.reduce is not None or outcome.repeated:
            raise BadPopulation(_say_number(outcome))
        return _number(outcome, found), {}


def bind(outcome: Outcome, folder: Path) -> Measure:
    """
    The measure that *outcome* names; a path in it is relative to *folder*.

    Raises `UnknownName` or `BadPopulation` for a source or an option that there is not,
    and for a reduction where it makes no sense.
    """
    if outcome.source.startswith(RESULT):
        find, options = results, {"name": outcome.source.removeprefix(RESULT)}
        if outcome.options:
            raise BadPopulation(f"outcome {outcome.name}: a result has no options")
    else:
        find = load_outcome(absolute(outcome.source, folder))
        options = _options(outcome, find)
    returned = get_type_hints(find).get("return")
    if returned == Series and outcome.reduce is None:
        raise BadPopulation(_say_reduce(outcome))
    if returned == Value and (outcome.reduce is not None or outcome.repeated):
        raise BadPopulation(_say_number(outcome))
    return Measure(outcome, find, options)


def _say_reduce(outcome: Outcome) -> str:
    return (
        f"outcome {outcome.name}: {outcome.source} has a value for each round: say how "
        'to make one number of them, as in reduce = "mean"'
    )


def _say_number(outcome: Outcome) -> str:
    return (
        f"outcome {outcome.name}: {outcome.source} is one number a run: leave reduce "
        "and repeated out"
    )


def _options(outcome: Outcome, find: Find) -> dict[str, Any]:
    """What *find* takes after its run: *outcome*'s options, and its own defaults."""
    parameters = list(inspect.signature(find, eval_str=True).parameters.values())[1:]
    known = {parameter.name: parameter for parameter in parameters}
    for name in outcome.options:
        if name not in known:
            raise UnknownName(f"option of {outcome.source}", name, [*known])
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        value = outcome.options.get(name, parameter.default)
        if value is parameter.empty:
            raise BadPopulation(f"outcome {outcome.name}: say its option {name}")
        wanted = parameter.annotation
        if wanted is not parameter.empty:
            try:
                value = msgspec.convert(value, wanted)
            except msgspec.ValidationError as error:
                raise BadPopulation(
                    f"outcome {outcome.name}: option {name}: {error}"
                ) from None
        values[name] = value
    return values


def _number(outcome: Outcome, value: Any) -> Value:
    """*value* as a number that can be reckoned with; None where there is none."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadPopulation(
            f"outcome {outcome.name}: {safe_text(repr(value), 80)} is no number"
        ) from None
    return number if isfinite(number) else None


# -- from many numbers to one


def reduce(series: Series, how: Reduce) -> Value:
    """
    One number for *series*, in the order of its places.

    ``mean`` and ``slope``, the least-squares one per place, are over the values that
    there are; ``sum`` is None where any is missing; ``first`` and ``last`` are those of
    the first and the last place, missing or not.
    """
    places = sorted(series)
    values = [series[place] for place in places]
    known = [(p, v) for p, v in zip(places, values, strict=True) if v is not None]
    match how:
        case "mean":
            return sum(v for _, v in known) / len(known) if known else None
        case "sum":
            whole = len(known) == len(values) and known
            return sum(v for _, v in known) if whole else None
        case "slope":
            return slope(known)
        case "first":
            return values[0] if values else None
        case "last":
            return values[-1] if values else None


def results(run: Observed, name: str) -> Series:
    """
    A scenario's results called *name*, or their field after the dot, in order from 1.

    True counts as 1 and false as 0; null, and a field that is not there, are missing.
    """
    name, _, path = name.partition(".")
    values = (_field(value, path) for value in run.results(name))
    return dict(enumerate(values, 1))


def _field(value: Any, path: str) -> Any:
    for step in path.split(".") if path else ():
        value = value.get(step) if _is_object(value) else None
    return value


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def told(measures: Sequence[Measure]) -> Iterator[Outcome]:
    """The outcomes of *measures* with every option, so that a number says whose it is."""
    for measure in measures:
        options = msgspec.to_builtins(measure.options)
        if not measure.outcome.source.startswith(RESULT):
            yield msgspec.structs.replace(measure.outcome, options=options)
        else:
            yield measure.outcome
