"""Scenarios and minds are found by name or path; what is not there is said clearly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.errors import BadPopulation, UnknownName
from hubbub.mind import Mind
from hubbub.population import Cast, Group, Population
from hubbub.registry import absolute, load_mind, load_scenario, minds, scenarios
from hubbub.scenario import Scenario

GAME = """
from hubbub import Stage, scenario
from hubbub.mind import Mind
from hubbub.population import Cast, Group, Population
from hubbub_agents.silent import Silent
from hubbub_scenarios.open_room import open_room

@scenario(mind="silent")
async def dull_game(stage: Stage) -> None:
    '''Nothing happens.'''

class Dull(Silent):
    '''Says nothing.'''
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    """A file with one scenario and one mind of its own, and one imported of each."""
    path = tmp_path / "game.py"
    path.write_text(GAME)
    return path


def write(folder: Path, source: str, name: str = "bad.py") -> str:
    """The path of a Python file with *source*."""
    path = folder / name
    path.write_text(source)
    return str(path)


@pytest.mark.parametrize("name", scenarios())
def test_every_registered_scenario_loads(name: str) -> None:
    """It is called as it is registered, and tells minds what it is."""
    scenario = load_scenario(name)

    assert scenario.name == name
    assert scenario.rules
    assert scenario.mind in minds()


@pytest.mark.parametrize("name", minds())
def test_every_registered_mind_loads(name: str) -> None:
    """It is a class of minds with a docstring."""
    mind = load_mind(name)

    assert isinstance(mind, type)
    assert issubclass(mind, Mind)
    assert mind.__doc__


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    """The error names what was probably meant."""
    with pytest.raises(UnknownName, match=r"scenario 'cocktail': did you mean 'cockt"):
        load_scenario("cocktail")
    with pytest.raises(UnknownName, match=r"mind 'unifrom': did you mean 'uniform'"):
        load_mind("unifrom")


def test_a_name_like_none_gets_all_of_them() -> None:
    """Where nothing is near, the error lists what there is."""
    with pytest.raises(UnknownName, match=r"'zzzz': known: .*silent, .*uniform"):
        load_mind("zzzz")


def test_a_files_own_scenario_and_mind_are_its_only_ones(game: Path) -> None:
    """What a file imports does not count, unless it is named."""
    imported = load_scenario(f"{game}:open-room")

    assert load_scenario(str(game)).name == "dull-game"
    assert load_scenario(f"{game}:dull-game") is load_scenario(str(game))
    assert isinstance(imported, Scenario)
    assert load_mind(str(game)) is load_mind(f"{game}:Dull")


def test_a_name_that_a_file_does_not_have(game: Path) -> None:
    """The error names those that it has."""
    with pytest.raises(UnknownName, match=r"'dul-game': did you mean 'dull-game'"):
        load_scenario(f"{game}:dul-game")
    with pytest.raises(UnknownName, match=r"mind 'X': known: Dull, Silent"):
        load_mind(f"{game}:X")


def test_a_file_with_two_needs_a_choice(tmp_path: Path) -> None:
    """The error names the choices as they are written on the command line."""
    second = "\n@scenario()\nasync def other(stage: Stage) -> None: ..."
    path = write(tmp_path, GAME + second)

    with pytest.raises(BadPopulation, match=r"2 scenarios: choose one of .*:dull-game"):
        load_scenario(path)


def test_a_file_with_none_says_so(tmp_path: Path) -> None:
    """Python, but no scenario and no mind."""
    path = write(tmp_path, "x = 1")

    with pytest.raises(BadPopulation, match="has no scenario in it"):
        load_scenario(path)
    with pytest.raises(BadPopulation, match="has no mind in it"):
        load_mind(path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("\n\nraise RuntimeError('boom')", r"bad\.py, line 3: RuntimeError: boom"),
        ("import nothing_like_it", r"bad\.py, line 1: ModuleNotFoundError"),
        ("import sys\nsys.exit(0)", r"bad\.py, line 2: SystemExit: 0"),
        ("def f(", r"bad\.py: SyntaxError: .*line 1"),
        ("\x00", r"bad\.py: (SyntaxError|ValueError)"),
        ("raise RuntimeError('\\x1b[2J')", r"RuntimeError: \\u001b\[2J"),
        (
            "from hubbub import scenario\n@scenario()\ndef f(stage): ...",
            r"line 2: TypeError: f is no async function",
        ),
        (
            "from hubbub import scenario\n@scenario()\nasync def f(): ...",
            r"line 2: TypeError: f takes no stage",
        ),
        (
            "from hubbub import scenario\n@scenario()\nasync def f(stage, **kw): ...",
            r"TypeError: f takes \*\*kw: name its parameters",
        ),
    ],
    ids=range(9),
)
def test_a_file_that_fails_says_where(tmp_path: Path, source: str, words: str) -> None:
    """Whatever its code raises is the file's error, with the line."""
    with pytest.raises(BadPopulation, match=words):
        load_scenario(write(tmp_path, source))


def test_a_file_that_fails_can_be_mended(tmp_path: Path) -> None:
    """Nothing is kept of a module that did not load."""
    path = write(tmp_path, "raise ValueError")
    with pytest.raises(BadPopulation):
        load_scenario(path)
    write(tmp_path, GAME)

    assert load_scenario(path).name == "dull-game"


def told_by(path: Path) -> str:
    """What another process finds the scenario in the file *path* to be about."""
    words = "from hubbub.registry import load_scenario as load; import sys; "
    words += "print(load(sys.argv[1]).play.__doc__)"
    read = [sys.executable, "-c", words, str(path)]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_file_is_what_stands_in_it(
    game: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is as long as before, in the same second; nothing is left beside it."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    when = game.stat()
    before = told_by(game)
    game.write_text(GAME.replace("Nothing", "Anybody"))
    os.utime(game, ns=(when.st_atime_ns, when.st_mtime_ns))

    assert (before, told_by(game)) == ("Nothing happens.", "Anybody happens.")
    assert [path.name for path in game.parent.iterdir()] == ["game.py"]


@pytest.mark.parametrize("name", ["none.py", "a\x00b.py", "x" * 300 + ".py", ".py"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    """Missing, impossible or too long: the path is named."""
    with pytest.raises(BadPopulation, match=r"\.py: "):
        load_scenario(str(tmp_path / name))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A package is not a file."""
    (tmp_path / "game.py").mkdir()

    with pytest.raises(BadPopulation, match=r"game\.py: Is a directory"):
        load_scenario(str(tmp_path / "game.py"))


def test_paths_are_made_absolute_and_names_are_not() -> None:
    """A run folder can then be resumed from anywhere."""
    folder = Path("/games")

    assert absolute("uniform", folder) == "uniform"
    assert absolute("my/game.py", folder) == "/games/my/game.py"
    assert absolute("game.py:two", folder) == "/games/game.py:two"
    assert absolute("/a:b/game.py:two", folder) == "/a:b/game.py:two"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution with entry points of its own."""
    info = tmp_path / "plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[hubbub.scenarios]\ngone = no_such_module:x\nno-game = pathlib:Path\n"
        "game = plugin_game:dull_game\n[hubbub.minds]\ngone = no_such_module:X\n"
        "no-mind = builtins:repr\n"
    )
    (tmp_path / "plugin_game.py").write_text(GAME)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    return tmp_path


def test_third_parties_add_scenarios_and_minds(plugin: Path) -> None:
    """Entry points of any installed distribution count."""
    assert "gone" in minds()
    assert load_scenario("game").name == "dull-game"


def test_an_entry_point_that_does_not_load_is_named(plugin: Path) -> None:
    """The error says what is registered and where it should have been."""
    with pytest.raises(
        BadPopulation, match=r"scenario gone is registered .*no_such_mo"
    ):
        load_scenario("gone")
    with pytest.raises(BadPopulation, match="mind gone is registered and cannot be"):
        load_mind("gone")
    with pytest.raises(BadPopulation, match="scenario no-game is registered and is no"):
        load_scenario("no-game")


def test_what_makes_no_mind_is_named(plugin: Path) -> None:
    """An entry point may be any callable, also a wrong one."""
    seats = (Group(count=1, mind="no-mind"),)

    with pytest.raises(BadPopulation, match="the mind no-mind made a str"):
        Cast(Population(scenario="game", seats=seats))
