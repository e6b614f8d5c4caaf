"""The command line refuses what cannot be, names the mend and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
import structlog

from hubbub.bus.server import find_binary
from hubbub.cli import main
from hubbub.log import GENESIS, chain, with_hash, without_hash

from . import hostile
from .servers import KINDS, binary_of

#: Seconds for which a command of a test may run.
PATIENCE = 60
PARTY = ("run", "cocktail-party", "--agents", "4")
BRIEF = (*PARTY, "--set", "rounds=1")


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """Its output as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Hubbub = Callable[..., Done]


def _ours(name: str) -> bool:
    """Whether the environment variable *name* would change what these tests see."""
    return name.startswith(("HUBBUB_", "OPENAI_", "REDIS_"))


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of whoever runs the tests, and no logging left behind."""
    for name in filter(_ours, os.environ):
        monkeypatch.delenv(name)
    yield
    structlog.reset_defaults()


@pytest.fixture
def hubbub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Hubbub:
    """Runs a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        return Done(ended.value.code, out, err)

    return run


def start(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """A command in a process of its own, to be waited for with `finish`."""
    settled: dict[str, Any] = {
        "env": {k: v for k, v in os.environ.items() if not _ours(k)},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "encoding": "utf-8",
        "errors": "surrogateescape",
        **options,
    }
    return subprocess.Popen([sys.executable, "-m", "hubbub", *arguments], **settled)


def finish(process: "subprocess.Popen[str]") -> Done:
    """Wait for *process*; a traceback is never an ending."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert "Traceback" not in (out or "") + (err or "")
    return Done(process.returncode, out, err)


def shell(*arguments: str, **options: Any) -> Done:
    """How a command ends in a process of its own."""
    return finish(start(*arguments, **options))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run; look, do not touch."""
    folder = tmp_path_factory.mktemp("played") / "x"
    assert shell(*BRIEF, "--seed", "7", "--out", str(folder)).code == 0
    return folder


@pytest.fixture
def folder(played: Path, tmp_path: Path) -> Path:
    """A copy of the complete run, to be damaged."""
    return Path(shutil.copytree(played, tmp_path / "copy"))


def everything(folder: Path) -> set[Path]:
    """All files and folders below *folder*."""
    return set(folder.rglob("*"))


# -- what is refused

FILES: dict[str, str | bytes] = {
    "empty.toml": "",
    "syntax.toml": "scenario = \n",
    "latin.toml": b"scenario = '\xe9'",
    "key.toml": "scenario = 'cocktail-party'\nsedes = 1",
    "case.toml": "scenario = 'cocktail-party'\n[[seats]]\nnames = ['ann', 'Ann']",
    "name.toml": "scenario = 'cocktail-party'\n[[seats]]\nnames = ['a b', 'c']",
    "taken.toml": "scenario = 'cocktail-party'\n[[seats]]\nnames = ['a', 'Ledger']",
    "two.toml": "scenario = 'open-room'\n[[seats]]\ncount = 1\n[[seats]]\ncount = 1",
    "large.toml": "# " + "x" * 10_000_000,
    "raises.py": "raise ValueError('\\x1b[2J no')",
    "exits.py": "raise SystemExit(0)",
    "none.py": "",
    "pair.py": (
        "from hubbub import scenario\n@scenario()\nasync def a(stage): ...\n"
        "@scenario()\nasync def b(stage): ...\n"
    ),
    "null.py": (
        "from hubbub import scenario\n@scenario()\n"
        "async def null(stage, x: int | None = 3): ...\n"
    ),
    "mind.py": (
        "from hubbub.mind import Mind\nclass M(Mind):\n"
        "    def __init__(self, part): raise ValueError('no')\n"
        "    async def act(self, ask): ...\n"
    ),
    "afile": "",
}

REFUSED: list[tuple[str, str]] = [
    ("", "Usage: hubbub"),
    ("rnu", "unknown command 'rnu': did you mean 'run'?"),
    ("run", "Missing argument 'SCENARIO'"),
    ("run party --wat", "No such option"),
    ("run coctail-party", "unknown scenario 'coctail-party': did you mean 'cocktail-p"),
    ("run cocktail-party --mind unifrom", "unknown mind 'unifrom': did you mean 'un"),
    ("run cocktail-party --mind model", "set --model provider/model"),
    ("run cocktail-party --mind mind.py", "of seat L1 cannot be made: ValueError: no"),
    ("run cocktail-party --mind mind.py:N", "unknown mind 'N': known: M"),
    ("run cocktail-party --mind gone.py:M", "gone.py: No such file"),
    ("run cocktail-party --set round=1", "unknown parameter 'round': did you mean 'ro"),
    ("run cocktail-party --set rounds", "--set rounds: write it as NAME=VALUE"),
    ("run cocktail-party --set rounds=0", "parameter rounds: Expected `int` >= 1"),
    ("run cocktail-party --set rounds=-1", "parameter rounds: Expected `int` >= 1"),
    (
        "run cocktail-party --set rounds=x",
        "parameter rounds: Expected `int`, got `str`",
    ),
    ("run cocktail-party --set rounds=9e9", "parameter rounds: Expected `int` <= 100"),
    ("run cocktail-party --set turns=0", "parameter turns: Expected `int` >= 1"),
    ("run cocktail-party --set budget=nan", "parameter budget: Expected `float` > 0"),
    ("run null.py --set x=null", "a population file cannot hold this"),
    ("run open-room --set pause=-1", "parameter pause: Expected `float` >= 0"),
    ("run cocktail-party --agents 0", "0 is not in the range 1<=x<=100000"),
    ("run cocktail-party --agents -1", "-1 is not in the range"),
    ("run cocktail-party --agents 100001", "100001 is not in the range"),
    ("run cocktail-party --agents ten", "'ten' is not a valid integer"),
    ("run cocktail-party --agents 1", "is played by 2 seats or more, not 1"),
    ("run cocktail-party --seed 1.5", "'1.5' is not a valid integer"),
    ("run cocktail-party --seed 9007199254740992", "is not in the range"),
    ("run cocktail-party --workers 65", "65 is not in the range"),
    ("run two.toml --agents 3", "--agents fits one group of seats"),
    ("run gone.toml", "gone.toml: No such file or directory"),
    ("run folder.toml", "folder.toml: Is a directory"),
    ("run empty.toml", "Object missing required field `scenario`"),
    ("run syntax.toml", "Invalid value (at line 1, column 12)"),
    ("run latin.toml", "latin.toml is not UTF-8: byte 12"),
    ("run key.toml", "unknown key in key.toml 'sedes': did you mean 'seed'?"),
    ("run case.toml", "two seats are called Ann, in whatever case"),
    ("run name.toml", "'a b' cannot name a seat"),
    ("run taken.toml", "'Ledger' cannot name a seat"),
    ("run large.toml", "Object missing required field `scenario`"),
    ("run gone.py", "gone.py: No such file or directory"),
    ("run raises.py", "raises.py, line 1: ValueError: \\u001b[2J no"),
    ("run exits.py", "exits.py, line 1: SystemExit: 0"),
    ("run none.py", "none.py has no scenario in it"),
    ("run pair.py", "choose one of"),
    ("run pair.py:c", "unknown scenario 'c': known: a, b"),
    ("run cocktail-party --model gpt-5", "a name is provider/model"),
    ("run cocktail-party --model openai/gpt-5", "set OPENAI_API_KEY"),
    ("run cocktail-party --model opnai/gpt-5", "did you mean 'openai'"),
    ("run cocktail-party --model scripted/x", "unknown script 'x': known: echo, legal"),
    ("run cocktail-party --model local/x", "unknown local model 'x'"),
    ("run cocktail-party --out afile", "can be made at afile: Not a directory: choose"),
    ("run cocktail-party --out afile/x", "can be made at afile/x: Not a directory"),
    ("run cocktail-party --out full", "full is not empty: choose another --out"),
    ("run cocktail-party --redis nowhere", "--redis: 'nowhere' is no server's address"),
    ("run cocktail-party --redis http://h", "write redis://HOST:PORT"),
    ("run cocktail-party --redis redis://u:s3cret@h:x", "'h:x' is no server's addr"),
    ("run cocktail-party --redis redis://127.0.0.1:1", "start it, or do without it"),
    ("run cocktail-party --redis unix:///no/sock", "the server does not answer"),
    ("resume", "Missing argument 'FOLDER'"),
    ("resume gone", "gone is not a run folder: it has no manifest.json"),
    ("resume full", "full is not a run folder"),
    ("show", "there is no run in runs/ yet: name a run folder"),
    ("show gone", "runs/gone is not a run folder"),
    ("verify full", "full is not a run folder"),
    ("tail afile", "afile is not a run folder"),
    ("tail --from 0", "0 is not in the range"),
    ("tail --redis nowhere x", "'nowhere' is no server's address"),
    ("ls gone", "gone is no folder"),
    ("models fetch gpt", "unknown local model 'gpt': known: smollm2-135m"),
    ("models ftech", "No such command 'ftech'"),
]


@pytest.mark.parametrize(
    ("command", "words"), REFUSED, ids=[command for command, _ in REFUSED]
)
def test_what_cannot_be_is_refused(
    hubbub: Hubbub, tmp_path: Path, command: str, words: str
) -> None:
    """Exit 2, a sentence on stderr that names the mend, and nothing is left behind."""
    for name, content in FILES.items():
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
    for name in ("folder.toml", "full"):
        (tmp_path / name / "inside").mkdir(parents=True)
    before = everything(tmp_path)
    done = hubbub(*command.split())

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "s3cret" not in done.err
    assert "\x1b" not in done.err
    assert {p for p in everything(tmp_path) if "__pycache__" not in str(p)} == before


def test_a_server_named_in_the_environment_is_named_in_the_error(
    hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has set REDIS_URL long ago must be told where the address comes from."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    done = hubbub(*BRIEF)

    assert done.code == 2
    assert "REDIS_URL: the server does not answer" in done.err


def test_a_server_binary_that_is_not_there(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a folder is made for it."""
    monkeypatch.setenv("HUBBUB_SERVER", "/no/valkey")
    done = hubbub(*BRIEF)

    assert done.code == 2
    assert "/no/valkey cannot be executed: name a Valkey" in done.err
    assert not everything(tmp_path)


def test_a_resumed_run_needs_its_models_too(
    hubbub: Hubbub, folder: Path, tmp_path: Path
) -> None:
    """A key that is gone since is missed before anything is started."""
    text = "scenario = 'cocktail-party'\n[[seats]]\ncount = 2\nmodel = 'openai/gpt-5'\n"
    (folder / "population.toml").write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {
        "state": "running",
        "population_sha256": sha256(text.encode()).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = hubbub("resume", str(folder))

    assert done.code == 2
    assert "set OPENAI_API_KEY" in done.err
    assert not (folder / "server").exists()


# -- runs


def test_a_run_and_what_can_be_seen_of_it(hubbub: Hubbub, tmp_path: Path) -> None:
    """One command plays it; the others find it by themselves."""
    done = hubbub(*BRIEF, "--seed", "7")
    (run,) = [path.name for path in (tmp_path / "runs").glob("2*")]

    assert done.code == 0
    assert f"{run}: complete" in done.out
    assert hubbub("verify").out.startswith(f"{run}: ")
    assert hubbub("show").out.splitlines()[0].split() == ["run", run]
    assert hubbub("ls").out.split()[-1] == run
    assert "── round 1 of 1 ──" in hubbub("tail", run).out


def test_json_is_for_programs(hubbub: Hubbub) -> None:
    """Lines of JSON on stdout, words on stderr, for every command."""
    done = hubbub(*BRIEF, "--seed", "7", "--json", "--out", "x")
    first, *_, last = done.lines()

    assert first["event"] == "start"
    assert (last["event"], last["complete"], last["folder"]) == ("done", True, "x")
    assert "── round 1 of 1 ──" in done.err
    (verified,) = hubbub("verify", "x", "--json").lines()
    (shown,) = hubbub("show", "x", "--json").lines()
    (listed,) = hubbub("ls", ".", "--json").lines()
    assert verified["ok"]
    assert verified["messages"] == last["messages"] == shown["messages"]
    assert listed["run"] == verified["run"] == shown["run"] == last["run"]
    assert listed["state"] == shown["state"] == "complete"


def test_the_same_command_on_the_same_folder(hubbub: Hubbub) -> None:
    """A complete run is not played again."""
    assert hubbub(*BRIEF, "--out", "x").code == 0
    done = hubbub(*BRIEF, "--out", "x")
    resumed = hubbub("resume", "x")

    assert (done.code, resumed.code) == (2, 2)
    assert "x holds a complete run: choose another --out" in done.err
    assert "the run in x is complete: look at it with 'hubbub show x'" in resumed.err


def test_a_game_and_a_mind_by_path(hubbub: Hubbub, tmp_path: Path) -> None:
    """They are kept with absolute paths, so that the run can be resumed from anywhere."""
    shutil.copy(hostile.__file__, tmp_path / "game.py")
    done = hubbub("run", "game.py", "--mind", "game.py:Honest", "--out", "x", "--json")
    kept = (tmp_path / "x" / "population.toml").read_text()

    assert done.code == 0
    assert done.lines()[-1]["outcomes"] == {"answered": 8}
    assert f'scenario = "{tmp_path}/game.py"' in kept
    assert f'mind = "{tmp_path}/game.py:Honest"' in kept


def test_every_role_logs_for_itself(hubbub: Hubbub, tmp_path: Path) -> None:
    """Which role and run each line is of, and nothing that was said."""
    options = ("--seed", "7", "--workers", "2", "--out", "x")
    done = shell(*PARTY, "--set", "rounds=2", *options, cwd=tmp_path)
    log = (tmp_path / "x/roles.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    said = hubbub("tail", "x", "--kind", "say", "--json").lines()

    assert done.code == 0
    assert {line["role"] for line in lines} == {"worker", "conductor", "logger"}
    assert {line["run"] for line in lines} == {
        json.loads((tmp_path / "x/manifest.json").read_text())["run"]
    }
    assert said
    assert not [m for m in said if m["body"]["text"] in log]


def test_models_in_a_run(hubbub: Hubbub, tmp_path: Path) -> None:
    """``calls.jsonl`` has one record of each call; the log has its checksum."""
    model = ("--model", "scripted/legal", "--seed", "7")
    done = hubbub(*PARTY, *model, "--set", "rounds=3", "--json", "--out", "x")
    records = [
        json.loads(line)
        for line in (tmp_path / "x/calls.jsonl").read_text().split("\n")[:-1]
    ]
    log = hubbub("tail", "x", "--kind", "call", "--json").lines()
    (shown,) = hubbub("show", "x", "--json").lines()

    assert done.code == 0
    assert [r["seq"] for r in records] == [m["seq"] for m in log]
    assert [r["call"]["call"] for r in records] == [m["body"]["call"] for m in log]
    assert len({m["body"]["call"] for m in log}) == len(log) > 8
    assert shown["models"]["scripted/legal"]["calls"] == len(log)
    assert all(len(m["body"]["sha256"]) == 64 for m in log)


def test_every_hostile_mind_in_one_run(hubbub: Hubbub, tmp_path: Path) -> None:
    """On a real server, in a real folder: complete, and the log is whole."""
    patient = [
        name
        for name, mind in hostile.MINDS.items()
        if not issubclass(mind, hostile.Never)
    ]
    seats = "".join(
        f"[[seats]]\ncount = 1\nprefix = '{name}'\nmind = '{hostile.__file__}:{name}'\n"
        for name in patient
    )
    (tmp_path / "all.toml").write_text(f"scenario = '{hostile.__file__}'\n{seats}")
    done = hubbub("run", "all.toml", "--set", "budget=30", "--json", "--out", "x")
    outcomes = done.lines()[-1]["outcomes"]

    assert done.code == 0
    assert hubbub("verify", "x").code == 0
    assert outcomes.keys() == {"answered", "crashed", "passed", "unparsable"}


def test_a_scenario_that_fails_leaves_a_run_that_goes_on(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    """Exit 3 with its error; mended, the same run ends."""
    game = (
        "from hubbub import Stage, scenario\n@scenario(seats=1)\n"
        "async def game(stage: Stage) -> None:\n    await stage.post('@L1', 'hello')\n"
    )
    (tmp_path / "game.py").write_text(game + "    raise ValueError('\\x1b[2J')\n")
    failed = shell("run", "game.py", "--out", "x", cwd=tmp_path)
    (tmp_path / "game.py").write_text(game)
    resumed = shell("resume", "x", "--json", cwd=tmp_path)

    assert failed.code == 3
    assert "game raised ValueError after step 1: \\u001b[2J" in failed.err
    assert resumed.code == 0
    assert hubbub("verify", "x").code == 0


# -- logs that are damaged

Damage = Callable[[list[bytes]], Sequence[bytes]]


def _edited(lines: list[bytes]) -> list[bytes]:
    at = next(i for i, line in enumerate(lines) if b'"kind":"say"' in line)
    return [
        *lines[:at],
        lines[at].replace(b'"text":"', b'"text":"Not '),
        *lines[at + 1 :],
    ]


def _forged(lines: list[bytes]) -> list[bytes]:
    """Edited, and every hash after it made anew."""
    digest, forged = GENESIS, list[bytes]()
    for line in _edited(lines):
        bare, _ = without_hash(line)
        digest = chain(digest, bare)
        forged.append(with_hash(bare, digest))
    return forged


DAMAGES: dict[str, tuple[Damage, str]] = {
    "empty": (lambda lines: [], "messages is 0 here and "),
    "torn": (
        lambda lines: [*lines[:9], lines[9][:40]],
        "log.jsonl:10: the line is torn",
    ),
    "cut": (lambda lines: lines[:-1], "here and"),
    "edited": (_edited, "the hash does not follow from the line before"),
    "forged": (_forged, "last_hash is "),
    "removed": (
        lambda lines: [*lines[:5], *lines[6:]],
        "log.jsonl:6: the hash does not",
    ),
    "doubled": (
        lambda lines: [*lines[:6], *lines[5:]],
        "log.jsonl:7: the hash does not",
    ),
    "swapped": (
        lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
        "log.jsonl:6: the hash does not follow",
    ),
    "more": (lambda lines: [*lines, lines[-1]], "the hash does not follow"),
    "garbage": (lambda lines: [*lines[:3], b"\xff\n"], "log.jsonl:4: not a message"),
    "deep": (lambda lines: [b"[" * 100_000 + b"\n"], "log.jsonl:1: not a message"),
    "another kind": (
        lambda lines: [lines[0].replace(b'"kind":"start"', b'"kind":"halt"')],
        "log.jsonl:1: not a message: unknown kind 'halt'",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_log_is_found_out(hubbub: Hubbub, folder: Path, name: str) -> None:
    """Exit 4 with the first line that fails; looking at it is an error at worst."""
    damage, words = DAMAGES[name]
    log = folder / "log.jsonl"
    log.write_bytes(b"".join(damage(log.read_bytes().splitlines(keepends=True))))
    done = hubbub("verify", str(folder))

    assert (done.code, done.out) == (4, "")
    assert words in done.err
    assert hubbub("show", str(folder)).code in (0, 2, 4)
    assert hubbub("tail", str(folder)).code in (0, 4)


def test_a_log_that_is_not_there(hubbub: Hubbub, folder: Path) -> None:
    """The manifest says that there was one."""
    (folder / "log.jsonl").unlink()

    assert hubbub("verify", str(folder)).code == 4
    assert "has no message in its log yet" in hubbub("show", str(folder)).err
    assert "has no log yet: -f waits for it" in hubbub("tail", str(folder)).err


@pytest.mark.parametrize(
    ("field", "value"),
    [("messages", 3), ("asks", 0), ("outcomes", {"answered": 1}), ("last_hash", "00")],
)
def test_a_manifest_that_says_otherwise(
    hubbub: Hubbub, folder: Path, field: str, value: Any
) -> None:
    """Its counts are part of what is verified."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    done = hubbub("verify", str(folder))

    assert done.code == 4
    assert f"{field} is " in done.err
    assert "in the manifest" in done.err


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"run": 5}', "\xff"])
def test_a_manifest_that_is_none(hubbub: Hubbub, folder: Path, text: str) -> None:
    """The folder is named; a list of runs goes on without it."""
    shutil.copytree(folder, folder.with_name("good"))
    (folder / "manifest.json").write_text(text, encoding="latin-1")
    listed = hubbub("ls", str(folder.parent))

    assert "copy is not a run folder: its man" in hubbub("verify", str(folder)).err
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 1
    assert "copy is not a run folder" in listed.err


MOODY = """
import itertools

from hubbub import Ask, Mind
from hubbub.questions import Acceptance, Invitation, Invite, Speech, Turn

moods = itertools.count()


class Moody(Mind):
    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Invite(others=others):
                return Invitation(others[next(moods) % len(others)])
            case Turn():
                return Speech("hm", leave=True)
            case question:
                return Acceptance(question.invited_by)
"""


def test_a_run_is_replayed(hubbub: Hubbub, folder: Path) -> None:
    """From its folder alone; what was done again is counted."""
    done = hubbub("replay", str(folder))
    (told,) = hubbub("replay", str(folder), "--json").lines()

    assert done.code == 0
    assert "replayed and equal" in done.out
    assert told["ok"]
    assert told["complete"]
    assert (told["acts"] > 4, told["skipped"]) == (True, {})


def test_a_replay_that_comes_out_otherwise(hubbub: Hubbub, tmp_path: Path) -> None:
    """Exit 4 with the first difference: where, whose, what was expected and found."""
    (tmp_path / "moody.py").write_text(MOODY)
    assert hubbub(*BRIEF, "--mind", "moody.py", "--out", "x").code == 0
    done = hubbub("replay", "x", "--json")
    (told,) = done.lines()

    assert done.code == 4
    assert "the replay is another run: at seq" in done.err
    assert not told["ok"]
    assert told["seat"].startswith("L")
    assert told["expected"] != told["found"]


def test_a_path_is_no_id(hubbub: Hubbub) -> None:
    """What has a slash in it is looked for where it says."""
    assert "hubbub: no/where is not a run folder" in hubbub("show", "no/where").err
    assert "hubbub: runs/nowhere is not a run" in hubbub("show", "nowhere").err


def test_nothing_is_replayed_without_a_log(hubbub: Hubbub, folder: Path) -> None:
    """Of a complete run it is missing; of one that has just begun it is not yet there."""
    (folder / "log.jsonl").unlink()
    missing = hubbub("replay", str(folder))
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete"', '"running"'))

    assert (missing.code, hubbub("replay", str(folder)).code) == (4, 2)


def test_a_population_that_was_changed(hubbub: Hubbub, folder: Path) -> None:
    """A run is not gone on with as another."""
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete"', '"running"'))
    with (folder / "population.toml").open("a") as file:
        file.write("# more\n")
    done = hubbub("resume", str(folder))

    assert done.code == 2
    assert "population.toml has been changed since the run began" in done.err


# -- tail


def test_tail_filters(hubbub: Hubbub, played: Path) -> None:
    """By room, kind, sender and number; together they narrow."""

    def tail(*filters: str) -> list[Any]:
        return hubbub("tail", str(played), "--json", *filters).lines()

    whole = tail()
    some = tail("--sender", "L[12]", "--kind", "say", "--kind", "leave", "--from", "20")

    assert [m["seq"] for m in whole] == list(range(1, len(whole) + 1))
    assert {m["room"] for m in tail("--room", "@L*")} == {f"@L{i}" for i in range(1, 5)}
    assert some == [
        m
        for m in whole
        if m["sender"] in ("L1", "L2")
        and m["kind"] in ("say", "leave")
        and m["seq"] >= 20
    ]
    assert some
    assert tail("--room", "no-such-room") == []


def test_tail_gives_the_logs_own_bytes(hubbub: Hubbub, played: Path) -> None:
    """So that its output is a log again."""
    done = hubbub("tail", str(played), "--json")

    assert done.out.encode() == (played / "log.jsonl").read_bytes()


def test_tail_shows_talk_unless_asked_for_more(hubbub: Hubbub, played: Path) -> None:
    """The bookkeeping with -v, or when a kind is named."""
    talk = hubbub("tail", str(played)).out
    everything = hubbub("tail", str(played), "-v").out

    assert "asks L1" not in talk
    assert "asks L1" in everything
    assert "asks L1" in hubbub("tail", str(played), "--kind", "ask").out


def test_tail_of_a_run_in_progress_ends_with_it(tmp_path: Path) -> None:
    """It has everything from the first message to the last, and needs no signal."""
    run = start(*PARTY, "--set", "rounds=6", "--json", "--out", "x", cwd=tmp_path)
    assert run.stdout is not None
    assert "start" in run.stdout.readline()
    tail = start("tail", "-f", "x", "--json", cwd=tmp_path)

    assert finish(run).code == 0
    lines = finish(tail).lines()
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["kind"] == "end"


# -- servers


@contextmanager
def serving(kind: str = "valkey", **settings: str) -> Generator[str]:
    """The address of a server with *settings*, over those that keep messages."""
    durable = {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
        **{name.replace("_", "-"): value for name, value in settings.items()},
    }
    with TemporaryDirectory(prefix="hub-") as folder:
        socket = f"{folder}/s"
        options = [part for k, v in durable.items() for part in (f"--{k}", v)]
        command = [
            str(binary_of(kind)),
            *options,
            "--unixsocket",
            socket,
            "--dir",
            folder,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert any("eady to accept" in line for line in server.stdout)
            try:
                yield f"unix://{socket}"
            finally:
                server.terminate()
                server.stdout.read()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_would_lose_messages_is_refused(
    hubbub: Hubbub, tmp_path: Path, kind: str
) -> None:
    """Every wrong setting is named with its mend, and nothing is left on either side."""
    with serving(kind, appendfsync="everysec", appendonly="no") as url:
        done = hubbub(*BRIEF, "--redis", url)
        listed = hubbub("ls", "--redis", url)

    assert done.code == 2
    assert "--redis: the server would lose messages:" in done.err
    assert "appendonly is no: CONFIG SET appendonly yes" in done.err
    assert "appendfsync is everysec: CONFIG SET appendfsync always" in done.err
    assert not everything(tmp_path)
    assert listed == (0, "", "")


def test_a_run_on_a_server_can_be_looked_at_there(hubbub: Hubbub) -> None:
    """By its id, with the same filters; the server's lines are the log's without hash."""
    with serving() as url:
        assert hubbub(*BRIEF, "--redis", url, "--out", "x").code == 0
        (listed,) = hubbub("ls", "--redis", url, "--json").lines()
        run = listed["run"]
        there = hubbub("tail", "--redis", url, run, "--json", "-f").lines()
        said = hubbub("tail", "--redis", url, run, "--kind", "end", "--json").lines()
        unknown = hubbub("tail", "--redis", url, "nothing")
        nameless = hubbub("tail", "--redis", url)
    here = hubbub("tail", "x", "--json").lines()

    assert there == [{k: v for k, v in line.items() if k != "hash"} for line in here]
    assert said == there[-1:]
    assert unknown.code == nameless.code == 2
    assert f"unknown run on this server 'nothing': known: {run}" in unknown.err


def test_a_server_that_is_gone_is_no_traceback(hubbub: Hubbub) -> None:
    """Looking needs a server that answers: exit 3."""
    for command in (("ls",), ("tail", "x")):
        done = hubbub(*command, "--redis", "redis://127.0.0.1:1")

        assert (done.code, done.out) == (3, "")
        assert "the server does not answer" in done.err


def test_a_server_with_a_password_says_so(hubbub: Hubbub) -> None:
    """Not that it is gone."""
    with serving(requirepass="s3cret") as url:
        done = hubbub(*BRIEF, "--redis", url)
        listed = hubbub("ls", "--redis", url)

    assert (done.code, listed.code) == (2, 3)
    assert "uthentication" in done.err
    assert "uthentication" in listed.err


# -- streams


@pytest.mark.parametrize("command", ["tail", "show", "verify"])
def test_who_has_seen_enough_may_leave(played: Path, command: str) -> None:
    """A pipe that is closed early is no error."""
    process = start(command, str(played))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None

    assert finish(process).code == 0


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_run_does_not_depend_on_who_watches(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Its reader leaves after the first line; it is played to its end."""
    process = start(*PARTY, "--set", "rounds=4", *options, "--out", "x", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    done = finish(process)

    assert done.code == 0
    assert json.loads((tmp_path / "x/manifest.json").read_text())["state"] == "complete"


def test_no_room_for_the_output_is_an_error(tmp_path: Path) -> None:
    """The run is complete all the same, and the error says where it is."""
    with Path("/dev/full").open("w") as full:
        done = shell(*BRIEF, "--out", "x", cwd=tmp_path, stdout=full)

    assert done.code == 3
    assert "the run is complete, but not its output: No space left" in done.err


ASCII = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    """What it does not have is written as an escape."""
    done = shell(*BRIEF, "--out", "x", cwd=tmp_path, env=ASCII)

    assert done.code == 0
    assert done.out.isascii()
    assert "\\u2500\\u2500 round 1 of 1" in done.out
    assert shell("show", "x", cwd=tmp_path, env=ASCII).code == 0
    assert shell("tail", "x", cwd=tmp_path, env=ASCII).out.isascii()
    assert shell("run", "caf\u00e9", env=ASCII).code == 2


def test_json_is_utf_8_everywhere(tmp_path: Path, played: Path) -> None:
    """Whatever the locale says: an escape of another kind would be no JSON."""
    copy = Path(shutil.copytree(played, tmp_path / "\u00e9t\u00e9"))
    listed = shell("ls", str(tmp_path), "--json", env=ASCII)
    tailed = shell("tail", str(copy), "--json", env=ASCII)

    assert [line["folder"] for line in listed.lines()] == [str(copy)]
    assert tailed.code == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed(tmp_path: Path, closed: str) -> None:
    """No file of the run takes their numbers, and so nothing is written into the log."""
    command = " ".join([sys.executable, "-m", "hubbub", *BRIEF, "-v", "--out", "x"])
    subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=tmp_path, check=True, timeout=PATIENCE
    )

    assert shell("verify", "x", cwd=tmp_path).code == 0


# -- signals


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_can_be_resumed(
    tmp_path: Path, sign: signal.Signals
) -> None:
    """Exit 130, the mend on stderr, no server left; then it goes on to its end."""
    options = (*PARTY, "--set", "rounds=10", "--json", "--out", "x")
    process = start(*options, cwd=tmp_path)
    assert process.stdout is not None
    assert "start" in process.stdout.readline()
    assert "round" in process.stdout.readline()
    process.send_signal(sign)
    stopped = finish(process)

    assert stopped.code == 130
    assert "stopped; go on with: hubbub resume x" in stopped.err
    resumed = shell("resume", "x", "--json", cwd=tmp_path)
    assert resumed.lines()[-1]["complete"]
    assert shell("verify", "x", cwd=tmp_path).code == 0


def test_an_impatient_ctrl_c_is_no_traceback(tmp_path: Path) -> None:
    """The second one ends the process at once, or comes too late."""
    process = start(*PARTY, "--set", "rounds=10", "--json", "--out", "x", cwd=tmp_path)
    assert process.stdout is not None
    assert "start" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)

    assert finish(process).code in (130, -signal.SIGINT)


# -- the rest


def test_doctor_looks_at_everything(hubbub: Hubbub) -> None:
    """The server, its settings, the disk, and each provider of models."""
    lines = {line["what"]: line for line in hubbub("doctor", "--json").lines()}

    assert lines["embedded server"]["ok"]
    assert "appendfsync always" in lines["embedded server"]["found"]
    assert lines["rights"]["found"].startswith("we are admin; nobody comes in")
    assert "scripted" in str(sorted(lines))


def test_doctor_names_a_server_that_is_not_there(hubbub: Hubbub) -> None:
    """Exit 3, with all the rest."""
    done = hubbub("doctor", "--redis", "redis://127.0.0.1:1")

    assert done.code == 3
    assert "BAD  server: the server does not answer" in done.out


def test_models_lists_what_answers_here(hubbub: Hubbub) -> None:
    """Those for tests always do, and are free."""
    listed = [line.split() for line in hubbub("models").out.splitlines()]
    found = {line["provider"]: line for line in hubbub("models", "--json").lines()}

    assert ["scripted/legal", "free"] in listed
    prices = found["scripted"]["prices"]
    assert prices["scripted/legal"] == {"input": 0, "output": 0}


def test_help_is_no_error(hubbub: Hubbub) -> None:
    """For the whole and for each command."""
    commands = hubbub("--help").out.partition("Commands:")[2].split("\n")
    names = [line.split()[0] for line in commands if line.strip()]

    assert names[:2] == ["run", "resume"]
    assert all(hubbub(name, "-h").code == 0 for name in names)


def test_the_bundled_server_is_found() -> None:
    """What these tests rest on."""
    assert find_binary().is_file()
