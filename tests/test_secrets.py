"""A key goes to its server and nowhere else, whatever breaks on the way."""

import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import anyio
import anyio.abc
import pytest

from hubbub.errors import ModelError, UsageError
from hubbub.log import read_log
from hubbub.messages import Contributed
from hubbub.models.keys import read_key
from hubbub.secrets import MASK, SHORTEST, keep_secret, mask, without_secrets
from hubbub.text import safe_text

from .leaking import DEEDS, Leaking, leaking
from .sitting import descendants, role

CANARY = "sk-canary+$1/4f1d7c2b9a=="
LOGIN = f"bob:{CANARY}"
QUOTED = f"bob:{quote(CANARY, safe='')}"
MINDS = ("Raises", "Prints", "Returns")
GAME = Path(__file__).with_name("leaky.py")


class Run(NamedTuple):
    """A game of leaks in *folder*, with all that its processes write below it."""

    folder: Path
    environment: dict[str, str]
    server: Leaking

    async def start(self, *command: str) -> anyio.abc.Process:
        """Start ``hubbub``; what it says is in ``words``."""
        with (self.folder / "words").open("ab") as words:
            return await anyio.open_process(
                [sys.executable, "-m", "hubbub", *command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )

    async def end(self, *command: str) -> int:
        """The code with which ``hubbub`` ends."""
        with anyio.fail_after(60):
            return await (await self.start(*command)).wait()

    def hits(self) -> list[Path]:
        """The files in which the key is to be found, or what is as good."""
        forms = [b"sk-canary", b64encode(LOGIN.encode()), b64encode(CANARY.encode())]
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in (".env", "key")
            if any(form in path.read_bytes() for form in forms)
        ]


@pytest.fixture
async def run(tmp_path: Path) -> AsyncGenerator[Run]:
    """A run in an environment of its own, in which no key is given yet."""
    async with leaking() as server, leaking() as elsewhere:
        server.elsewhere = elsewhere.url
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(tmp_path),
            "HUBBUB_CACHE": str(tmp_path / "cache"),
            "OPENAI_BASE_URL": server.url,
            "BASIC_BASE_URL": server.url.replace("://", f"://{QUOTED}@"),
            "GONE_BASE_URL": f"http://{QUOTED}@127.0.0.1:1/v1",
        }
        (tmp_path / "game.toml").write_text(population())
        yield Run(tmp_path, environment, server)
        # Whom it sends people to has not heard of it.
        assert not elsewhere.heads


def population() -> str:
    """Every way in which a model or a mind can let out a key, a seat each."""
    seats = [(deed, f'model = "openai/{deed}"') for deed in DEEDS]
    seats += [("basic", 'model = "basic/echoes"'), ("gone", 'model = "gone/echoes"')]
    seats += [(mind, f'mind = "{GAME}:{mind}"') for mind in MINDS]
    groups = [f'[[seats]]\nnames = ["{name}"]\n{what}\n' for name, what in seats]
    return f'scenario = "{GAME}"\n' + "".join(groups)


def outcomes(folder: Path) -> dict[str, str]:
    """How each seat's ask has ended."""
    log = read_log(folder / "log.jsonl")
    bodies = ((m.sender, m.body) for m in log)
    return {who: b.outcome for who, b in bodies if isinstance(b, Contributed)}


ENDS = {
    **dict.fromkeys(("refuses", "echoes", "breaks", "redirects"), "model_error"),
    **dict.fromkeys(("basic", "gone"), "model_error"),
    **dict.fromkeys(("says", "waits", "Prints"), "answered"),
    **dict.fromkeys(("garbles",), "model_error"),
    "Raises": "crashed",
    "Returns": "unparsable",
}


async def test_a_key_in_a_file_stays_there(run: Run) -> None:
    """All roles in one process, JSON lines: every leak has happened, and tells nothing."""
    (run.folder / "key").write_text(f"{CANARY}\n")
    run.environment["OPENAI_API_KEY_FILE"] = "key"

    words = ("--set", "fails=false", "--out", "x", "--json")
    code = await run.end("run", "game.toml", *words)

    assert code == 0
    assert outcomes(run.folder / "x") == ENDS
    assert any(f"Bearer {CANARY}" in head for head in run.server.heads)
    assert MASK in (run.folder / "words").read_text()
    assert run.hits() == []


async def test_a_key_in_the_environment_stays_there(run: Run) -> None:
    """Ctrl-C in the middle, then on to the end, shown as it goes; the doctor too."""
    run.environment["OPENAI_API_KEY"] = CANARY
    process = await run.start("run", "game.toml", "--out", "x", "-v")

    async def interrupt() -> None:
        process.send_signal(signal.SIGINT)
        await process.wait()

    run.server.pause = interrupt
    with anyio.fail_after(60):
        assert await process.wait() == 130
    codes = [await run.end(*c) for c in (("resume", "x"), ("models",), ("doctor",))]

    assert codes[:2] == [3, 0]
    assert run.hits() == []


async def test_a_key_in_dotenv_reaches_workers_alone(run: Run) -> None:
    """Processes of their own, killed in the middle: no command line has it, either."""
    (run.folder / ".env").write_text(f'OPENAI_API_KEY="{CANARY}"\n')
    command = ("--workers", "2", "--json")
    process = await run.start("run", "game.toml", "--out", "x", *command)
    keyed: set[str] = set()
    told: list[bytes] = []

    async def kill() -> None:
        for pid in descendants(process.pid):
            told.append(Path(f"/proc/{pid}/cmdline").read_bytes())
            if b"sk-canary" in Path(f"/proc/{pid}/environ").read_bytes():
                keyed.add(role(pid))
        process.kill()
        await process.wait()

    run.server.pause = kill
    with anyio.fail_after(60):
        await process.wait()
    code = await run.end("resume", "x", *command)

    assert code == 3
    assert keyed == {"worker"}
    assert len(told) >= 5
    assert not any(b"sk-canary" in line for line in told)
    assert (run.folder / "x" / "server" / "appendonlydir").is_dir()
    assert run.hits() == []


async def test_a_key_in_the_wrong_place_is_not_quoted(run: Run) -> None:
    """An error says where something is wrong, and not what somebody has pasted there."""
    run.environment["OPENAI_API_KEY"] = CANARY
    (run.folder / ".env").write_text(f"HUBBUB_MODEL={CANARY}")
    file = run.folder / "game.toml"
    file.write_text(f'scenario = "{GAME}"\n"{CANARY}" = 1\n')

    codes = [await run.end("run", what) for what in ("game.toml", str(GAME))]
    file.unlink()

    assert codes == [2, 2]
    assert run.hits() == []


# -- masks


def test_a_secret_is_masked_however_it_is_spelt() -> None:
    """As it is, in JSON, in JSON within JSON, in Python and in a URL."""
    secret = "hidden-\"key'\\/"
    keep_secret(secret)
    spelt = [json.dumps(secret), json.dumps([json.dumps([secret])]), repr({0: secret})]

    assert [
        s for s in [*spelt, secret, quote(secret, safe="")] if "dden" in mask(s)
    ] == []


def test_half_a_secret_is_masked_as_well() -> None:
    """A text is cut after its secrets are masked."""
    keep_secret(CANARY)

    assert safe_text(CANARY * 3, 20) == (MASK * 3)[:20]
    assert "canary" not in str(ModelError("auth", "x" * 290 + CANARY))


def test_a_word_is_no_secret() -> None:
    """Some servers want any key at all; what it is may be said."""
    keep_secret("ollama")
    keep_secret("x" * (SHORTEST - 1))

    assert mask("ollama is here " + "x" * SHORTEST) == "ollama is here xxxxxxxxxx"


def test_who_asks_no_model_gets_no_key() -> None:
    """Nor where one is, nor an address with one in it, nor a file to read them from."""
    environment = {
        "PATH": "/bin",
        "OPENAI_API_KEY": CANARY,
        "MYLAB_API_KEY_FILE": "key",
        "OPENAI_BASE_URL": "http://h/v1",
        "MYLAB_BASE_URL": f"http://{LOGIN}@h/v1",
    }

    assert without_secrets(environment) == {
        "PATH": "/bin",
        "OPENAI_BASE_URL": "http://h/v1",
        "HUBBUB_DOTENV": "",
    }


# -- keys


def test_the_file_of_a_key_goes_before_the_key(tmp_path: Path) -> None:
    """Without spaces around it, and known as a secret from then on."""
    (tmp_path / "key").write_text("\n sk-in-a-file \n")
    file = {"MYLAB_API_KEY_FILE": str(tmp_path / "key")}

    assert read_key("MYLAB", {"MYLAB_API_KEY": "sk-direct"} | file) == "sk-in-a-file"
    assert mask("sk-in-a-file") == MASK


def test_an_empty_file_is_no_key() -> None:
    """Which is what a container without a key has in its place."""
    assert read_key("MYLAB", {"MYLAB_API_KEY_FILE": "/dev/null"}) == ""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe\x00", "cannot be read: not UTF-8"),
        (b"one two", "is no file with one key and nothing else"),
        (b"x" * 100_000, "is no file with one key and nothing else"),
    ],
    ids=["missing", "binary", "words", "huge"],
)
def test_what_is_no_key_is_named(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    """By its file, not by what is in it."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(UsageError, match=f"MYLAB_API_KEY_FILE: {file} {why}"):
        read_key("MYLAB", {"MYLAB_API_KEY_FILE": str(file)})


def test_a_key_at_home_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file of variables no shell puts the home folder in the place of ``~``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("sk-at-home")

    assert read_key("MYLAB", {"MYLAB_API_KEY_FILE": "~/key"}) == "sk-at-home"
