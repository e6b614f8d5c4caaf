"""Where scenarios and minds are found: entry points, and files given by path."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from hubbub.errors import BadPopulation, UnknownName
from hubbub.mind import Mind, Part
from hubbub.scenario import Scenario

MindFactory = Callable[[Part], Mind]


def scenarios() -> list[str]:
    """The names of the registered scenarios."""
    return sorted(entry_points(group="hubbub.scenarios").names)


def minds() -> list[str]:
    """The names of the registered minds."""
    return sorted(entry_points(group="hubbub.minds").names)


def load_scenario(reference: str) -> Scenario:
    """
    The scenario *reference* names: a registered name, or the path of a ``.py`` file.

    A file with several scenarios is told apart by ``file.py:name``.
    """
    path, _, name = reference.partition(":")
    if not path.endswith(".py"):
        registered: Scenario = _entry(
            "hubbub.scenarios", "scenario", reference, scenarios()
        )
        return registered
    found = {
        value.name: value
        for value in vars(_module(path)).values()
        if isinstance(value, Scenario)
    }
    if name:
        if name not in found:
            raise UnknownName("scenario", name, sorted(found))
        return found[name]
    if len(found) != 1:
        raise BadPopulation(
            f"{path} has {len(found)} scenarios"
            + (f": choose one, {path}:{next(iter(found))}" if found else "")
        )
    return next(iter(found.values()))


@cache
def load_mind(reference: str) -> MindFactory:
    """The mind *reference* names: a registered name, or ``file.py:Class``."""
    path, _, name = reference.partition(":")
    if not path.endswith(".py"):
        registered: MindFactory = _entry("hubbub.minds", "mind", reference, minds())
        return registered
    module = vars(_module(path))
    if not isinstance(module.get(name), type) or not issubclass(module[name], Mind):
        known = [
            k for k, v in module.items() if isinstance(v, type) and issubclass(v, Mind)
        ]
        raise UnknownName("mind", name, known)
    factory: MindFactory = module[name]
    return factory


def _entry(group: str, kind: str, name: str, known: list[str]) -> Any:
    for entry in entry_points(group=group):
        if entry.name == name:
            return entry.load()
    raise UnknownName(kind, name, known)


def _module(path: str) -> ModuleType:
    """The module in the file *path*, loaded once in a process."""
    file = Path(path).resolve()
    name = "hubbub_file_" + hashlib.sha256(str(file).encode()).hexdigest()[:12]
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise BadPopulation(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise BadPopulation(f"{path}: {type(error).__name__}: {error}") from error
    return module
