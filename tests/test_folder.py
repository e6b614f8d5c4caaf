"""The run folder: made once, gone on with when it is the same run, never overwritten."""

from pathlib import Path

import msgspec
import pytest

from hubbub.errors import BadPopulation, NotARun, RunExists
from hubbub.folder import RunFolder, make_folder, new_run_id, open_or_make, point_latest
from hubbub.names import check_run
from hubbub.population import Population

from .records import POPULATION, kept


def opened(path: Path, population: Population = POPULATION) -> RunFolder:
    """The folder as the same command, typed again, gets it."""
    return open_or_make(path, "a-run", "cocktail-party", population, {"rounds": 3})


def test_a_folder_says_what_the_run_is(tmp_path: Path) -> None:
    """Scenario, seed, seats, parameters and versions are there before it begins."""
    manifest = opened(tmp_path / "runs" / "a").manifest

    assert (manifest.run, manifest.scenario) == ("a-run", "cocktail-party")
    assert (manifest.seed, manifest.seats) == (0, 2)
    assert manifest.parameters == {"rounds": 3}
    assert manifest.state == "running"
    assert manifest.hubbub
    assert manifest.python


def test_a_folder_reads_back_what_it_was_made_from(tmp_path: Path) -> None:
    """The population and the manifest come back as they were."""
    made = opened(tmp_path / "a")
    read = RunFolder(tmp_path / "a")

    assert read.population() == POPULATION
    assert read.manifest == made.manifest


def test_the_same_command_goes_on_with_its_run(tmp_path: Path) -> None:
    """An unfinished run of the same population is gone on with, under its own id."""
    made = opened(tmp_path)

    again = open_or_make(tmp_path, "other-id", "cocktail-party", POPULATION, {})

    assert again.manifest == made.manifest


@pytest.mark.parametrize("change", [{"seed": 1}, {"parameters": {"rounds": 4}}])
def test_another_population_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    """And the message says what to do instead."""
    opened(tmp_path / "a")
    other = msgspec.structs.replace(POPULATION, **change)

    with pytest.raises(RunExists, match=r"hubbub resume .*/a' or .*--out"):
        opened(tmp_path / "a", other)


async def test_a_complete_run_is_refused(tmp_path: Path) -> None:
    """A run is never overwritten."""
    folder = await kept(tmp_path / "a")
    before = {file.name: file.read_bytes() for file in folder.path.iterdir()}

    with pytest.raises(RunExists, match="complete run: choose another --out"):
        opened(tmp_path / "a")

    assert {file.name: file.read_bytes() for file in folder.path.iterdir()} == before


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    """Nobody's files get mixed with a run's."""
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(RunExists, match="not empty: choose another --out"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "left", [".population.toml", "population.toml", ".manifest.json"]
)
def test_a_folder_that_was_only_begun_is_begun_again(tmp_path: Path, left: str) -> None:
    """Whoever is killed while making a folder can be followed by the same command."""
    (tmp_path / left).write_text("half")

    assert opened(tmp_path).population() == POPULATION


def test_a_changed_population_is_refused(tmp_path: Path) -> None:
    """What a run was made from is part of its record."""
    folder = opened(tmp_path)
    with (tmp_path / "population.toml").open("a") as file:
        file.write("# a remark\n")

    with pytest.raises(BadPopulation, match="changed since the run began"):
        folder.population()


@pytest.mark.parametrize("text", [None, "", "{}", "[1", '{"run": 1}', "[" * 100_000])
def test_a_folder_without_a_manifest_is_no_run(
    tmp_path: Path, text: str | None
) -> None:
    """Nor is one with a manifest that is none."""
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(NotARun):
        RunFolder(tmp_path)


def test_the_manifest_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A draft that its writer did not finish changes nothing."""
    folder = opened(tmp_path)
    (tmp_path / ".manifest.json").write_text("{")

    assert RunFolder(tmp_path).manifest == folder.manifest
    folder.save(msgspec.structs.replace(folder.manifest, messages=3))
    assert RunFolder(tmp_path).manifest.messages == 3


def test_latest_points_to_the_newest(tmp_path: Path) -> None:
    """Also when there was one before, and when the folders are moved together."""
    for name in ("a", "b"):
        opened(tmp_path / "runs" / name)
        point_latest(tmp_path / "runs" / name)
    (tmp_path / "runs").rename(tmp_path / "moved")

    latest = tmp_path / "moved" / "latest"

    assert latest.is_symlink()
    assert latest.resolve() == tmp_path / "moved" / "b"
    assert sorted(p.name for p in latest.parent.iterdir()) == ["a", "b", "latest"]


def test_run_ids_are_names_and_differ(tmp_path: Path) -> None:
    """A run's id is a key, a folder and an argument, whatever the scenario is called."""
    ids = {check_run(new_run_id(name)) for name in ("a", "a", "long-" * 20)}

    assert len(ids) == 3


def test_making_a_folder_twice_is_refused(tmp_path: Path) -> None:
    """Of two who would begin the same folder the second one is told."""
    make_folder(tmp_path, "a", "cocktail-party", POPULATION, {})

    with pytest.raises(RunExists):
        make_folder(tmp_path, "b", "cocktail-party", POPULATION, {})
