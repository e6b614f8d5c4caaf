"""Cohorts: drawn once from weighted tables, frozen by their hash, used over arms."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hubbub.cli.main import commands, explain
from hubbub.cohort import (
    MAX_COHORT,
    MAX_PERSONA,
    Cohort,
    Persona,
    as_json,
    read_cohort,
    seal,
)
from hubbub.errors import BadPopulation
from hubbub.personas import MAX_SPEC, Spec, draw, read_spec
from hubbub.population import Cast, Group, Population, as_toml, read_population

SPEC = """
text = "You live in the {region}, work as a {job} and have {no} idea."

[[attributes]]
name = "region"
weights = { north = 3, south = 1, sea = 0 }

[[attributes]]
name = "job"
given = "region"
when.north = { miner = 1 }
when.south = { farmer = 1, baker = 1 }
when.sea = { fisher = 1 }

[[attributes]]
name = "no"
weights = { "{job}" = 1 }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The file of a specification."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


def some(count: int = 3) -> Cohort:
    """A small cohort."""
    return seal(tuple(Persona(text=f"You are number {i}.") for i in range(count)))


# -- drawing


def test_personas_follow_the_weights(spec: Path) -> None:
    """Three of four live in the north; who depends on another is drawn after it."""
    personas = draw(read_spec(spec)[0], 4_000, 7).personas
    drawn = Counter(persona.attributes["region"] for persona in personas)
    jobs = {(p.attributes["region"], p.attributes["job"]) for p in personas}

    assert abs(drawn["north"] - 3_000) < 5 * 28
    assert drawn["sea"] == 0
    assert jobs == {("north", "miner"), ("south", "farmer"), ("south", "baker")}


def test_a_sentence_is_filled_once(spec: Path) -> None:
    """Braces in a value are words like any other."""
    (persona,) = draw(read_spec(spec)[0], 1, 7).personas
    job = persona.attributes["job"]

    assert persona.text.endswith(f"work as a {job} and have {{job}} idea.")


def test_the_same_seed_draws_the_same_cohort(spec: Path) -> None:
    """Another seed another one; the first personas do not depend on how many follow."""
    tables, origin = read_spec(spec)
    cohort = draw(tables, 50, 7, origin)

    assert draw(tables, 50, 7, origin) == cohort
    assert draw(tables, 20, 7).personas == cohort.personas[:20]
    assert draw(tables, 50, 8, origin).sha256 != cohort.sha256
    assert draw(tables, 50, 7, "").sha256 != cohort.sha256


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "{job}",
            "{jobs}",
            r"unknown placeholder {jobs}: there are {region}, {job}, {",
        ),
        (
            "when.south = { farmer = 1, baker = 1 }",
            "",
            "no weights when region is 'sou",
        ),
        ('given = "region"', 'given = "no"', "job: 'no' is not drawn before it"),
        (
            'given = "region"',
            "",
            "job has weights, or another attribute given and when",
        ),
        ('name = "job"', 'name = "region"', "'region' cannot name an attribute"),
        ('name = "job"', 'name = "a b"', "'a b' cannot name an attribute"),
        ("north = 3, south = 1", "north = 0, south = 0", "do not add up to a finite"),
        ("north = 3", "north = inf", "weights of region do not add up to a finite"),
        ("north = 3", "north = nan", "Expected `float` >= 0"),
        ("north = 3", "north = -1", "Expected `float` >= 0"),
        ("weights = { north", "weigths = { north", "unknown field `weigths`"),
        ("text = ", "words = ", "unknown field `words`|missing required field `text`"),
        ("[[", "[", "Invalid|Expected|Cannot"),
        ("text", "#" * MAX_SPEC, "is no specification: over 1,048,576 bytes"),
    ],
    ids=range(14),
)
def test_a_specification_that_is_wrong_says_where(
    spec: Path, old: str, new: str, words: str
) -> None:
    """Before anything is drawn."""
    assert old in SPEC
    spec.write_text(SPEC.replace(old, new, 1))
    with pytest.raises(BadPopulation, match=rf"spec\.toml.*({words})"):
        read_spec(spec)


def test_a_persona_has_a_limit() -> None:
    """It stands in every prompt of its seat."""
    spec = msgspec.convert(
        {
            "text": "{x}{x}",
            "attributes": [{"name": "x", "weights": {"y" * MAX_PERSONA: 1}}],
        },
        Spec,
    )
    with pytest.raises(BadPopulation, match="persona 1 has 8,000 characters"):
        draw(spec, 1, 0)


# -- the file


_texts = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(
    texts=st.lists(_texts, max_size=4),
    attributes=st.dictionaries(_texts, _texts, max_size=3),
    seed=st.integers(-9, 9),
)
def test_a_cohort_is_read_back_as_it_was_written(
    texts: list[str],
    attributes: dict[str, str],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """As a file, in a population file, and over the bus."""
    personas = tuple(Persona(text=text, attributes=attributes) for text in texts)
    cohort, folder = seal(personas, seed), tmp_path_factory.getbasetemp()
    (folder / "c.json").write_bytes(as_json(cohort))
    group = Group(count=len(texts), cohort=cohort, mind="silent")
    population = Population(scenario="open-room", seats=(group,))
    (folder / "c.toml").write_text(as_toml(population), "utf-8", newline="")
    sent = msgspec.json.encode(population)

    assert read_cohort(folder / "c.json") == cohort
    assert read_population(folder / "c.toml") == population
    assert msgspec.json.decode(sent, type=Population) == population


@pytest.mark.parametrize(
    "changes",
    [
        {"personas": [{"text": "You are number 9."}]},
        {"personas": [{"text": "You are number 0.", "attributes": {"x": "y"}}]},
        {"personas": [{"text": f"You are number {i}."} for i in (1, 0, 2)]},
        {"personas": []},
        {"seed": 1},
        {"spec": "ab"},
        {"sha256": "\x1b[2J"},
    ],
    ids=range(7),
)
def test_a_cohort_that_was_changed_is_not_read(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """Neither from its file nor in a population."""
    path = tmp_path / "c.json"
    told = json.loads(as_json(some())) | changes
    path.write_text(json.dumps(told))
    with pytest.raises(
        BadPopulation, match=r"c\.json: the cohort says that its SHA-25"
    ):
        read_cohort(path)
    with pytest.raises(
        msgspec.ValidationError, match="it was changed after it had been"
    ):
        msgspec.convert({"count": 2, "cohort": told}, Group)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "truncated.*: a cohort is a file that 'hubbub cohort make' has made"),
        ('{"personas": []}', "missing required field `sha256`"),
        ("[" * 9_000, r"c\.json"),
        ("\xff", "UTF-8|malformed|invalid"),
        (" " * (MAX_COHORT + 1), "is no cohort: over 8,388,608 bytes"),
    ],
    ids=range(5),
)
def test_what_is_no_cohort(tmp_path: Path, text: str, words: str) -> None:
    """The file is named."""
    path = tmp_path / "c.json"
    path.write_text(text, "latin-1")
    with pytest.raises(BadPopulation, match=rf"c\.json.*{words}|{words}"):
        read_cohort(path)


# -- seats


def play_with(**changes: Any) -> Cast:
    """Two seats with a cohort of three."""
    told: dict[str, Any] = {"count": 2, "mind": "silent", "cohort": some()} | changes
    group = Group(**told)
    return Cast(Population(scenario="open-room", seats=(group,)))


def test_seats_take_personas_in_order() -> None:
    """From the first on, or after those that are left out."""
    first, later = play_with(), play_with(cohort_from=1)

    assert [first.part(seat).persona[-2] for seat in first.names] == ["0", "1"]
    assert [later.part(seat).persona[-2] for seat in later.names] == ["1", "2"]
    assert play_with(cohort=None).part("L1").persona == ""


def test_too_few_personas_are_an_error() -> None:
    """Nobody is two seats, and nobody is made up."""
    with pytest.raises(BadPopulation, match="4 seats have a cohort of 3 personas"):
        play_with(count=4)
    with pytest.raises(BadPopulation, match="of which 2 are left out: make a larger"):
        play_with(cohort_from=2)
    with pytest.raises(BadPopulation, match="a cohort_from needs a cohort"):
        play_with(cohort=None, cohort_from=2)


def test_one_persona_too_long_stops_the_run() -> None:
    """Not only where it is the first seat's."""
    long = seal((Persona(text="Short."), Persona(text="x" * MAX_PERSONA)))
    with pytest.raises(BadPopulation, match="seat L2: a system prompt of about"):
        play_with(cohort=long, mind="", model="scripted/legal", context=2_000)


# -- the command


def run(*arguments: object) -> Any:
    """What ``hubbub cohort make`` says and comes to."""
    return CliRunner().invoke(commands, ["cohort", "make", *map(str, arguments)])


def test_the_command_makes_the_file(spec: Path, tmp_path: Path) -> None:
    """The same command again leaves it as it is; another one does not replace it."""
    out = tmp_path / "c.json"
    done = run(spec, "--count", 20, "--seed", 7, "-o", out)
    cohort = read_cohort(out)

    assert f"20 personas, SHA-256 {cohort.sha256}" in done.output
    assert cohort == draw(*_first(read_spec(spec)))
    assert run(spec, "--count", 20, "--seed", 7, "-o", out).exit_code == 0
    refused = run(spec, "--count", 20, "--seed", 8, "-o", out)
    assert explain(refused.exception) == 2
    assert read_cohort(out) == cohort


def _first(read: tuple[Spec, str]) -> tuple[Spec, int, int, str]:
    return (read[0], 20, 7, read[1])


def test_the_command_speaks_json(spec: Path, tmp_path: Path) -> None:
    """One line."""
    out = tmp_path / "c.json"
    done = run(spec, "--count", 2, "-o", out, "--json")

    assert json.loads(done.output) == {
        "file": str(out),
        "count": 2,
        "sha256": read_cohort(out).sha256,
    }
