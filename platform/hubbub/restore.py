"""
Giving a server back what it has lost of a run.

The server's log is the truth for the roles, ``log.jsonl`` the truth for people.  Where
the folder knows more, the server's files are gone or older: the run was copied without
them, or they were deleted.
"""

from collections.abc import Iterator

import structlog

from hubbub.bus import RedisBus
from hubbub.errors import LogDamaged
from hubbub.folder import RunFolder
from hubbub.ledger import join, read_records
from hubbub.log import Audit, without_hash
from hubbub.logfile import Tail, read_tail
from hubbub.logger import check_same
from hubbub.messages import Called

log = structlog.get_logger()

#: Lines in one call of the script.
BATCH = 128


async def restore(bus: RedisBus, folder: RunFolder) -> int:
    """
    Append to *bus* the messages that only *folder* has, and return how many.

    No role may be at work.  Every line is checked on the way: raises `LogDamaged` where
    the files are not whole, or the server has the log of another run.
    """
    known, tail = int((await bus.meta())["seq"]), read_tail(folder.log)
    if known >= tail.seq:
        await check_same(bus, folder.log, tail)
        return 0
    # What a new fork shares no server can have lost.
    tell = log.info if tail.seq <= folder.shared else log.warning
    tell("restoring what the server has lost", known=known, wanted=tail.seq)
    batch: list[bytes] = []
    for seq, bare, line in _lines(folder):
        if seq == known:
            await check_same(bus, folder.log, Tail(seq, bare))
        if seq > known:
            batch.append(line)
        if len(batch) == BATCH:
            await bus.restore(batch)
            batch.clear()
    await bus.restore(batch)
    return tail.seq - known


def _lines(folder: RunFolder) -> Iterator[tuple[int, bytes, bytes]]:
    """Each message's ``seq``, its line in the folder, and its line on the server."""
    audit = Audit()
    records = read_records(folder.calls)
    with folder.log.open("rb") as file:
        for number, stored in enumerate(file, 1):
            if not stored.endswith(b"\n"):
                return
            try:
                message = audit.check(stored)
                bare, _ = without_hash(stored)
                line = bare
                if isinstance(message.body, Called):
                    line = join(bare, next(records, None))
            except ValueError as error:
                raise LogDamaged(folder.log, number, str(error)) from None
            yield number, bare, line
