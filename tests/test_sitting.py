"""A run on the virtual clock has one log, whoever dies and however slow its models are."""

import fcntl
import os
import random
import shutil
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from hubbub.bus import open_bus
from hubbub.folder import Origin, RunFolder
from hubbub.ledger import read_records
from hubbub.log import audit_log, read_log
from hubbub.messages import Injected
from hubbub.names import OPERATOR
from hubbub.restore import restore

from .servers import running_server
from .serving import Completions, serving
from .test_cli import (
    Hubbub,
    _fresh,  # pyright: ignore[reportPrivateUsage]
    finish,
    hubbub,
    start,
)

__all__ = ["_fresh", "hubbub"]

#: What is played: four models, who speak in words of the server's making.
PARTY = (
    *("run", "cocktail-party", "--agents", "4", "--set", "rounds=2", "--seed", "3"),
    *("--clock", "virtual", "--model", "openai/gpt-5-nano", "--out"),
)
FILES = ("log.jsonl", "calls.jsonl")


class Reversing(Completions):
    """Gives the first four replies in the reverse order, when it has all four requests."""

    def __init__(self) -> None:
        super().__init__()
        self._number = count()
        self._given = [Event() for _ in range(5)]
        self._given[4].set()

    def hold(self) -> None:
        if (number := next(self._number)) < 4:
            self._given[number + 1].wait()
            self._given[number].set()


class Hanging(Completions):
    """Gives *replies*, and from then on none before it may *go* on; then it is *stuck*."""

    def __init__(self, replies: int) -> None:
        super().__init__()
        self.stuck, self.go = Event(), Event()
        self._left = replies

    def hold(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.stuck.set()
            self.go.wait()


def bytes_of(folder: Path) -> tuple[bytes, ...]:
    """The two files that a run is."""
    return tuple((folder / name).read_bytes() for name in FILES)


def use(server: Completions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands call *server*."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-ours")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run; look, do not touch."""
    folder = tmp_path_factory.mktemp("whole") / "x"
    with serving() as server:
        environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "a-key-of-ours"}
        done = finish(start(*PARTY, str(folder), env=os.environ | environment))
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Completions]:
    """A server that answers at once."""
    with serving() as server:
        use(server, monkeypatch)
        yield server


def cut(whole: Path, folder: Path, log: int, calls: int) -> None:
    """The folder of *whole*'s run, as it is when all dies with so many bytes written."""
    shutil.copytree(whole, folder)
    os.truncate(folder / "log.jsonl", log)
    os.truncate(folder / "calls.jsonl", calls)
    found = RunFolder(folder)
    found.save(msgspec.structs.replace(found.manifest, state="running", ended=""))


def known(folder: Path) -> int:
    """How many calls are on record in *folder*."""
    return sum(1 for _ in read_records(folder / "calls.jsonl"))


def least(folder: Path, log: int) -> int:
    """The bytes of calls that are on the disk before so many of the log."""
    seq = (folder / "log.jsonl").read_bytes()[:log].count(b"\n")
    lines = (folder / "calls.jsonl").read_bytes().splitlines(keepends=True)
    records = read_records(folder / "calls.jsonl")
    return sum(
        len(line) for line, r in zip(lines, records, strict=True) if r.seq <= seq
    )


def test_a_slow_server_changes_nothing(
    whole: Path, hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of one moment are under way together, and their replies may cross."""
    with serving(Reversing()) as server:
        use(server, monkeypatch)
        done = hubbub(*PARTY, "x")

    assert done.code == 0
    assert bytes_of(Path("x")) == bytes_of(whole)


def test_the_record_is_whole(whole: Path, hubbub: Hubbub) -> None:
    """As that of any run; what is not needed any more is gone."""
    assert audit_log(whole / "log.jsonl").ended
    assert hubbub("replay", str(whole)).code == 0
    assert RunFolder(whole).manifest.server == "virtual clock"
    assert not (whole / "arrived.jsonl").exists()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_was_written_is_gone_on_with(
    whole: Path, hubbub: Hubbub, server: Completions, seed: int
) -> None:
    """A process that dies loses nothing: the same bytes, and no call is made twice."""
    rng, folder = random.Random(seed), Path("x")
    log = rng.randint(0, (whole / "log.jsonl").stat().st_size)
    calls = rng.randint(least(whole, log), (whole / "calls.jsonl").stat().st_size)
    cut(whole, folder, log, calls)
    before = known(folder)
    done = hubbub("resume", "x") if seed % 2 else hubbub(*PARTY, "x")

    assert done.code == 0, done.err
    assert bytes_of(folder) == bytes_of(whole)
    assert len(server.sold) == known(whole) - before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_who_dies_while_it_waits_goes_on(
    whole: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Replies that had come and were not due yet are not asked for again."""
    environment = os.environ | {"OPENAI_API_KEY": "a-key-of-ours"}
    with serving(hanging := Hanging(9)) as server:
        environment["OPENAI_BASE_URL"] = server.url
        first = start(*PARTY, str(tmp_path / "x"), env=environment)
        while not hanging.stuck.wait(0.01) and first.poll() is None:
            pass
        first.send_signal(number)
        code = finish(first).code
        hanging.go.set()
    with serving() as server:
        environment["OPENAI_BASE_URL"] = server.url
        done = finish(start("resume", str(tmp_path / "x"), env=environment))

    assert code == (130 if number is signal.SIGINT else -signal.SIGKILL)
    assert done.code == 0
    assert bytes_of(tmp_path / "x") == bytes_of(whole)
    assert len(server.sold) <= known(whole) - 9 + 4


#: A game in a file, which may be changed.
GAME = """
from hubbub import scenario

@scenario(seats=2)
async def game(stage):
    '''Say what is to be said.'''
    await stage.open_room("hall", stage.seats)
    await stage.post("hall", "good morning")
    await stage.chat("hall", stage.seats, turns=9)
"""


def virtual(hubbub: Hubbub, *options: str) -> str:
    """Play the game of the file here on the virtual clock; what went wrong, if any."""
    done = hubbub("run", "game.py", "--clock", "virtual", *options, "--out", "x")
    return done.err if done.code else ""


def unfinished(whole: Path, folder: Path, lines: int) -> None:
    """The folder of *whole*'s run when it has said so much."""
    stored = (whole / "log.jsonl").read_bytes().splitlines(keepends=True)
    log = len(b"".join(stored[:lines]))
    cut(whole, folder, log, least(whole, log))


def test_another_play_is_no_resumption(hubbub: Hubbub) -> None:
    """The first message that is not the recorded one is named, and nothing is written."""
    Path("game.py").write_text(GAME)
    assert virtual(hubbub) == ""
    unfinished(Path("x"), Path("y"), 12)
    shutil.rmtree("x")
    Path("y").rename("x")
    before = bytes_of(Path("x"))
    Path("game.py").write_text(GAME.replace("morning", "evening"))
    # In another process: in this one, the file has been read.
    words = finish(start("resume", "x")).err

    assert "at seq 3 the record of conductor is" in words
    assert "good morning" in words
    assert "good evening" in words
    assert bytes_of(Path("x")) == before


def test_a_changed_log_is_damaged(whole: Path, hubbub: Hubbub) -> None:
    """The hash chain says so before anything is played."""
    unfinished(whole, Path("x"), 30)
    path = Path("x/log.jsonl")
    path.write_text(path.read_text().replace('"seed":3', '"seed":4'))
    done = hubbub("resume", "x", "--cache", "only")

    assert done.code == 4
    assert "log.jsonl:1: the hash does not follow" in done.err


def test_one_process_plays_it(whole: Path, hubbub: Hubbub) -> None:
    """Two would tear its files."""
    unfinished(whole, Path("x"), 30)
    with Path("x/logger.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = hubbub("resume", "x", "--cache", "only")

    assert done.code == 3
    assert "another process is playing the run in x" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workers", "2"), "leave --workers out"),
        (("--redis", "redis://localhost"), "leave --redis (or REDIS_URL) out"),
    ],
)
def test_it_is_one_process_without_a_server(
    hubbub: Hubbub, options: tuple[str, ...], words: str
) -> None:
    """The mend is named, and nothing is begun."""
    Path("game.py").write_text(GAME)

    assert words in virtual(hubbub, *options)
    assert not Path("x").exists()


def test_a_seat_that_is_taken_from_outside_is_refused(hubbub: Hubbub) -> None:
    """Nobody could answer in its place, and nothing would wait for it."""
    Path("game.py").write_text(GAME)

    assert "nobody comes from outside, and L1 would" in virtual(
        hubbub, "--mind", "remote"
    )


def test_roles_of_their_own_have_no_virtual_clock(hubbub: Hubbub) -> None:
    """Nor does a file that says so make them."""
    Path("p.toml").write_text('scenario = "open-room"\nclock = "virtual"\n')
    done = hubbub("begin", "--scenario", "p.toml", "--redis", "redis://localhost")

    assert done.code == 2
    assert "all roles are in one process" in done.err


def test_nobody_comes_from_outside(whole: Path, hubbub: Hubbub) -> None:
    """The ways in are named: the population file, or a fork."""
    unfinished(whole, Path("x"), 30)
    done = hubbub("inject", "x", "--mind", "silent")

    assert done.code == 2
    assert "declare it in the population file, or fork the run" in done.err


SCRIPTED = (*PARTY[:-3], "--model", "scripted/legal", "--out", "x")


def test_a_run_stops_at_its_budget_and_goes_on(hubbub: Hubbub) -> None:
    """However often it is played again; in between, its budget is what it was."""
    stopped = hubbub(*SCRIPTED, "--token-budget", "3000")
    again = hubbub("resume", "x")
    shutil.copytree("x", "stopped")
    more = hubbub("resume", "x", "--token-budget", "5000")
    unfinished(Path("x"), Path("y"), len(list(read_log(Path("x/log.jsonl")))) - 3)
    other = hubbub("resume", "y", "--token-budget", "12000")
    done = hubbub("resume", "y")

    assert [stopped.code, again.code, more.code] == [3, 3, 3]
    assert bytes_of(Path("x"))[0].startswith(bytes_of(Path("stopped"))[0])
    assert other.code == 2
    assert "can be changed when it has stopped there" in other.err
    assert done.code == 3
    assert bytes_of(Path("y")) == bytes_of(Path("x"))


def fork(whole: Path, folder: Path, seq: int, **other: Any) -> None:
    """The folder of a fork of *whole*'s run."""
    unfinished(whole, folder, seq)
    found = RunFolder(folder)
    origin = Origin(run=found.run, seq=seq, hash="", **other)
    found.save(msgspec.structs.replace(found.manifest, origin=origin))


SILENT = Injected(
    id="a",
    surface="participant",
    seats=("L5",),
    group=msgspec.Raw(b'{"mind":"silent"}'),
)


def test_a_run_that_has_stopped_is_forked_there(hubbub: Hubbub) -> None:
    """It goes on with a budget of its own, and can be killed on the way."""
    assert hubbub(*SCRIPTED, "--token-budget", "3000").code == 3
    last = len(list(read_log(Path("x/log.jsonl"))))
    fork(Path("x"), Path("y"), last, injected=(SILENT,))
    done = hubbub("resume", "y", "--token-budget", "1000000")
    unfinished(Path("y"), Path("z"), last + 20)
    again = hubbub("resume", "z")
    asked = [m.seq for m in read_log(Path("y/log.jsonl")) if m.sender == OPERATOR]

    assert [done.code, again.code] == [0, 0]
    assert asked == [last + 1]
    assert bytes_of(Path("y")) == bytes_of(Path("z"))


def test_a_fork_without_a_change_is_the_same_run(
    whole: Path, hubbub: Hubbub, server: Completions
) -> None:
    """To the last byte."""
    fork(whole, Path("x"), 40)
    done = hubbub("resume", "x")

    assert done.code == 0, done.err
    assert bytes_of(Path("x")) == bytes_of(whole)


def test_what_a_fork_injects_is_said_once(
    whole: Path, hubbub: Hubbub, server: Completions
) -> None:
    """Right after the fork, also where that is resumed, or forked again."""
    fork(whole, Path("x"), 40, injected=(SILENT,))
    assert hubbub("resume", "x").code == 0
    fork(Path("x"), Path("y"), 60, without=("a",))
    assert hubbub("resume", "y").code == 0
    unfinished(Path("y"), Path("z"), 70)
    assert hubbub("resume", "z").code == 0
    asked = [m for m in read_log(Path("y/log.jsonl")) if m.sender == OPERATOR]

    assert [(m.seq, m.seen, m.no, m.kind) for m in asked] == [
        (41, 40, 1, "inject"),
        (61, 60, 2, "eject"),
    ]
    assert bytes_of(Path("y")) == bytes_of(Path("z"))
    assert hubbub("replay", "y").code == 0


async def test_a_server_can_be_given_it(whole: Path, tmp_path: Path) -> None:
    """Its lines are those of any run."""
    unfinished(whole, tmp_path / "x", 50)
    async with running_server() as url, open_bus(url, "copy") as bus:
        count = await restore(bus, RunFolder(tmp_path / "x"))
        messages = await bus.read(0)

    assert count == 50
    assert messages[0].at == 0
