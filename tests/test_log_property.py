"""However often a logger dies, and wherever its files end then: they become the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.bus import MemoryBus
from hubbub.log import audit_log
from hubbub.logger import Logger
from hubbub.messages import Called, Draft, Message

from .records import tale

#: A run of 60 messages, with 16 calls.
TALE = tale(8)


@dataclass(frozen=True)
class Say:
    """The run goes on by so many messages."""

    count: int


@dataclass(frozen=True)
class Log:
    """A logger works for so many steps of the loop, and is killed."""

    steps: int


@dataclass(frozen=True)
class Tear:
    """Of the log such a share is left, and of the calls that it does not have."""

    log: float
    calls: float


DEEDS = st.one_of(
    st.builds(Say, st.integers(1, 20)),
    st.builds(Log, st.integers(0, 2_000)),
    st.builds(Tear, st.floats(0, 1), st.floats(0, 1)),
)


def tear(folder: Path, deed: Tear) -> None:
    """As a loss of power does; calls are on the disk before the log has them."""
    paths = folder / "log.jsonl", folder / "calls.jsonl"
    log, calls = (path.read_bytes() if path.exists() else b"" for path in paths)
    log = log[: int(deed.log * len(log))]
    known = log[: log.rfind(b"\n") + 1].count(b'"kind":"call"')
    least = sum(map(len, calls.splitlines(keepends=True)[:known]))
    paths[0].write_bytes(log)
    paths[1].write_bytes(calls[: least + int(deed.calls * (len(calls) - least))])


async def log_for(bus: MemoryBus, folder: Path, steps: int) -> None:
    """Let a logger work for a while, and kill it."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Logger(bus, folder).run)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def say(bus: MemoryBus, messages: Sequence[Message]) -> None:
    """The run goes on by *messages*."""
    for m in messages:
        draft = Draft(
            room=m.room, sender=m.sender, inc=1, no=m.no, seen=m.seen, body=m.body
        )
        await bus.post([draft])


async def whole(bus: MemoryBus, folder: Path) -> tuple[bytes, bytes]:
    """What a logger leaves of a run that has ended, from whatever is in *folder*."""
    with anyio.fail_after(60):
        await Logger(bus, folder).run()
    return (folder / "log.jsonl").read_bytes(), (folder / "calls.jsonl").read_bytes()


@given(deeds=st.lists(DEEDS, min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
async def test_the_files_become_the_log(deeds: list[Say | Log | Tear]) -> None:
    """To the byte; and the audit finds nothing wrong with them."""
    bus, said = MemoryBus(), 0
    await bus.claim("live", sorted({m.sender for m in TALE}))
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        torn, smooth = Path(first), Path(second)
        for deed in deeds:
            match deed:
                case Say(count=count):
                    await say(bus, TALE[said : said + count])
                    said += count
                case Log(steps=steps):
                    await log_for(bus, torn, steps)
                case Tear():
                    tear(torn, deed)
        await say(bus, TALE[said:])

        assert await whole(bus, torn) == await whole(bus, smooth)
        assert audit_log(torn / "log.jsonl").messages == len(TALE)


def test_the_tale_has_calls() -> None:
    """Else half of what can be torn would not be there."""
    assert sum(isinstance(m.body, Called) for m in TALE) == 16
