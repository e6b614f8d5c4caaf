"""Each role may do on a server what it needs and nothing else: tried, one by one."""

import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from redis import exceptions

from hubbub.bus import Role, Voice, open_bus
from hubbub.bus.acl import RIGHTS, USERS, make_access, url_file
from hubbub.bus.server import Server
from hubbub.messages import Said

from .servers import KINDS, binary_of, connect, open_test_server
from .sitting import ROLES, descendants
from .sitting import role as role_of

RUN = "hub:{r.0}:"
LOG, SEATS, META, ROOMS = (f"{RUN}{key}" for key in ("log", "seats", "meta", "rooms"))
HERE, ELSEWHERE = f"{RUN}room:hall", "news"

SPEAKERS = "worker conductor operator gateway launcher"
READERS = f"{SPEAKERS} logger console"

#: What may be tried on a server, and which roles may do it; the admin may do all.
TABLE: dict[str, str] = {
    "PING": f"{READERS} health",
    "INFO": READERS,
    f"XRANGE {LOG} - +": READERS,
    f"XREAD STREAMS {LOG} 0-0": READERS,
    f"HGETALL {META}": READERS,
    f"MGET {RUN}lease:x": READERS,
    "GET hub:current": READERS,
    "HGETALL hub:runs": READERS,
    f"SUBSCRIBE {HERE}": "worker gateway launcher",
    f"XADD {LOG} 1-0 m x": SPEAKERS,
    f"PUBLISH {HERE} x": SPEAKERS,
    f"HINCRBY {META} seq 1": SPEAKERS,
    f"EVAL x 4 {LOG} {ROOMS} {SEATS} {META}": SPEAKERS,
    f"EVALSHA x 4 {LOG} {ROOMS} {SEATS} {META}": SPEAKERS,
    f"EVALSHA x 1 {SEATS}": "worker conductor logger operator gateway launcher",
    f"HSET {SEATS} a b": "worker conductor logger operator gateway launcher",
    f"HSET {META} a b": "worker conductor logger gateway launcher",
    f"SET {RUN}lease:x 1 PX 9": "worker conductor logger gateway launcher",
    f"DEL {RUN}lease:x": "worker conductor logger gateway launcher",
    f"HDEL {RUN}roles x": "worker conductor logger gateway launcher",
    f"HSET {RUN}spent a 1": "worker conductor gateway launcher",
    f"HDEL {RUN}reserved a": "worker conductor gateway launcher",
    "SET hub:current x": "conductor launcher",
    "HSET hub:runs x y": "conductor launcher",
    "CONFIG GET appendfsync": "conductor launcher",
    f"HSET {ROOMS} a 1": "launcher",
    # Nobody's but the admin's:
    **dict.fromkeys(
        (
            f"DEL {LOG}",
            f"UNLINK {LOG}",
            f"XTRIM {LOG} MAXLEN 0",
            f"XDEL {LOG} 1-0",
            f"XSETID {LOG} 9-9",
            f"XGROUP CREATE {LOG} g $",
            f"RENAME {LOG} {RUN}x",
            f"COPY {LOG} {RUN}x",
            f"EXPIRE {LOG} 1",
            f"HDEL {META} seq",
            f"HDEL {SEATS} a",
            f"SET {META} x",
            f"DUMP {LOG}",
            f"RESTORE {LOG} 0 x",
            f"PSUBSCRIBE {RUN}*",
            f"SPUBLISH {HERE} x",
            f"EVAL_RO x 1 {LOG}",
            f"FCALL x 1 {LOG}",
            "FUNCTION FLUSH",
            "SCRIPT LOAD x",
            "SCRIPT FLUSH",
            "SCRIPT KILL",
            "GET other",
            "SET other x",
            "XADD other 1-0 m x",
            "EVAL x 1 other",
            f"SUBSCRIBE {ELSEWHERE}",
            f"PUBLISH {ELSEWHERE} x",
            "KEYS *",
            "SCAN 0",
            "RANDOMKEY",
            "DBSIZE",
            "SELECT 1",
            "SWAPDB 0 1",
            "FLUSHALL",
            "FLUSHDB",
            "SAVE",
            "BGREWRITEAOF",
            "CONFIG SET appendonly no",
            "CONFIG REWRITE",
            "CONFIG RESETSTAT",
            "ACL LIST",
            "ACL SETUSER x on",
            "ACL WHOAMI",
            "ACL LOAD",
            "CLIENT LIST",
            "CLIENT KILL TYPE normal",
            "CLIENT PAUSE 1",
            "CLIENT NO-EVICT on",
            "COMMAND",
            "DEBUG SLEEP 0",
            "LATENCY RESET",
            "MEMORY PURGE",
            "MIGRATE h 1 other 0 1",
            "MODULE LIST",
            "MONITOR",
            "MULTI",
            "OBJECT FREQ other",
            "REPLICAOF NO ONE",
            "SHUTDOWN NOSAVE",
            "SLOWLOG GET",
            "SYNC",
            "WAIT 0 0",
            "WATCH other",
        ),
        "",
    ),
}


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """Both servers, with the users of every role."""
    async with open_test_server(binary_of(request.param)) as server:
        yield server


async def dry_run(admin: Any, role: str, command: str) -> bool:
    """Whether the server would let *role* do *command*."""
    said = await admin.execute_command("ACL", "DRYRUN", role, *command.split())
    return said in ("OK", b"OK")


async def test_a_role_may_do_what_it_needs_and_nothing_else(server: Server) -> None:
    """As the server itself judges each command, for each role."""
    async with connect(server.url) as admin:
        found = {
            command: [role for role in RIGHTS if await dry_run(admin, role, command)]
            for command in TABLE
        }

    wanted = {c: sorted([*roles.split(), "admin"]) for c, roles in TABLE.items()}
    assert {command: sorted(roles) for command, roles in found.items()} == wanted


async def test_what_a_role_may_not_do_is_refused(server: Server) -> None:
    """By real attempts, as each role itself."""
    let: list[tuple[str, str]] = []
    for role in RIGHTS.keys() - {"admin"}:
        async with connect(server.urls[role]) as client:
            for command, roles in TABLE.items():
                if role in roles.split():
                    continue
                try:
                    await client.execute_command(*command.split())
                    let.append((role, command))
                except exceptions.ResponseError:
                    pass

    assert let == []


async def test_nobody_comes_in_without_a_password(server: Server) -> None:
    """Nor as the default user, nor as a role with another's password."""
    other = server.urls["health"].replace("health:", "admin:")
    for url in (f"unix://{server.socket}", f"unix://default:@{server.socket}", other):
        async with connect(url) as client:
            with pytest.raises(
                (exceptions.AuthenticationError, exceptions.ConnectionError)
            ):
                await client.ping()


async def test_a_seat_is_claimed_and_heard_with_a_workers_rights(
    server: Server,
) -> None:
    """All that the bus does; the console sees it, and the logger says how far it is."""
    async with (
        open_bus(server.urls["worker"], "r") as bus,
        open_bus(server.urls["console"], "r") as console,
        open_bus(server.urls["logger"], "r") as logger,
        bus.subscribe(0) as subscription,
    ):
        await bus.beat("w", Role(kind="worker", host="h", pid=1), 9)
        await subscription.add(["hall"], after=0)
        claims = await bus.claim("w", ["L1"])
        await Voice(bus, "L1", claims["L1"]).say("hall", Said(text="hello"), seen=0)
        await logger.note(logged="1")
        assert not await bus.reserve("x", {"tokens": 1}, {"tokens": 2})
        await bus.settle("x", {"tokens": 1})

        assert await subscription.next() == await console.read(0)
        assert (await console.meta())["logged"] == "1"
        assert list(await console.living()) == ["w"]
        await bus.rest("w")


async def test_what_scripts_wrote_outlives_the_server(server: Server) -> None:
    """Some servers drop it at a restart if the default user has lost its rights."""
    async with open_bus(server.urls["worker"], "r") as bus:
        claims = await bus.claim("w", ["L1"])
        await Voice(bus, "L1", claims["L1"]).say("hall", Said(text="hello"), seen=0)
        server.process.kill()
        await server.wait()
        await server.restart()

        assert [message.sender for message in await bus.read(0)] == ["L1"]


def test_rights_are_listed_one_by_one() -> None:
    """No category, no command that is not named, no key or channel but a run's."""
    for role in RIGHTS.keys() - {"admin"}:
        for rule in re.sub(r"[()]", " ", " ".join(RIGHTS[role])).split():
            assert re.fullmatch(r"(~|%R~|&)hub:\S*|\+[a-z]+(\|get)?", rule), rule


def test_passwords_are_long_and_kept_apart(tmp_path: Path) -> None:
    """The server's file has no password in it; an address has one of 32 random bytes."""
    urls = make_access(tmp_path, "redis://old:word@host:1234/0")
    users = (tmp_path / USERS).read_text()
    words = {role: re.split("[:@]", url)[2] for role, url in urls.items()}

    assert urls["worker"] == f"redis://worker:{words['worker']}@host:1234/0"
    assert all(re.fullmatch("[0-9a-f]{64}", word) for word in words.values())
    assert len(set(words.values())) == len(RIGHTS)
    assert not [word for word in words.values() if word in users]


def test_each_server_has_its_own_passwords_and_keeps_them(tmp_path: Path) -> None:
    """Whoever is connected need not be told when it is started again; a torn file is new."""
    first = make_access(tmp_path, "redis://host")
    url_file(tmp_path, "logger").write_text("redis://logger:short@host")
    again = make_access(tmp_path, "redis://host")
    (tmp_path / "other").mkdir()
    other = make_access(tmp_path / "other", "redis://host")

    assert {role for role in RIGHTS if first[role] != again[role]} == {"logger"}
    assert not set(first.values()) & set(other.values())


def test_what_is_written_is_the_owners_alone(tmp_path: Path) -> None:
    """Also where a file was there that others could read."""
    (tmp_path / USERS).touch(mode=0o666)
    make_access(tmp_path, "redis://host")

    files = [tmp_path / USERS, *(url_file(tmp_path, role) for role in RIGHTS)]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_role_is_told_its_own_password_and_nobody_elses(tmp_path: Path) -> None:
    """In its environment: no command line, log, manifest or word of a run has one."""
    game = ("cocktail-party", "--agents", "4", "--set", "rounds=100000")
    command = [sys.executable, "-m", "hubbub", "run", *game, "--workers", "1"]
    words = (tmp_path / "words").open("wb")
    with (
        words,
        subprocess.Popen(
            [*command, "--out", "x"], cwd=tmp_path, stdout=words, stderr=words
        ) as run,
    ):
        log = tmp_path / "x" / "log.jsonl"
        while not (log.exists() and log.stat().st_size):
            assert run.poll() is None
        passwords = {
            role: re.split("[:@]", url_file(tmp_path / "x/server", role).read_text())[2]
            for role in RIGHTS
        }
        lines, told = b"", dict[str, set[str]]()
        for pid in descendants(run.pid):
            lines += Path(f"/proc/{pid}/cmdline").read_bytes()
            variables = Path(f"/proc/{pid}/environ").read_text()
            told[role_of(pid)] = {
                r for r, word in passwords.items() if word in variables
            }
        run.send_signal(signal.SIGINT)
        run.wait()

    assert told == {name: {name} - {"server"} for name in ROLES}
    said = [p for p in tmp_path.rglob("*") if p.is_file() and p.parent.name != "server"]
    lines += b"".join(path.read_bytes() for path in said)
    assert {"words", "log.jsonl", "manifest.json", "roles.log"} <= {
        p.name for p in said
    }
    assert not [role for role, word in passwords.items() if word.encode() in lines]
