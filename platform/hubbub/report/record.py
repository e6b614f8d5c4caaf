"""What a report needs of a run's log: read once from end to end, checked, and bounded."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hubbub.console.picture import Pair, Picture
from hubbub.errors import LogDamaged
from hubbub.ledger import read_records
from hubbub.log import Audit
from hubbub.messages import (
    Asked,
    Called,
    Contributed,
    Faulted,
    Left,
    Message,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    Said,
)
from hubbub.models.base import Call
from hubbub.names import CONDUCTOR
from hubbub.report.excerpt import Excerpts
from hubbub.report.stretches import Stretches

#: Results of one name that are kept, with their bytes in all; the others are counted.
RESULTS = 5_000
RESULT_BYTES = 8_000_000
#: Faults that are kept.
FAULTS = 5
#: What chat turns are counted under.
TURNS = "chat turns"
#: Not an outcome: an ask of a phase that is open.
PENDING = "pending"
#: How a question begins that invites to a party.
_INVITE = b'{"type":"invite"'

_decode_call = msgspec.json.Decoder(Call).decode


@dataclass(slots=True)
class Record:
    """
    A run's log, folded for a report.

    *outcomes* are those of asks by the phase's form and question, and of chat turns.
    *results* are what the scenario declared, as JSON by name, and *declared* how many of
    each there were.  *talks* are conversations of two in which anything was said, with
    the stretch they began in (see `Stretches`).  *invites*: seats were asked to invite.
    """

    picture: Picture = field(default_factory=Picture)
    audit: Audit = field(default_factory=Audit)
    outcomes: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict[str, Counter[str]](Counter)
    )
    kinds: Counter[str] = field(default_factory=Counter[str])
    results: dict[str, list[msgspec.Raw]] = field(
        default_factory=dict[str, list[msgspec.Raw]]
    )
    declared: Counter[str] = field(default_factory=Counter[str])
    faults: list[Faulted] = field(default_factory=list[Faulted])
    talks: list[tuple[int, Pair]] = field(default_factory=list[tuple[int, Pair]])
    invites: bool = False
    stretches: Stretches = field(default_factory=Stretches)
    excerpts: Excerpts = field(default_factory=Excerpts)
    _about: dict[int, str] = field(default_factory=dict[int, str])
    _waiting: Counter[int] = field(default_factory=Counter[int])
    _silent: dict[str, Pair] = field(default_factory=dict[str, Pair])
    _bytes: int = 0

    def apply(self, message: Message) -> None:
        """Take in the next message."""
        self.picture.apply(message)
        self.kinds[message.kind] += 1
        self.stretches.apply(message)
        self.excerpts.apply(message)
        match message.body:
            case PhaseOpened() as opened:
                self._open(message.room, opened)
            case Asked(step=step, question=question):
                self.invites |= bytes(question).startswith(_INVITE)
                self._waiting[step] += 1
                self.outcomes[self._about.get(step, "asks")][PENDING] += 1
            case Contributed(step=step, outcome=outcome):
                self._contribute(step, outcome)
            case PhaseClosed(step=step):
                self._end(step)
                self._silent.pop(message.room, None)
            case Said(turn=turn) if message.sender != CONDUCTOR:
                self._say(message.room)
                if turn:
                    self.outcomes[TURNS]["answered"] += 1
            case Left(turn=turn, text=text) if turn:
                self.outcomes[TURNS]["answered"] += 1
                if text:
                    self._say(message.room)
            case Passed(outcome=outcome):
                self.outcomes[TURNS][outcome] += 1
            case Resulted() as result:
                self._declare(result)
            case Faulted() as fault if len(self.faults) < FAULTS:
                self.faults.append(fault)
            case _:
                pass

    def finish(self) -> None:
        """Count what is still open as pending; nothing comes after."""
        for counts in self.outcomes.values():
            for name in [name for name, count in counts.items() if not count]:
                del counts[name]

    def _open(self, room: str, opened: PhaseOpened) -> None:
        if opened.form == "chat":
            if len(opened.seats) == 2:
                one, other = sorted(opened.seats)
                self._silent[room] = one, other
        else:
            self._about[opened.step] = f"{opened.form} {opened.what}".strip()

    def _contribute(self, step: int, outcome: str) -> None:
        counts = self.outcomes[self._about.get(step, "asks")]
        if step in self._waiting:
            self._waiting[step] -= 1
            counts[PENDING] -= 1
            counts[outcome] += 1
        else:
            # Its phase is closed, so it was counted as absent.
            counts["absent"] -= 1
            counts["late"] += 1

    def _end(self, step: int) -> None:
        missing = self._waiting.pop(step, 0)
        if missing:
            counts = self.outcomes[self._about.get(step, "asks")]
            counts[PENDING] -= missing
            counts["absent"] += missing
        else:
            self._about.pop(step, None)

    def _say(self, room: str) -> None:
        pair = self._silent.pop(room, None)
        if pair is not None:
            self.talks.append((self.stretches.now, pair))

    def _declare(self, result: Resulted) -> None:
        self.declared[result.name] += 1
        kept = self.results.setdefault(result.name, [])
        size = len(bytes(result.value))
        if len(kept) < RESULTS and self._bytes + size <= RESULT_BYTES:
            kept.append(result.value)
            self._bytes += size


def read_record(log: Path, calls: Path, shared: int = 0) -> Record:
    """
    The record of the run in the file *log*, with its *calls*, those up to *shared* not
    counted.

    A torn last line is left out.  Raises `LogDamaged` where the log is not whole and
    unchanged, or a call is not the one that the log has.
    """
    record = Record(picture=Picture(shared=shared))
    records = _calls(calls)
    known = next(records, None)
    for number, line in enumerate(_lines(log), 1):
        try:
            message = record.audit.check(line)
        except ValueError as error:
            raise LogDamaged(log, number, str(error)) from None
        record.apply(message)
        if isinstance(message.body, Called):
            if known is None or known[:2] != (message.seq, message.body.sha256):
                raise LogDamaged(log, number, "its call is not in calls.jsonl")
            record.picture.count_call(known[2])
            known = next(records, None)
    record.finish()
    return record


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of the file *path*; none if there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line


def _calls(path: Path) -> Iterator[tuple[int, str, Call]]:
    """Every call in the file *path*, its message's ``seq`` and its SHA-256."""
    for number, record in enumerate(read_records(path), 1):
        try:
            yield record.seq, record.sha256, _decode_call(record.call)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise LogDamaged(path, number, f"not a call: {error}") from None
