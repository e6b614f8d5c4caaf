"""The study file: what is compared, how often, by which numbers, said beforehand."""

import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hubbub.errors import BadPopulation, UnknownName
from hubbub.population import Seed, read_table
from hubbub.study.design import Looks, Precise, Stop
from hubbub.terms import MOST_MONEY, MOST_TOKENS, CacheMode
from hubbub.text import safe_text

#: Names stand in files' names and in tables, where a spreadsheet reads them too.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Correction = Literal["holm", "benjamini-hochberg", "none"]
Reduce = Literal["mean", "first", "last", "sum", "slope"]


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What may be said of populations; what is not said stays as it was.

    *parameters*, *options* and *sampling* are added to what there is, the rest takes its
    place.  *seats* are groups and *inject* injections as in a population file.  *mind*,
    *model*, *memory*, *options*, *sampling*, *cohort* and *system* go to every group of
    seats.  A *model* of "" is none.  Paths are relative to the study file.
    """

    parameters: dict[str, Any] = {}
    mind: str | None = None
    model: str | None = None
    agents: int | None = None
    memory: dict[str, Any] | None = None
    options: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    cohort: str | None = None
    system: str | None = None
    seats: tuple[dict[str, Any], ...] | None = None
    inject: tuple[dict[str, Any], ...] | None = None
    cache: CacheMode | None = None
    complete: Share | None = None


class Outcome(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    One number a population: from which *source*, with which *options*.

    A source that gives a value for each round is *reduced* to one number; *repeated*
    has its rounds analysed as well, by a mixed model.
    """

    name: str
    source: str
    reduce: Reduce | None = None
    repeated: bool = False
    options: dict[str, Any] = {}


class Compare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The second of *arms* less the first.

    *effect* is the planned one, in standard deviations, for which power is told.
    """

    arms: tuple[str, str]
    paired: bool = True
    effect: float | None = None


class Study(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A study file; as a `Setting` it is the base of all arms.

    *scenario* is that of all populations, or *population* is the file of a population to
    begin with.  Either *arms* are named, or *prior* and *context* are crossed; with
    *solitary* each arm has a counterpart of one seat alone, and with *twins* each one
    with injections a counterpart of the same runs, forked to be without them.  *budget*,
    in US dollars, and *token_budget* are those of all runs together.
    """

    name: str
    scenario: str = ""
    population: str = ""
    seed: Seed = 0
    replicates: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    arms: dict[str, Setting] = {}
    prior: dict[str, Setting] = {}
    context: dict[str, Setting] = {}
    solitary: bool = False
    twins: bool = False
    outcomes: Annotated[tuple[Outcome, ...], msgspec.Meta(min_length=1)]
    compare: tuple[Compare, ...] | None = None
    level: Annotated[float, msgspec.Meta(gt=0.5, lt=1)] = 0.95
    correction: Correction = "holm"
    stop: Stop | None = None
    budget: Annotated[float, msgspec.Meta(ge=0, le=MOST_MONEY)] | None = None
    token_budget: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)] | None = None
    jobs: Annotated[int, msgspec.Meta(ge=1, le=256)] | None = None

    @property
    def most(self) -> int:
        """How many populations an arm there may be."""
        if isinstance(self.stop, Looks):
            return self.stop.at[-1]
        return self.stop.most if self.stop else self.replicates or 0

    @property
    def tested(self) -> float:
        """The level of each interval and test: looks share the false alarms."""
        stop = self.stop
        return stop.level(self.level) if isinstance(stop, Looks) else self.level


def read_study(path: Path) -> tuple[Study, str]:
    """The study in the TOML file *path* and its SHA-256; raises `UsageError`."""
    table = read_table(path)
    try:
        _check_keys(path, table)
        study = msgspec.convert({"name": path.stem, **table}, Study)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None
    if wrong := _contradiction(study):
        raise BadPopulation(f"{path}: {wrong}")
    return study, sha256(path.read_bytes()).hexdigest()


_STOPS: dict[str, type[msgspec.Struct]] = {"precise": Precise, "looks": Looks}

_Table = dict[str, Any]


class _Tables(msgspec.Struct):
    """The tables of a study file, whatever is in them."""

    arms: dict[str, _Table] = {}
    prior: dict[str, _Table] = {}
    context: dict[str, _Table] = {}
    outcomes: tuple[_Table, ...] = ()
    compare: tuple[_Table, ...] = ()
    stop: _Table = {}


def _check_keys(path: Path, table: _Table) -> None:
    """Raise `UnknownName` for a key that means nothing."""
    inner = msgspec.convert(table, _Tables)
    _check(path, [table], Study)
    for settings in (inner.arms, inner.prior, inner.context):
        _check(path, settings.values(), Setting)
    _check(path, inner.outcomes, Outcome)
    _check(path, inner.compare, Compare)
    if stop := inner.stop:
        name = str(stop.get("type"))
        if name not in _STOPS:
            raise BadPopulation(f"{path}: a stop has a type: {', '.join(_STOPS)}")
        _check(path, [stop], _STOPS[name], "type")


def _check(
    path: Path,
    tables: Iterable[_Table],
    struct: type[msgspec.Struct],
    *more: str,
) -> None:
    known = [*more, *struct.__struct_fields__]
    for key in chain.from_iterable(tables):
        if key not in known:
            raise UnknownName(f"key in {path}", key, known)


def _contradiction(study: Study) -> str:
    """What in *study* cannot be, in words."""
    if bool(study.scenario) == bool(study.population):
        return "a study has a scenario or a population"
    if bool(study.arms) == bool(study.prior or study.context):
        return "a study has [arms.NAME], or [prior.NAME] and [context.NAME]"
    if bool(study.prior) != bool(study.context):
        return "[prior.NAME] and [context.NAME] are crossed: name some of both"
    if (study.replicates is None) == (study.stop is None):
        return "a study has replicates, or a [stop] that says how many"
    if isinstance(study.stop, Precise) and study.stop.least > study.stop.most:
        return "least is more than most"
    outcomes = [outcome.name for outcome in study.outcomes]
    if len(set(outcomes)) < len(outcomes):
        return "two outcomes have the same name"
    for name in (study.name, *study.arms, *study.prior, *study.context, *outcomes):
        if not _NAME.fullmatch(name):
            return (
                f"{safe_text(name, 40)!r} is no name: use up to 40 letters, digits, "
                "hyphens and underscores, beginning with a letter or digit"
            )
    return ""
