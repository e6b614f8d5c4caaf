"""The gateway as it is used: commands, a client, and ``kill -9`` in the middle."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hubbub.client import SeatClient
from hubbub.errors import GatewayRefused, HubbubError
from hubbub.folder import RunFolder
from hubbub.log import read_log
from hubbub.messages import Called, Contributed

VISIT = Path(__file__).with_name("visit.py")
GAME = f"""
scenario = "{VISIT}"
parameters = {{ rounds = 6, budget = 100.0 }}
[[seats]]
names = ["Ann", "Bob"]
mind = "remote"
"""


class Commands:
    """``hubbub`` in *folder*."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._words = stack.enter_context((folder / "words").open("a"))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("REDIS_")}
        self._environment = kept | {"HUBBUB_RUNS": str(folder / "runs")}

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "hubbub", *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command, which is killed with the test at the latest."""
        child = subprocess.Popen(
            [sys.executable, "-m", "hubbub", *words],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
        )
        self._stack.enter_context(child)
        self._stack.callback(child.kill)
        return child


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Commands in a folder with a game for outsiders."""
    (tmp_path / "game.toml").write_text(GAME)
    with ExitStack() as stack:
        yield Commands(tmp_path, stack)


def first_line(child: subprocess.Popen[str]) -> str:
    """The first line that *child* says."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def choose(ask: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> object:
    """Answer whatever is asked, at first wrongly."""
    match ask["kind"]:
        case "guess":
            return {"value": 3 if ask["attempt"] > 1 else 99}
        case "paint":
            return "I like blue"
        case _:
            return {"text": "hello", "leave": False}


@contextmanager
def playing(url: str, tokens: Mapping[str, str]) -> Generator[Callable[[], None]]:
    """Clients at *url*, one a token; what this gives waits until they are done."""
    failed: list[Exception] = []

    def play(token: str) -> None:
        try:
            with SeatClient(url, token) as seat:
                seat.play(choose)
        except HubbubError as error:
            failed.append(error)

    threads = [Thread(target=play, args=(token,)) for token in tokens.values()]

    def join() -> None:
        for thread in threads:
            thread.join(timeout=100)

    for thread in threads:
        thread.start()
    yield join
    join()
    assert failed == []


def test_a_gateway_that_is_killed_is_followed_by_another(commands: Commands) -> None:
    """Clients go on with the same tokens; nothing is asked for or answered twice."""
    run = commands.start("run", "game.toml", "--out", "x", "--json")
    assert "start" in first_line(run)
    gateway = commands.start("gateway", "x", "--port", "0")
    url = first_line(gateway)
    said = commands.do("seat-tokens", "x").stdout
    tokens = dict(line.split() for line in said.splitlines())
    with playing(url, tokens) as join:
        while b'"contribution"' not in (commands.folder / "x/log.jsonl").read_bytes():
            pass
        gateway.kill()
        gateway.wait()
        again = commands.start("gateway", "x", "--port", url.rpartition(":")[2])
        assert first_line(again) == url
        join()
    assert run.wait(timeout=100) == 0

    folder = RunFolder(commands.folder / "x")
    log = list(read_log(folder.log))
    calls = [m.body.call for m in log if isinstance(m.body, Called)]
    ends = [m.body.ask for m in log if isinstance(m.body, Contributed)]
    assert folder.manifest.outcomes.keys() == {"answered"}
    assert len(set(ends)) == len(ends)
    assert len(set(calls)) == len(calls)
    assert commands.do("replay", "x").returncode == 0
    told = b"".join(p.read_bytes() for p in folder.path.iterdir() if p.is_file())
    told += (commands.folder / "words").read_bytes()
    assert not [token for token in tokens.values() if token.encode() in told]


def test_tokens_are_written_for_their_owner_alone(commands: Commands) -> None:
    """To a file, which is not replaced; of a run that goes on, and of its remote seats."""
    run = commands.start("run", "game.toml", "--out", "x", "--json")
    first_line(run)
    done = commands.do("seat-tokens", "x", "--seat", "Ann", "--out", "tokens")
    file = commands.folder / "tokens"
    again = commands.do("seat-tokens", "x", "--out", "tokens")
    nobody = commands.do("seat-tokens", "x", "--seat", "Anne")

    assert (done.returncode, done.stdout) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("Ann Ann.")
    assert (again.returncode, nobody.returncode) == (2, 2)
    assert "did you mean 'Ann'?" in nobody.stderr


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_are_let_in_on_purpose_only(
    commands: Commands, address: str
) -> None:
    """The error says what to do."""
    done = commands.do("gateway", "--bind", address)

    assert done.returncode == 2
    assert "--allow-remote" in done.stderr


def test_a_client_says_when_nobody_is_there() -> None:
    """After as long as it is patient."""
    with (
        SeatClient("http://127.0.0.1:1", "x.y", patience=0) as seat,
        pytest.raises(HubbubError, match="does not answer"),
    ):
        seat.me()


def test_refusals_have_a_code() -> None:
    """For programs; the words are for people."""
    refused = GatewayRefused("unfit", "5 is not from 1 to 3", attempt=2)

    assert (refused.code, refused.facts) == ("unfit", {"attempt": 2})
