"""The doctor names what is unsafe, and its mend; it changes nothing and spends nothing."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubbub.bus.reach import Reach, find_reach
from hubbub.bus.server import Server
from hubbub.cli.access import read_url_file
from hubbub.errors import UsageError

from .servers import KINDS, binary_of, connect, open_test_server

CLOSED = "nobody comes in without a password"
DEFAULT = "ACL SETUSER default"


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """Both servers."""
    async with open_test_server(binary_of(request.param)) as server:
        yield server


def doctor(folder: Path, url: str = "", **variables: str) -> dict[str, dict[str, Any]]:
    """What ``hubbub doctor`` finds in *folder*, and under "exit" its code."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REDIS_URL")}
    servers = {"OPENAI_BASE_URL": "http://127.0.0.1:1", "HUBBUB_RUNS": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "hubbub", "doctor", "--json"],
        cwd=folder,
        env={**kept, "REDIS_URL": url, **servers, **variables},
        capture_output=True,
        check=False,
        timeout=60,
    )
    lines = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    found = {
        line["found"] if line["what"] == "server" else line["what"]: line
        for line in lines
    }
    return found | {"exit": {"code": done.returncode}}


async def reach(server: Server, *rules: str, **settings: str) -> Reach:
    """Who comes in where the default user has *rules* and the server *settings*."""
    async with connect(server.url) as admin:
        for name, value in settings.items():
            await admin.config_set(name.replace("_", "-"), value)
        await admin.execute_command("ACL", "SETUSER", "default", *rules)
        return await find_reach(admin)


async def test_an_unsafe_server_is_named_fault_by_fault(
    server: Server, tmp_path: Path
) -> None:
    """Each with its mend, and exit code 3; nothing was changed."""
    async with connect(server.url) as admin:
        await admin.config_set("appendfsync", "everysec")
        await admin.config_set("maxmemory", "1gb")
        await admin.config_set("maxmemory-policy", "allkeys-lru")
    found = doctor(tmp_path, server.url)

    mend = {f["found"]: f["mend"] for f in found.values() if f.get("ok") is False}
    assert mend == {
        "appendfsync is everysec": "CONFIG SET appendfsync always",
        "maxmemory-policy is allkeys-lru": "CONFIG SET maxmemory-policy noeviction",
    }
    assert found["exit"] == {"code": 3}


async def test_our_own_server_is_safe(tmp_path: Path) -> None:
    """The embedded one, as it is started for a run."""
    found = doctor(tmp_path)

    assert found["embedded server"]["ok"]
    assert CLOSED in found["rights"]["found"]
    assert found["exit"] == {"code": 0}


async def test_a_server_that_everybody_reaches_is_unsafe(server: Server) -> None:
    """With the mend; of a user that needs a password, nothing is said."""
    public = {"protected_mode": "no", "bind": "127.0.0.1", "port": "0"}
    assert (await reach(server, "on", "nopass", **public)).ok is True

    assert (await reach(server, "on", ">word")).ok is True
    assert CLOSED in (await reach(server, "on", "resetpass", ">word")).words


class Told:
    """A client of a server that tells what it is told to."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    async def acl_whoami(self) -> str:
        """As whom it has come."""
        return "default"

    async def acl_getuser(self, name: str) -> dict[str, list[str]]:
        """A user that needs no password."""
        return {"flags": ["on", "nopass"]}

    async def config_get(self, *names: str) -> Mapping[str, str]:
        """Where the server listens."""
        return self._places


@pytest.mark.parametrize(
    ("places", "ok"),
    [
        ({"port": "6379", "bind": "", "protected-mode": "no"}, False),
        ({"port": "6379", "bind": "* -::*", "protected-mode": "no"}, False),
        ({"port": "0", "tls-port": "6380", "bind": "10.0.0.7"}, False),
        ({"port": "6379", "bind": "* -::*", "protected-mode": "yes"}, None),
        ({"port": "6379", "bind": "127.0.0.1 -::1", "protected-mode": "no"}, None),
        ({"port": "0", "unixsocketperm": "0"}, None),
        ({"port": "0", "unixsocketperm": "777"}, None),
        ({"port": "0", "unixsocketperm": "770"}, True),
    ],
)
async def test_who_reaches_a_server_depends_on_where_it_listens(
    places: Mapping[str, str], ok: bool | None
) -> None:
    """Other machines are a fault; others on this one are worth a word."""
    found = await find_reach(Told(places))

    assert found.ok is ok
    assert bool(found.mend) is (ok is not True)


async def test_a_default_user_without_rights_is_a_fault(server: Server) -> None:
    """It lets nobody in, and at a restart the server drops what scripts wrote."""
    found = await reach(server, "off", "resetpass", "-@all")

    assert found.ok is False
    assert found.mend.startswith(DEFAULT)


async def test_a_role_is_not_told_who_else_comes_in(server: Server) -> None:
    """That cannot be known, and is no fault."""
    async with connect(server.urls["worker"]) as client:
        found = await find_reach(client)

    assert found.ok is None


def test_what_others_may_read_or_change_is_named(tmp_path: Path) -> None:
    """With the command that mends it, and without the key."""
    (tmp_path / "key").write_text("sk-canary-canary")
    (tmp_path / "key").chmod(0o644)
    (tmp_path / ".env").write_text("MYLAB_API_KEY_FILE=nowhere\n")
    (tmp_path / ".env").chmod(0o600)
    tmp_path.chmod(0o777)
    found = doctor(tmp_path, OPENAI_API_KEY_FILE="key")

    assert found["OPENAI_API_KEY_FILE"]["mend"] == "chmod 600 key"
    assert "cannot be read" in found["MYLAB_API_KEY_FILE"]["found"]
    assert found["runs"]["mend"] == f"chmod o-w {tmp_path}"
    assert found[".env"]["ok"]
    assert "canary" not in str(found)


@pytest.mark.parametrize("content", [None, "", "word", "http://x", "\xff"])
def test_a_file_without_an_address_is_refused(
    tmp_path: Path, content: str | None
) -> None:
    """By its name alone: what it holds may be a password."""
    file = tmp_path / "url"
    if content is not None:
        file.write_text(content, encoding="latin-1")

    with pytest.raises(UsageError, match=f"REDIS_URL_FILE: {file}") as caught:
        read_url_file({"REDIS_URL_FILE": str(file)})
    assert "word" not in str(caught.value)


def test_the_file_of_an_address_goes_before_the_address(tmp_path: Path) -> None:
    """As it does with keys."""
    (tmp_path / "url").write_text("redis://worker:word@host/0\n")
    environment = {"REDIS_URL_FILE": str(tmp_path / "url"), "REDIS_URL": "redis://x"}
    read_url_file(environment)

    assert environment["REDIS_URL"] == "redis://worker:word@host/0"
