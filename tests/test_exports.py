"""What can be imported is what is declared, and what is declared can be imported."""

import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path
from types import ModuleType

import pytest

import hubbub
import hubbub_agents
import hubbub_scenarios
from hubbub.registry import load_mind, load_scenario, load_wrapper

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def modules() -> list[str]:
    """Every module of the distribution."""
    packages: tuple[ModuleType, ...] = (hubbub, hubbub_agents, hubbub_scenarios)
    return sorted(
        found.name
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith("__main__")
    )


@pytest.mark.parametrize("name", modules())
def test_every_module_can_be_imported(name: str) -> None:
    """And what it declares as public is in it, sorted and once."""
    module = import_module(name)
    declared: list[str] = getattr(module, "__all__", [])

    assert declared == sorted(set(declared))
    assert all(hasattr(module, public) for public in declared)


def test_the_package_declares_its_public_names() -> None:
    """Sorted, each importable, each with words about what it is."""
    assert hubbub.__all__ == sorted(set(hubbub.__all__))
    for name in hubbub.__all__:
        assert getattr(hubbub, name).__doc__, name


def test_every_module_can_be_the_first_one() -> None:
    """No import works only because another one came before it."""
    code = "import sys, importlib\nfor n in sys.argv[1:]: importlib.import_module(n)"
    for first in (
        "hubbub.stage",
        "hubbub.scenario",
        "hubbub.cli.main",
        "hubbub.worker",
    ):
        subprocess.run([sys.executable, "-W", "error", "-c", code, first], check=True)


@pytest.mark.parametrize(
    "group", ["hubbub.minds", "hubbub.scenarios", "hubbub.wrappers"]
)
def test_every_entry_point_loads(group: str) -> None:
    """What is installed is what is declared, and each of it loads."""
    loads: dict[str, Callable[[str], object]] = {
        "hubbub.minds": load_mind,
        "hubbub.scenarios": load_scenario,
        "hubbub.wrappers": load_wrapper,
    }
    declared: dict[str, str] = PROJECT["entry-points"][group]

    assert set(declared) <= entry_points(group=group).names
    assert all(map(loads[group], declared))


def test_the_command_is_installed() -> None:
    """``hubbub`` and ``python -m hubbub`` are the same command and version."""
    (script,) = entry_points(group="console_scripts", name="hubbub")
    done = subprocess.run(
        [sys.executable, "-m", "hubbub", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert script.value == "hubbub.cli:main"
    assert version("hubbub") == PROJECT["version"]
    assert done.stdout.strip().endswith(version("hubbub"))
