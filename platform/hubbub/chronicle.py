"""
The files of a run on the virtual clock, which is played from its beginning whenever it
goes on: what is on record must come again, and what is not is written.
"""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing

import msgspec

from hubbub.console.live import LiveView
from hubbub.endings import no_room
from hubbub.errors import ReplayDiffers, RunFailed, UsageError
from hubbub.folder import RunFolder
from hubbub.fork import missing
from hubbub.ledger import Ledger, Record, read_records, split
from hubbub.log import without_hash
from hubbub.logfile import LogFile
from hubbub.logger import BATCH, locked
from hubbub.messages import Body, Budgeted, Message, PhaseOpened, Stopped
from hubbub.names import OPERATOR
from hubbub.population import Cast
from hubbub.replay import excerpts
from hubbub.tape import LogTape
from hubbub.terms import Terms
from hubbub.truth import Truth

#: Seconds of real time within which what was said can be read in the files.
SHOWN = 0.5


class Chronicle:
    """
    ``log.jsonl`` and ``calls.jsonl`` of *folder*'s run, which *view* is shown.

    One process at a time.
    """

    def __init__(self, folder: RunFolder, view: LiveView) -> None:
        """Raises `LogDamaged`, and `RunFailed` where another process plays the run."""
        self._view = view
        self._origin = folder.manifest.origin
        self._waiting: list[bytes] = []
        self._shown = time.monotonic()
        with ExitStack() as stack:
            _lock(folder, stack)
            # What a torn write has left behind is cut off by these two.
            self._file = stack.enter_context(closing(LogFile(folder.log)))
            self._ledger = stack.enter_context(
                closing(Ledger(folder.calls, sys.maxsize))
            )
            self._tape = stack.enter_context(closing(LogTape(folder.log, folder.calls)))
            self.last = self._tape.last
            # Calls that were written when the process died, and their messages not.
            self._ahead = {
                record.seq: record
                for record in read_records(folder.calls)
                if record.seq > self.last
            }
            self._files = stack.pop_all()

    def close(self) -> None:
        """Let go of the files; what was taken and is not flushed is lost."""
        self._files.close()

    # -- what the record says

    def sittings(self, terms: Terms) -> list[Terms]:
        """As the function of this name, for what is on record."""
        return sittings(self._tape, terms)

    def said(self, cast: Cast) -> dict[int, Sequence[Body]]:
        """What an operator says, by the ``seq`` after which it is said."""
        origin, truth = self._origin, Truth()
        said = defaultdict[int, list[Body]](list)
        for message in self._tape:
            if origin is not None and message.seq > origin.seq:
                break
            truth.apply(message)
            if message.sender == OPERATOR:
                said[message.seen].append(message.body)
        if origin is not None:
            said[origin.seq] += missing(origin, cast, truth)
        return dict(said)

    # -- what is played

    def take(self, message: Message, line: bytes) -> None:
        """
        Take in the next *message* and its *line*.

        Raises `ReplayDiffers` where the record has another message, and `RunFailed` where
        there is no room on the disk.
        """
        bare, record = split(line)
        if message.seq <= self.last:
            expected, _ = without_hash(self._tape.line(message.seq))
            _compare(message, expected, bare)
            self._view.recall(message)
            return
        self._view.show(message)
        self._waiting.append(bare)
        if record is not None:
            self._add(message, record)
        late = time.monotonic() - self._shown > SHOWN
        if late or len(self._waiting) == BATCH:
            self.flush()

    def _add(self, message: Message, record: Record) -> None:
        known = self._ahead.pop(message.seq, None)
        if known is None:
            self._ledger.add(record)
        else:
            _compare(message, known.call, record.call)

    def flush(self) -> None:
        """Have everything on the disk; raises `RunFailed` where there is no room."""
        self._shown = time.monotonic()
        if not self._waiting:
            return
        try:
            self._ledger.flush()
            self._file.append(self._waiting)
        except OSError as error:
            raise no_room(self._file.path, error) from error
        self._waiting = []


def sittings(log: Iterable[Message], terms: Terms) -> list[Terms]:
    """
    The terms of each sitting of which *log* is, and of the one that goes on on *terms*.

    A sitting ends where the run stops at its budget.  Raises `UsageError` where *terms*
    have another budget than what is on record of the sitting.
    """
    before: list[Terms] = []
    budget, begun = Budgeted(), False
    for message in log:
        match message.body:
            case Budgeted() as budget:
                pass
            case PhaseOpened():
                begun = True
            case Stopped():
                before.append(_bounded(terms, budget))
                begun = False
            case _:
                pass
    if begun and _bounded(terms, budget) != terms:
        raise UsageError(
            "on the virtual clock a run's budget can be changed when it has stopped "
            "there, and not in between: go on without saying another one"
        )
    return [*before, terms]


def _lock(folder: RunFolder, stack: ExitStack) -> None:
    fd = os.open(folder.path / "logger.lock", os.O_RDWR | os.O_CREAT, 0o644)
    stack.callback(os.close, fd)
    if not locked(fd):
        raise RunFailed(f"another process is playing the run in {folder.path}")


def _bounded(terms: Terms, budget: Budgeted) -> Terms:
    return msgspec.structs.replace(terms, money=budget.money, tokens=budget.tokens)


def _compare(message: Message, recorded: bytes, found: bytes) -> None:
    """Raise `ReplayDiffers` unless *found* is what is on record of *message*."""
    if recorded != found:
        expected, other = excerpts(bytes(recorded), bytes(found))
        raise ReplayDiffers(message.seq, message.sender, expected, other)
