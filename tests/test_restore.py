"""A server that has lost messages gets them back from the run folder, to the byte."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from hubbub.bus import MemoryBus, RedisBus, open_bus
from hubbub.bus.base import Voice
from hubbub.errors import BusRefused, LogDamaged, RunOver
from hubbub.folder import RunFolder
from hubbub.logger import Logger
from hubbub.messages import Said
from hubbub.names import LEDGER
from hubbub.restore import BATCH, restore

from .records import edit, kept, told
from .servers import running_server


@pytest.fixture
async def bus() -> AsyncGenerator[RedisBus]:
    """A run of which a server knows nothing any more."""
    async with running_server() as url, open_bus(url, "a-run") as bus:
        yield bus


@pytest.fixture
async def lost() -> MemoryBus:
    """What the server had: more than two batches."""
    return await told(30)


@pytest.fixture
async def folder(tmp_path: Path, lost: MemoryBus) -> RunFolder:
    """The folder of that run."""
    return await kept(tmp_path / "run", lost)


Lines = list[tuple[int, bytes]]


async def everything(bus: MemoryBus | RedisBus) -> Lines:
    """The whole log of *bus*."""
    return await bus.lines(0, limit=100_000)


async def test_every_line_comes_back(
    bus: RedisBus, folder: RunFolder, lost: MemoryBus
) -> None:
    """As it was to the byte, the records of calls included, which have their own file."""
    count = await restore(bus, folder)

    assert await everything(bus) == await everything(lost)
    assert count == folder.manifest.messages > 2 * BATCH


async def test_a_run_that_had_ended_has_ended(bus: RedisBus, folder: RunFolder) -> None:
    """Nothing can be said in it any more."""
    await restore(bus, folder)
    claim = (await bus.claim("live", ["L1"]))["L1"]

    with pytest.raises(RunOver):
        await Voice(bus, "L1", claim).say("hall", Said(text="hello"), seen=0)


async def test_a_run_goes_on_where_its_log_ends(
    bus: RedisBus, folder: RunFolder
) -> None:
    """Seats, rooms and the run count on, and old incarnations are fenced."""
    edit(folder.log, lambda lines: lines[:-1])
    await restore(bus, folder)
    claim = (await bus.claim("live", ["L1"]))["L1"]
    receipt = await Voice(bus, "L1", claim).say("hall", Said(text="hello"), seen=0)

    assert claim.inc == 2
    assert claim.no == 90
    assert receipt.seq == folder.manifest.messages
    assert receipt.n == 1 + 60 + 1


@pytest.mark.parametrize("known", [1, 4, 5, BATCH, BATCH + 1, 300])
async def test_an_older_server_gets_the_rest(
    bus: RedisBus, folder: RunFolder, lost: MemoryBus, known: int
) -> None:
    """A restore that was killed half-way, and files from a backup, are made whole."""
    before = await everything(lost)
    await bus.restore([line for _, line in before[:known]])

    assert await restore(bus, folder) == len(before) - known
    assert await everything(bus) == before


async def test_a_server_that_knows_all_is_left_alone(
    bus: RedisBus, folder: RunFolder, lost: MemoryBus
) -> None:
    """The server may know more than the folder: then the logger is behind."""
    before = await everything(lost)
    await bus.restore([line for _, line in before])
    edit(folder.log, lambda lines: [*lines[:-9], lines[-9][:50]])

    assert await restore(bus, folder) == 0
    assert await everything(bus) == before


@pytest.mark.parametrize("known", [5, 1000])
async def test_another_runs_server_is_refused(
    bus: RedisBus, folder: RunFolder, known: int
) -> None:
    """A server that has other words at the same place has another run."""
    other = (await everything(await told(200)))[:known]
    await bus.restore([line.replace(b'"at":1', b'"at":2') for _, line in other])

    with pytest.raises(LogDamaged, match=r"another run"):
        await restore(bus, folder)

    assert len(await everything(bus)) == known


@pytest.mark.parametrize("place", [1, 200])
async def test_a_damaged_folder_restores_nothing_after_the_damage(
    bus: RedisBus, folder: RunFolder, place: int
) -> None:
    """What is given back has passed the audit, line by line."""
    edit(folder.log, lambda x: [*x[:place], x[place].replace(b"L", b"l"), *x[place:]])

    with pytest.raises(LogDamaged, match=rf"log\.jsonl:{place + 1}: "):
        await restore(bus, folder)

    assert len(await everything(bus)) <= place


async def test_without_its_calls_a_log_cannot_be_restored(
    bus: RedisBus, folder: RunFolder
) -> None:
    """A call whose record is gone would be paid for again."""
    edit(folder.calls, lambda lines: lines[:-1])

    with pytest.raises(LogDamaged, match=r"calls\.jsonl does not have this call"):
        await restore(bus, folder)


async def test_a_line_must_be_the_next_one(bus: RedisBus, lost: MemoryBus) -> None:
    """The script writes no hole, and nothing that is no line."""
    lines = [line for _, line in await everything(lost)]

    for wrong in (lines[1], b"{}", b""):
        with pytest.raises(BusRefused):
            await bus.restore([wrong])
    assert not await everything(bus)


async def test_a_logger_goes_on_after_a_restore(
    bus: RedisBus, folder: RunFolder
) -> None:
    """It finds its own last line on the server and writes both files to the end."""
    log, calls = folder.log.read_bytes(), folder.calls.read_bytes()
    await restore(bus, folder)
    edit(folder.log, lambda lines: [*lines[:150], lines[150][:20]])

    await Logger(bus, folder.path).run()

    assert (folder.log.read_bytes(), folder.calls.read_bytes()) == (log, calls)
    assert any(LEDGER.encode() in line for line in log.splitlines())
