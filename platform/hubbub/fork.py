"""
Forking: a run goes on from one of its events, in a folder of its own.

What the log has up to there is shared byte by byte, the model calls included, so the
hash chain proves that it is the same past.  Nothing of it is done or paid again: whoever
goes on with the folder rebuilds minds and conductor by folding it, as after a crash.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from hubbub.bus.base import Bus
from hubbub.errors import LogDamaged, RunExists, UnknownName, UsageError
from hubbub.folder import Origin, RunFolder, make_folder, new_run_id
from hubbub.injections import Injection, requests
from hubbub.ledger import known_calls
from hubbub.log import Audit
from hubbub.messages import Body, Ejected, Ended, Injected, Message
from hubbub.names import TRUTH
from hubbub.population import Cast
from hubbub.situation import Situation, operating
from hubbub.truth import Entry, Truth, check_trigger

#: In place of ids: all injections.
ALL = "all"

Met = Callable[[Truth, Message], bool]


def fork(
    folder: RunFolder,
    at: str = "",
    *,
    injected: Sequence[Injection] = (),
    without: Sequence[str] = (),
    out: Path,
    run: str = "",
) -> RunFolder:
    """
    Begin in *out* the run that *folder*'s is up to the first event that meets *at*.

    From there on the injections *without*, ids or `ALL`, are to end or never to begin,
    and those *injected* are asked for.  Without *at* it is the event with which the first
    of *without* was due, or the last one where none was.  The source may be complete,
    stopped or going on: its log is read and nothing of it is changed.

    It is called *run*, by default by a new id.  Where *out* has this very fork,
    unfinished, that is returned.  Raises `UsageError`
    for what cannot be, `RunExists` where *out* has something else, and `LogDamaged`.
    """
    if not (check_trigger(at) or without):
        raise UsageError("say where to fork: seq:N, round:R or phase:NAME")
    prefix = _Prefix(folder, at, without)
    origin = _origin(folder, prefix, injected, without)
    if (out / "manifest.json").exists():
        return _same(RunFolder(out), origin)
    if out.exists() and any(out.iterdir()):
        raise RunExists(f"{out} is not empty: choose another --out")
    run = run or new_run_id(folder.manifest.scenario)
    return _lay(folder, prefix, origin, out, run)


async def ask(bus: Bus, origin: Origin, cast: Cast) -> None:
    """
    Ask the run on *bus* for what its *origin* says is otherwise, unless it has been.

    No role may be at work yet, so that nothing comes before it.
    """
    if not (origin.injected or origin.without):
        return
    async with operating(bus) as (situation, voice):
        posts = [(TRUTH, body) for body in missing(origin, cast, situation.truth)]
        if posts:
            await voice.say_all(posts, seen=situation.cursor)


def missing(origin: Origin, cast: Cast, truth: Truth) -> Iterator[Body]:
    """What of *origin*'s requests is not in a run of *cast* whose injections are *truth*."""
    declared = {what.id: what for what in cast.declared}
    for id in origin.without:
        entry = truth.entries.get(id)
        if entry is None:
            # Only what has been asked for can be ejected, and it must not begin before.
            yield declared[id]
        if entry is None or (entry.eject != "" and entry.state != "over"):
            yield Ejected(id=id)
    for what in origin.injected:
        if what.id not in truth.entries:
            yield what


# -- the past


class _Prefix:
    """The log of a run up to a fork: what it says, and where it ends in the file."""

    def __init__(self, folder: RunFolder, at: str, without: Sequence[str]) -> None:
        self.situation = Situation()
        self.digest = ""
        self.size = 0
        self._calls = 0
        met = _trigger(at) if at else _due(without)
        ended = False
        try:
            with folder.log.open("rb") as file:
                found, ended = self._read(file, folder.log, met)
        except FileNotFoundError:
            raise UsageError(f"{folder.path} has no message in its log yet") from None
        if (at and not found) or not self.seq:
            raise UsageError(_nowhere(at, self.seq, ended=ended))
        known, self.calls = known_calls(folder.calls, self.seq)
        if known != self._calls:
            why = f"calls.jsonl has not all calls up to seq {self.seq}"
            raise LogDamaged(folder.log, self.seq, why)

    @property
    def seq(self) -> int:
        """Where it ends."""
        return self.situation.cursor

    def _read(self, file: BinaryIO, path: Path, met: Met) -> tuple[bool, bool]:
        """Whether an event has *met* what was looked for, and whether the log ended."""
        audit = Audit()
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                message = audit.check(line)
            except ValueError as error:
                raise LogDamaged(path, number, str(error)) from None
            if isinstance(message.body, Ended):
                return False, True
            self.situation.apply(message)
            self.digest, self._calls = audit.digest, len(audit.calls)
            self.size += len(line)
            if met(self.situation.truth, message):
                return True, False
        return False, False


def _trigger(at: str) -> Met:
    return lambda truth, message: truth.meets(at, message)


def _due(without: Sequence[str]) -> Met:
    """Whether the first of *without* is to begin, or has begun."""

    def met(truth: Truth, message: Message) -> bool:
        return any(ALL in without or what.id in without for what in truth.beginning())

    return met


def _nowhere(at: str, last: int, *, ended: bool) -> str:
    """Why there is nothing to fork from."""
    if ended:
        return f"nothing before the run's end meets {at}: its last event is seq:{last}"
    if last:
        return f"nothing in the log meets {at} yet: its last event is seq:{last}"
    return "the log has no message yet"


# -- what is otherwise


def _origin(
    folder: RunFolder,
    prefix: _Prefix,
    injected: Sequence[Injection],
    without: Sequence[str],
) -> Origin:
    cast, truth = Cast(folder.population()), prefix.situation.truth
    known = {what.id: what for what in cast.declared}
    known |= {id: entry.what for id, entry in truth.entries.items()}
    seats = prefix.situation.seats(cast)
    for what in cast.declared:
        if what.surface == "participant" and what.id not in truth.entries:
            seats |= dict.fromkeys(what.seats, True)
    found = requests(injected, seats, known)
    for what in found:
        cast.check(what)
    return Origin(
        run=folder.run,
        seq=prefix.seq,
        hash=prefix.digest,
        injected=found,
        without=_without(without, known, prefix.situation),
    )


def _without(
    without: Sequence[str], known: dict[str, Injected], situation: Situation
) -> tuple[str, ...]:
    entries, seq = situation.truth.entries, situation.cursor
    over = {id for id, entry in entries.items() if entry.state == "over"}
    if ALL in without:
        without = [id for id in known if id not in over]
    for id in without:
        if id not in known:
            raise UnknownName(f"injection up to seq {seq}", id, list(known))
        if id in over:
            raise UsageError(f"injection {id} was over at seq {seq}: fork before it")
        if id in entries and _is_coming(entries[id], situation):
            raise UsageError(
                f"injection {id} is just coming in at seq {seq}: fork before or after"
            )
    return tuple(dict.fromkeys(without))


def _is_coming(entry: Entry, situation: Situation) -> bool:
    """Whether it would be for ever in a room in which nobody speaks for it."""
    if entry.what.surface != "participant" or entry.onset:
        return False
    return any(map(situation.rooms.of, entry.what.seats))


# -- the folder


def _same(found: RunFolder, origin: Origin) -> RunFolder:
    """*found*, if it is the unfinished run of *origin*."""
    if found.manifest.origin != origin:
        raise RunExists(f"{found.path} holds another run: choose another --out")
    if found.manifest.state == "complete":
        raise RunExists(f"{found.path} holds a complete run: choose another --out")
    return found


def _lay(
    source: RunFolder, prefix: _Prefix, origin: Origin, out: Path, run: str
) -> RunFolder:
    """Make the folder beside its place, where it is put at once or not at all."""
    manifest = source.manifest
    draft = out.with_name(f".{out.name}.fork")
    shutil.rmtree(draft, ignore_errors=True)
    made = make_folder(
        draft, run, manifest.scenario, source.population(), manifest.parameters
    )
    _share(source.log, made.log, prefix.size)
    if prefix.calls:
        _share(source.calls, made.calls, prefix.calls)
    terms = manifest.terms
    made.save(msgspec.structs.replace(made.manifest, terms=terms, origin=origin))
    draft.rename(out)
    return RunFolder(out)


def _share(source: Path, target: Path, size: int) -> None:
    """
    Make *target* the first *size* bytes of *source*.

    Where the file system can, they are the same blocks of the disk, and take no room.
    """
    with source.open("rb") as old, target.open("wb") as new:
        done = 0
        while done < size and (count := _link(old, new, size - done)):
            done += count
        old.seek(done)
        new.seek(done)
        while done < size and (data := old.read(min(1 << 20, size - done))):
            done += new.write(data)
        new.flush()
        os.fsync(new.fileno())


def _link(old: BinaryIO, new: BinaryIO, size: int) -> int:
    """How many bytes the kernel has shared or copied; 0 where it does neither."""
    if sys.platform != "linux":
        return 0
    try:
        return os.copy_file_range(old.fileno(), new.fileno(), size)
    except OSError:
        return 0
