"""The logger loses nothing and doubles nothing, whatever happens to it or its disk."""

import random
import resource
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from hubbub.bus import MemoryBus
from hubbub.bus.base import Voice
from hubbub.errors import LogDamaged
from hubbub.ledger import read_records
from hubbub.log import audit_log
from hubbub.logger import BATCH, Logger
from hubbub.messages import Called, Ended, Said, Stopped
from hubbub.names import CONDUCTOR, PHASES

from .playing import bus_with
from .records import edit, tale, told

#: Seconds within which a logger that has nothing to wait for is done.
SOON = 4.0


async def keep(bus: MemoryBus, folder: Path) -> tuple[bytes, bytes]:
    """Let a logger run to its end; what is in its two files then."""
    with anyio.fail_after(SOON):
        await Logger(bus, folder).run()
    return files(folder)


def files(folder: Path) -> tuple[bytes, bytes]:
    """What is in ``log.jsonl`` and ``calls.jsonl``."""
    return (folder / "log.jsonl").read_bytes(), (folder / "calls.jsonl").read_bytes()


async def test_every_message_is_kept(tmp_path: Path) -> None:
    """All of the run, in order, chained; and how far is told to whoever asks."""
    bus = await told(300)

    await keep(bus, tmp_path)

    audit = audit_log(tmp_path / "log.jsonl")
    facts = await bus.meta()
    assert audit.ended
    assert audit.messages == int(facts["seq"]) == int(facts["logged"]) > 2 * BATCH


async def test_calls_are_kept_whole_beside_the_log(tmp_path: Path) -> None:
    """The log has a digest of each record, ``calls.jsonl`` the record as it was."""
    messages = tale()
    await keep(await bus_with(messages), tmp_path)

    said = [m.body.record for m in messages if isinstance(m.body, Called)]
    assert [r.call for r in read_records(tmp_path / "calls.jsonl")] == said
    assert b'"record"' not in files(tmp_path)[0]


async def test_text_that_looks_like_a_call_stays(tmp_path: Path) -> None:
    """What agents say cannot pass for the platform's own marks."""
    bus = MemoryBus()
    claim = (await bus.claim("x", [CONDUCTOR]))[CONDUCTOR]
    voice = Voice(bus, CONDUCTOR, claim)
    text = '","n":1,"kind":"call","body":{"record":1}}'
    await voice.say("hall", Said(text=text), seen=0)
    await voice.say(PHASES, Ended(steps=0), seen=0)

    log, calls = await keep(bus, tmp_path)

    assert audit_log(tmp_path / "log.jsonl").messages == log.count(b"\n") == 2
    assert calls == b""


async def test_the_end_is_the_end(tmp_path: Path) -> None:
    """A logger follows until the line of the end is on the disk, and no longer."""
    messages = tale()
    bus = await bus_with(messages[:-1])
    held = (await bus.claim("live", [CONDUCTOR]))[CONDUCTOR]
    with anyio.fail_after(SOON):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Logger(bus, tmp_path).run)
            while (await bus.meta()).get("logged") != str(len(messages) - 1):
                await anyio.lowlevel.checkpoint()
            body = messages[-1].body
            await Voice(bus, CONDUCTOR, held).say(PHASES, body, seen=0)

    assert audit_log(tmp_path / "log.jsonl").ended


async def test_what_is_all_logged_is_not_waited_for(tmp_path: Path) -> None:
    """A logger that comes too late finds the end on the disk and says how far it is."""
    bus = await told()
    before = await keep(bus, tmp_path)
    await bus.note(logged="0")

    with anyio.fail_after(0.5):
        assert await keep(bus, tmp_path) == before

    facts = await bus.meta()
    assert facts["logged"] == facts["seq"]


async def test_it_goes_on_from_wherever_it_died(tmp_path: Path) -> None:
    """
    Cut off at any byte, both files end up as if nothing had happened.

    Calls are written first: a logger that died in between left more calls than lines.
    """
    bus, rng = await told(), random.Random(3)
    log, calls = await keep(bus, tmp_path)
    for _ in range(60):
        cut = rng.randrange(len(log))
        known = log[:cut].count(b'"kind":"call"', 0, log.rfind(b"\n", 0, cut) + 1)
        least = sum(map(len, calls.splitlines(keepends=True)[:known]))
        (tmp_path / "log.jsonl").write_bytes(log[:cut])
        (tmp_path / "calls.jsonl").write_bytes(calls[: rng.randint(least, len(calls))])

        assert await keep(bus, tmp_path) == (log, calls), cut


async def test_two_loggers_do_not_write_at_once(tmp_path: Path) -> None:
    """The second one stands by, and goes on when the first is gone."""
    messages = tale()
    bus = await bus_with(messages[:-1])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Logger(bus, tmp_path).run)
        while (await bus.meta()).get("logged") != str(len(messages) - 1):
            await anyio.lowlevel.checkpoint()
        with capture_logs() as said:
            with anyio.move_on_after(0.3):
                await Logger(bus, tmp_path).run()
            assert not said
        tasks.cancel_scope.cancel()

    held = (await bus.claim("live", [CONDUCTOR]))[CONDUCTOR]
    await Voice(bus, CONDUCTOR, held).say(PHASES, messages[-1].body, seen=0)
    await keep(bus, tmp_path)
    assert audit_log(tmp_path / "log.jsonl").ended


async def test_another_runs_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is written after a line that is not the server's."""
    await keep(await told(3), tmp_path)
    edit(tmp_path / "log.jsonl", lambda lines: lines[:9])
    before = files(tmp_path)

    with pytest.raises(LogDamaged, match="another run"):
        await Logger(await told(4), tmp_path).run()

    assert files(tmp_path)[0] == before[0]


async def test_a_server_that_knows_less_is_not_followed(tmp_path: Path) -> None:
    """A server that has lost messages would give their numbers to others."""
    messages = tale()
    await keep(await bus_with(messages), tmp_path)

    with pytest.raises(LogDamaged, match="hubbub resume"):
        await Logger(await bus_with(messages[:-3]), tmp_path).run()


# -- a full disk


Free = Callable[[], None]

#: Bytes that fit before the disk is full: a batch, but not two.
ROOM = 400 << 10


@pytest.fixture
def full_disk(tmp_path: Path) -> Generator[tuple[Path, Free]]:
    """A folder with `ROOM`, and what gives it more."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes((4 << 20) - ROOM))
        try:
            yield disk, ballast.unlink
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        return
    # Where nobody may mount, it is files that may not grow.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, limits[1]))
    try:
        yield disk, free
    finally:
        free()


async def test_a_full_disk_is_waited_for(full_disk: tuple[Path, Free]) -> None:
    """No half batch is left behind, nothing is lost, and it goes on by itself."""
    folder, free = full_disk
    bus = await told(300)
    async with anyio.create_task_group() as tasks:
        with capture_logs() as said:
            tasks.start_soon(Logger(bus, folder).run)
            while not any(event["log_level"] == "error" for event in said):
                await anyio.wait_all_tasks_blocked()
            log, calls = files(folder)
            assert log.count(b"\n") == audit_log(folder / "log.jsonl").messages == BATCH
            assert calls.endswith(b"\n")
            free()

    audit = audit_log(folder / "log.jsonl")
    assert audit.ended
    assert len(audit.calls) == 600


async def test_a_run_that_has_stopped_is_left(tmp_path: Path) -> None:
    """With all of it kept; one that had stopped and goes on is followed to its end."""
    bus = await bus_with(tale()[:-1])
    voice = Voice(bus, CONDUCTOR, (await bus.claim("live", [CONDUCTOR]))[CONDUCTOR])
    await voice.say(PHASES, Stopped(why="spent"), seen=0)
    await bus.note(stopped="spent")
    await keep(bus, tmp_path)
    assert audit_log(tmp_path / "log.jsonl").messages == len(tale())

    await bus.note(stopped="")
    await voice.say(PHASES, Ended(steps=3), seen=0)
    await keep(bus, tmp_path)
    assert audit_log(tmp_path / "log.jsonl").ended
