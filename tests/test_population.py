"""A population is checked before anything is made, and read back as it was written."""

from collections.abc import Callable
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.cohort import Persona, seal
from hubbub.errors import BadName, BadPopulation, UnknownName, UsageError
from hubbub.groups import MAX_SEATS, MAX_SEED, MAX_TEMPLATE
from hubbub.models.base import Sampling
from hubbub.models.local import CONTEXT
from hubbub.names import RESERVED, check_room, check_run, check_seat, inbox
from hubbub.policies import Full, Notes, Summary, Window
from hubbub.population import (
    MAX_FILE,
    Cast,
    Group,
    Population,
    Template,
    as_toml,
    read_population,
)
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage
from hubbub.templates import fill, places

from .test_verdict import ask

PARTY = 'scenario = "cocktail-party"\n'
MEMORY = f"{PARTY}[[seats]]\n[seats.memory]\n"

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a population file."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "p.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def party(*groups: Group, **parameters: object) -> Population:
    """A cocktail party of *groups*."""
    return Population(scenario="cocktail-party", seats=groups, parameters=parameters)


# -- names


@pytest.mark.parametrize("name", ["L1", "a", "9", "Ann-Marie", "x" * 64, "mallory"])
def test_what_names_a_seat(name: str) -> None:
    """Up to 64 letters, digits and hyphens, beginning with a letter or digit."""
    assert check_seat(name) == check_room(name) == check_run(name) == name
    assert check_room(inbox(name)) == f"@{name}"


@pytest.mark.parametrize(
    "name", ["", "-a", "a b", "a_b", "a/b", "@a", "a\n", "é", "x" * 65, "\x1b", "a\x00"]
)
def test_what_names_nothing(name: str) -> None:
    """Nothing that a file, a key, a channel or a terminal could take for more."""
    for check in (check_seat, check_room, check_run):
        if name != "@a" or check is not check_room:
            with pytest.raises(BadName, match="cannot name a"):
                check(name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_the_platforms_own_names_are_taken(name: str) -> None:
    """In whatever case, so that no seat can pass for a part of the platform."""
    for case in (name, name.upper(), name.capitalize()):
        with pytest.raises(BadName, match="no name of the platform's own"):
            check_seat(case)


# -- seats


def test_seats_are_numbered_within_their_group() -> None:
    """Groups give their prefix, or names."""
    population = party(Group(count=2, prefix="A"), Group(names=("zoe", "ann")))

    assert population.names() == ("A1", "A2", "zoe", "ann")
    assert population.groups()["zoe"] == population.seats[1]


@pytest.mark.parametrize(
    "groups",
    [
        (Group(names=("ann", "ann")),),
        (Group(names=("ann", "Ann")),),
        (Group(count=2), Group(count=3)),
        (Group(count=1, prefix="x"), Group(count=1, prefix="X")),
    ],
    ids=range(4),
)
def test_no_two_seats_are_called_alike(groups: tuple[Group, ...]) -> None:
    """Nor do they differ in case alone: neither people nor models tell them apart."""
    with pytest.raises(BadPopulation, match=r"two seats are called .* a prefix of"):
        party(*groups).names()


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ((Group(count=0),), "0 seats: a run has from 1 to 100,000"),
        ((Group(count=MAX_SEATS), Group(count=1, prefix="x")), "100,001 seats"),
        ((Group(count=MAX_SEATS + 1),), r"<= 100000 - at `\$\.seats\[0\]\.count"),
        ((Group(count=-1),), r">= 0 - at `\$\.seats\[0\]\.count`"),
        ((Group(count=3, names=("ann", "ben")),), "2 names for 3 seats"),
        ((Group(names=("ann",)),), "played by 2 seats or more, not 1"),
        ((Group(count=2, prefix="a b"),), "'a b1' cannot name a seat"),
        ((Group(names=("ann", "conductor")),), "'conductor' cannot name a seat"),
    ],
    ids=range(8),
)
def test_how_many_seats_there_may_be(groups: tuple[Group, ...], words: str) -> None:
    """From the scenario's least number to `MAX_SEATS`, all of them with names."""
    with pytest.raises(UsageError, match=words):
        Cast(party(*groups))


def test_a_scenario_fills_what_is_left_open() -> None:
    """Its own number of seats and its own mind, or the model's where one is given."""
    model = Group(count=2, model="scripted/legal")

    assert len(Cast(party()).names) == 10
    assert Cast(party()).population.seats[0].mind == "reinforcement"
    assert Cast(party(model)).population.seats[0].mind == "model"
    assert party(model, Group(count=1, prefix="x")).models() == ("scripted/legal",)


# -- the file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"p\.toml: Object missing required field `scenario`"),
        ("scenario = \n", r"p\.toml: Invalid value \(at line 1, column 12\)"),
        (b"scenario = '\xff'", r"p\.toml is not UTF-8: byte 12"),
        (PARTY + "x = " + "[" * 5_000, r"p\.toml: (nested too deeply|Invalid value)"),
        (PARTY + "seat = 1", r"unknown key in .*p\.toml 'seat': did you mean 'seats'"),
        (PARTY + "[[seats]]\ncuont = 1", r"'cuont': did you mean 'count'"),
        (PARTY + "[[seats]]\n[seats.sampling]\ntemp = 1", r"did you mean 'temperatur"),
        (PARTY + "seats = 3", r"Expected `array`, got `int` - at `\$\.seats`"),
        (PARTY + "[[seats]]\nsampling = 3", r"Expected `object`, got `int`"),
        (PARTY + "[seats]\ncount = 3", r"Expected `array`, got `object`"),
        (PARTY + "[[seats]]\ncount = -1", r"Expected `int` >= 0"),
        (PARTY + "[[seats]]\nnames = 'ann'", r"Expected `array`, got `str`"),
        (PARTY + "seed = 1.5", r"Expected `int`, got `float` - at `\$\.seed`"),
        (PARTY + "seed = 9007199254740992", r"Expected `int` <= 9007199254740991"),
        (
            PARTY + "[[seats]]\n[seats.sampling]\nmax_tokens = 0",
            r"Expected `int` >= 1",
        ),
        (
            PARTY + "[[seats]]\n[seats.sampling]\ntemperature = nan",
            r"Expected `float` >= 0",
        ),
        ("#" * (MAX_FILE + 1), r"p\.toml is no population file: over 16,777,216 bytes"),
        (
            MEMORY + "policy = 'sumary'",
            "policy of memory .*'sumary': did you mean 'summ",
        ),
        (
            MEMORY + "limit = 3",
            "p.toml: a memory has a policy: full, window, summary, n",
        ),
        (MEMORY + "policy = 3", r"p\.toml: a memory has a policy: full, window"),
        (
            MEMORY + "policy = 'window'\nround = 3",
            "memory window .*did you mean 'rounds",
        ),
        (
            MEMORY + "policy = 'full'\nlimit = 3",
            "key of the memory full .*'limit': known",
        ),
        (MEMORY + "policy = 'window'", "a window has rounds, messages or tokens"),
        (MEMORY + "policy = 'window'\nrounds = 0", r"Expected `int` >= 1"),
        (
            MEMORY + "policy = 'summary'\nkeep = 2048",
            "keep = 2048 must be below limit =",
        ),
        (MEMORY + "policy = 'notes'\nthreshold = nan", r"Expected `float` > 0"),
        (PARTY + "[[seats]]\nmemory = 'full'", 'write memory = { policy = "full" }'),
        (PARTY + "[[seats]]\nmemory = 3", "Expected `object`, got `int`"),
        (PARTY + "[[seats]]\ncontext = 9", r"Expected `int` >= 256"),
        (PARTY + "[[seats]]\nsystem = 'none.txt'", r"none\.txt: No such file"),
        (PARTY + "[[seats]]\nsystem = '.'", "Is a directory"),
        (PARTY + "[[seats]]\nsystem = { text = '{who}' }", "unknown placeholder {who}"),
        (PARTY + "[[seats]]\ncohort = 'none.json'", r"none\.json: No such file"),
        (PARTY + "[[seats]]\ncohort_from = -1", "Expected `int` >= 0"),
    ],
    ids=range(34),
)
def test_a_file_that_is_wrong_says_where(
    write: Write, text: str | bytes, words: str
) -> None:
    """Syntax, encoding, keys, types, bounds, size: each error names what to mend."""
    with pytest.raises(UsageError, match=words):
        read_population(write(text))


def test_a_long_file_is_read(write: Write) -> None:
    """Ten megabytes are within what a population of `MAX_SEATS` names may need."""
    text = PARTY + "# " + "x" * 10_000_000

    assert read_population(write(text)) == party()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(BadPopulation, match=r"none\.toml: No such file"):
        read_population(tmp_path / "none.toml")
    with pytest.raises(BadPopulation, match="Is a directory"):
        read_population(tmp_path)


def test_paths_are_relative_to_the_file(write: Write, tmp_path: Path) -> None:
    """So that a study's folder can be moved, and a run folder points to its game."""
    path = write('scenario = "g.py"\n[[seats]]\ncount = 1\nmind = "m.py:M"')
    population = read_population(path)

    assert population.scenario == str(tmp_path / "g.py")
    assert population.seats[0].mind == f"{tmp_path / 'm.py'}:M"


def test_a_template_is_taken_in(write: Write, tmp_path: Path) -> None:
    """Its text is in the population, so that the run folder and containers have it."""
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfI am {seat}.\r\n{persona}")
    population = read_population(write(PARTY + "[[seats]]\nsystem = 't.txt'"))
    (tmp_path / "t.txt").unlink()
    write(as_toml(population))

    assert population.seats[0].system == Template("I am {seat}.\n{persona}")
    assert read_population(tmp_path / "p.toml") == population


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            b"I am {name}.",
            r"t\.txt: unknown placeholder {name}: there are {seat}, {count}",
        ),
        (b"I am \xff.", r"t\.txt is not UTF-8: byte 5"),
        (b" \n", "a template has from 1 to 20,000 characters"),
        (b"x" * (MAX_TEMPLATE + 1), "a template has from 1 to 20,000 characters"),
    ],
    ids=range(4),
)
def test_a_template_that_is_wrong_says_where(
    write: Write, tmp_path: Path, text: bytes, words: str
) -> None:
    """The error names the file, and for a placeholder those that there are."""
    (tmp_path / "t.txt").write_bytes(text)
    with pytest.raises(BadPopulation, match=words):
        read_population(write(PARTY + "[[seats]]\nsystem = 't.txt'"))


@given(text=st.text(max_size=60), value=st.text(max_size=20))
def test_other_braces_stand_for_themselves(text: str, value: str) -> None:
    """Only a name in braces is a place, and what fills it is not read again."""
    filled = fill(f"{text.replace('{', '(')}{{seat}}", {"seat": value})

    assert filled == text.replace("{", "(") + value
    assert fill('{"to": [{}, {1}, { seat }]}', {}) == '{"to": [{}, {1}, { seat }]}'
    assert places("{seat}{{count}}{seat}") == ("seat", "count")


def test_a_local_models_context_is_its_own() -> None:
    """Smaller unless the population says more, and never more than its server has."""

    def context(model: str, tokens: int | None = None) -> int:
        cast = Cast(party(Group(count=2, model=model, context=tokens)))
        return cast.part("L1").context

    assert context("scripted/legal") == 8_192
    assert context("local/smollm2-135m") == 2_048
    assert context("local/smollm2-135m", 1_000) == 1_000
    assert context("local/smollm2-135m", 100_000) == CONTEXT


def test_a_population_has_a_limit_with_its_cohorts() -> None:
    """What could not be read back is not written."""
    personas = tuple(Persona(text="x" * 4_000) for _ in range(1_500))
    groups = (Group(count=1, prefix=f"P{i}", cohort=seal(personas)) for i in range(3))
    with pytest.raises(
        BadPopulation, match=r"with its cohorts has 18,.* limit is 16,777"
    ):
        as_toml(party(*groups))


_words = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
_values = st.recursive(
    st.booleans()
    | st.integers(-MAX_SEED, MAX_SEED)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3)
    ),
    max_leaves=8,
)
_tables = st.dictionaries(_words, _values, max_size=4)
_names = st.text(alphabet=ascii_letters + digits, min_size=1, max_size=9)
_groups = st.builds(
    Group,
    count=st.integers(0, MAX_SEATS),
    prefix=_words,
    names=st.lists(_words, max_size=3).map(tuple),
    mind=_names,
    model=_words,
    sampling=st.builds(
        Sampling,
        temperature=st.floats(0, 100),
        top_p=st.none() | st.floats(0, 1),
        max_tokens=st.integers(1, 1_000_000),
    ),
    memory=st.sampled_from(
        [
            Full(),
            Window(rounds=3),
            Window(messages=2, tokens=9),
            Summary(limit=9, keep=3),
            Notes(threshold=1.5, batch=2),
        ]
    ),
    context=st.none() | st.integers(256, 1_000_000),
    system=_words.map(lambda text: Template(text.replace("{", "("))),
    cohort=st.none()
    | st.lists(_words.filter(bool), max_size=2).map(
        lambda texts: seal(tuple(Persona(text=text) for text in texts))
    ),
    cohort_from=st.integers(0, 9),
    options=_tables,
)
_populations = st.builds(
    Population,
    scenario=_names,
    seed=st.integers(-MAX_SEED, MAX_SEED),
    parameters=_tables,
    seats=st.lists(_groups, max_size=3).map(tuple),
)


@given(population=_populations)
def test_a_population_is_read_back_as_it_was_written(
    population: Population, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever text, numbers and nesting are in it."""
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(as_toml(population), encoding="utf-8", newline="")
    sent = msgspec.json.encode(population)

    assert read_population(path) == population
    assert msgspec.json.decode(sent, type=Population) == population
    assert as_toml(read_population(path)) == as_toml(population)


@pytest.mark.parametrize("value", [None, [1, None], "\udcff", {"a": None}])
def test_what_a_file_cannot_hold_is_refused(value: object) -> None:
    """Before a folder is made for it."""
    with pytest.raises(BadPopulation, match="a population file cannot hold this"):
        Cast(party(Group(count=2, options={"x": value})))


# -- parameters


@scenario(mind="silent", seats=3)
async def game(
    stage: Stage,
    rounds: Count = 3,
    pace: float = 1.0,
    word: str = "x",
    limit: Seconds | None = None,
    *,
    grid: tuple[int, int] = (1, 2),
) -> None:
    """A game with parameters of many types."""


def test_parameters_are_converted_to_their_types() -> None:
    """What the command line gives as text is read as the parameter's type."""
    values = {"rounds": "7", "pace": 2, "word": "5", "grid": ["3", 4]}

    assert game.bind(values) == {
        "rounds": 7,
        "pace": 2.0,
        "word": "5",
        "limit": None,
        "grid": (3, 4),
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rounds", "7", 7),
        ("word", "5", "5"),
        ("word", "true", "true"),
        ("word", "plain words", "plain words"),
        ("word", '"quoted"', "quoted"),
        ("word", "[" * 10_000, "[" * 10_000),
        ("word", "\udcff", "\udcff"),
        ("limit", "null", None),
        ("grid", "[3, 4]", [3, 4]),
        ("rounds", "many", "many"),
        ("rounds", "[1]", [1]),
        ("nothing", "1", 1),
    ],
    ids=range(12),
)
def test_what_is_typed_is_read_by_the_parameters_type(
    name: str, text: str, value: object
) -> None:
    """JSON where that fits, else the text as it stands."""
    assert game.read(name, text) == value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rounds", 0, "parameter rounds: Expected `int` >= 1"),
        ("rounds", -1, "parameter rounds: Expected `int` >= 1"),
        ("rounds", 10**6, "parameter rounds: Expected `int` <= 100000"),
        ("rounds", "many", "parameter rounds: Expected `int`, got `str`"),
        ("rounds", 1.5, "parameter rounds: Expected `int`, got `float`"),
        ("pace", "nan", "parameter pace: nan is no finite number"),
        ("pace", "inf", "parameter pace: inf is no finite number"),
        ("limit", 0, "parameter limit: Expected `float` > 0"),
        ("grid", [1], "parameter grid: Expected `array` of length 2"),
        ("roundz", 1, "unknown parameter 'roundz': did you mean 'rounds'"),
        ("stage", 1, "unknown parameter 'stage'"),
    ],
    ids=range(11),
)
def test_a_wrong_parameter_says_what_is_right(
    name: str, value: Any, words: str
) -> None:
    """Its name, the type, and the bounds."""
    with pytest.raises(UsageError, match=words):
        game.bind({name: value})


def test_a_parameter_without_a_default_must_be_set() -> None:
    """The error says how."""

    @scenario()
    async def strict(stage: Stage, rounds: int) -> None:
        """Needs to know."""

    assert strict.bind({"rounds": 3}) == {"rounds": 3}
    with pytest.raises(BadPopulation, match="rounds has no value: --set rounds=VALUE"):
        strict.bind({})


# -- minds


MINDS = """
from hubbub.mind import Mind
from hubbub_agents.silent import Silent

class Broken(Silent):
    '''Raises when it is made.'''
    def __init__(self, part):
        raise ZeroDivisionError("no such \\x1b thing")

class Leaver(Silent):
    '''Wants the process to end.'''
    def __init__(self, part):
        raise SystemExit(0)

class Unready(Mind):
    '''Has no act.'''

class Moody(Silent):
    '''Can be made for the first seat alone.'''
    def __init__(self, part):
        super().__init__(part)
        if part.seat != part.seats[0]:
            raise KeyError(part.seat)
"""


@pytest.fixture
def minds(tmp_path: Path) -> str:
    """The path of a file of minds that cannot be made."""
    path = tmp_path / "minds.py"
    path.write_text(MINDS)
    return str(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Broken", r"of seat L1 cannot be made: ZeroDivisionError: no such \\u001b"),
        ("Leaver", "of seat L1 cannot be made: SystemExit: 0"),
        ("Unready", "cannot be made: TypeError: .*abstract"),
    ],
)
def test_a_mind_that_cannot_be_made_stops_the_run(
    minds: str, name: str, words: str
) -> None:
    """Before it has begun."""
    with pytest.raises(BadPopulation, match=words):
        Cast(party(Group(count=2, mind=f"{minds}:{name}")))


async def test_a_mind_that_cannot_be_made_later_fails_its_acts(minds: str) -> None:
    """A worker that hosts such a seat hosts others too: they must not go down with it."""
    cast = Cast(party(Group(count=2, mind=f"{minds}:Moody")))
    broken = cast.mind("L2")

    assert await cast.mind("L1").act(ask()) is None
    with pytest.raises(BadPopulation, match="seat L2 cannot be made: KeyError: 'L2'"):
        await broken.act(ask())


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (Group(count=2, mind="nobody"), "unknown mind 'nobody'"),
        (
            Group(count=2, mind="model"),
            "seat L1 has the mind 'model' and no model: set",
        ),
        (
            Group(count=2, options={"swy": 1}),
            "options of seat L1: .*unknown field `swy`",
        ),
        (Group(count=2, options={"sway": "x"}), "Expected `float`, got `str`"),
        (Group(count=2, options={"accepts": 2}), "Expected `float` <= 1"),
        (Group(count=2, options={"habit": "nan"}), "Expected `float` >= 0"),
        (
            Group(count=2, model="scripted/legal", options={"memory": 9}),
            "options of seat L1: .*unknown field `memory`",
        ),
    ],
    ids=range(7),
)
def test_a_seats_mind_and_options_are_checked(group: Group, words: str) -> None:
    """The error names the seat and what is wrong with it."""
    with pytest.raises(UsageError, match=words):
        Cast(party(group))


def test_an_unknown_scenario_is_the_first_thing_said() -> None:
    """With the nearest one."""
    with pytest.raises(UnknownName, match="did you mean 'cocktail-party'"):
        Cast(Population(scenario="coctail-party"))
