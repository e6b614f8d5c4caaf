"""Where scenarios and minds are found: entry points, and files given by path."""

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from inspect import isfunction
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from hubbub.errors import BadPopulation, UnknownName
from hubbub.mind import Mind, Part, Wrapper
from hubbub.scenario import Scenario
from hubbub.text import safe_text

T = TypeVar("T")

MindFactory = Callable[[Part], Mind]
WrapperFactory = Callable[[Part, Mind], Wrapper]

_FILE = re.compile(r"(.*\.py)(?::([^:/]*))?", re.DOTALL)


def scenarios() -> list[str]:
    """The names of the registered scenarios."""
    return sorted(entry_points(group="hubbub.scenarios").names)


def minds() -> list[str]:
    """The names of the registered minds."""
    return sorted(entry_points(group="hubbub.minds").names)


def wrappers() -> list[str]:
    """The names of the registered wrappers of minds."""
    return sorted(entry_points(group="hubbub.wrappers").names)


def outcomes() -> list[str]:
    """The names of the registered outcomes of runs."""
    return sorted(entry_points(group="hubbub.outcomes").names)


def absolute(reference: str, folder: Path) -> str:
    """*reference* with the path in it made absolute, from *folder*; names stay."""
    found = _FILE.fullmatch(reference)
    if not found:
        return reference
    path = str((folder / found[1]).absolute())
    return path if found[2] is None else f"{path}:{found[2]}"


def load_scenario(reference: str) -> Scenario:
    """
    The scenario *reference* names: a registered name, or the path of a ``.py`` file.

    A file with several scenarios is told apart by ``file.py:name``.  Raises
    `UnknownName`, or `BadPopulation` for a file that is none.
    """
    found = _FILE.fullmatch(reference)
    if not found:
        registered = _entry("scenario", reference, scenarios())
        if not isinstance(registered, Scenario):
            raise BadPopulation(f"the scenario {reference} is registered and is none")
        return registered
    module = _module(found[1])
    here = {v.name: v for v in vars(module).values() if isinstance(v, Scenario)}
    own = {n: v for n, v in here.items() if v.play.__module__ == module.__name__}
    return _one("scenario", found[1], found[2], here, own)


@cache
def load_mind(reference: str) -> MindFactory:
    """
    The mind *reference* names: a registered name, or ``file.py:Class``.

    A file with one mind needs no ``:Class``.  Raises as `load_scenario` does.
    """
    found = _FILE.fullmatch(reference)
    if not found:
        registered: MindFactory = _entry("mind", reference, minds())
        return registered
    module = _module(found[1])
    here: dict[str, type[Mind]] = {n: v for n, v in vars(module).items() if _is_mind(v)}
    own = {n: v for n, v in here.items() if v.__module__ == module.__name__}
    return _one("mind", found[1], found[2], here, own)


@cache
def load_wrapper(reference: str) -> WrapperFactory:
    """
    The wrapper *reference* names: a registered name, or ``file.py:Class``.

    A file with one wrapper needs no ``:Class``.  Raises as `load_scenario` does.
    """
    found = _FILE.fullmatch(reference)
    if not found:
        registered: WrapperFactory = _entry("wrapper", reference, wrappers())
        return registered
    module = _module(found[1])
    here: dict[str, type[Wrapper]] = {
        n: v for n, v in vars(module).items() if _is_wrapper(v)
    }
    own = {n: v for n, v in here.items() if v.__module__ == module.__name__}
    return _one("wrapper", found[1], found[2], here, own)


def load_outcome(reference: str) -> Callable[..., Any]:
    """
    The outcome *reference* names: a registered name, or ``file.py:function``.

    A file with one function needs no ``:function``.  Raises as `load_scenario` does.
    """
    found = _FILE.fullmatch(reference)
    if not found:
        registered = _entry("outcome", reference, outcomes())
        if not callable(registered):
            raise BadPopulation(f"the outcome {reference} is registered and is none")
        function: Callable[..., Any] = registered
        return function
    module = _module(found[1])
    here = {n: v for n, v in vars(module).items() if isfunction(v)}
    own = {n: v for n, v in here.items() if v.__module__ == module.__name__}
    return _one("outcome", found[1], found[2], here, own)


def _is_mind(value: object) -> bool:
    if not isinstance(value, type) or issubclass(value, Wrapper):
        return False
    return issubclass(value, Mind) and value is not Mind


def _is_wrapper(value: object) -> bool:
    if not isinstance(value, type):
        return False
    return issubclass(value, Wrapper) and value is not Wrapper


def _one(
    kind: str, path: str, name: str | None, here: Mapping[str, T], own: Mapping[str, T]
) -> T:
    """What is called *name* in the file *path*; without a name, its only own one."""
    if name:
        if name not in here:
            raise UnknownName(kind, name, sorted(here))
        return here[name]
    if not own:
        raise BadPopulation(f"{path} has no {kind} in it")
    if len(own) > 1:
        choices = ", ".join(f"{path}:{name}" for name in own)
        raise BadPopulation(f"{path} has {len(own)} {kind}s: choose one of {choices}")
    return next(iter(own.values()))


def _entry(kind: str, name: str, known: list[str]) -> Any:
    for entry in entry_points(group=f"hubbub.{kind}s", name=name):
        try:
            return entry.load()
        except (Exception, SystemExit) as error:
            raise BadPopulation(
                f"the {kind} {name} is registered and cannot be loaded from "
                f"{entry.value}: {_why(error)}"
            ) from error
    raise UnknownName(kind, name, known)


class _AsItIs(SourceFileLoader):
    """
    Loads a file from its source, and leaves nothing beside it.

    A cached one counts as the same when it is as long and was changed in the same second.
    """

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module(path: str) -> ModuleType:
    """The module in the file *path*, loaded once in a process."""
    file = Path(path).absolute()
    name = "hubbub_file_" + hashlib.sha256(str(file).encode()).hexdigest()[:12]
    if name in sys.modules:
        return sys.modules[name]
    loader = _AsItIs(name, str(file))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise BadPopulation(f"{_where(path, file, error)}: {_why(error)}") from error
    return module


def _where(path: str, file: Path, error: BaseException) -> str:
    """*path*, and the last line of *file* that was at work when *error* was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f"{path}, line {lines[-1]}" if lines else path


def _why(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return safe_text(error.strerror or "no such file", 200)
    return safe_text(f"{type(error).__name__}: {error}", 500)
