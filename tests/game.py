"""What must be the same, whoever dies: the record of a game, and how two compare."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import msgspec

from hubbub.errors import HubbubError
from hubbub.folder import RunFolder
from hubbub.ledger import read_records
from hubbub.log import audit_log, read_log
from hubbub.messages import (
    Asked,
    Called,
    Contributed,
    Left,
    Message,
    Passed,
    PhaseClosed,
    Said,
)
from hubbub.models.base import Call


@dataclass(frozen=True)
class Game:
    """What is played; the same game has the same words in it, whoever dies."""

    rounds: int
    seed: int
    #: What the seats are filled with: a rule, or a model.
    mind: tuple[str, str] = ("--mind", "uniform")

    def command(self, folder: Path, workers: int = 2) -> list[str]:
        """The command that plays it in *folder*, or goes on with it."""
        return [
            *("run", "cocktail-party", "--agents", "10", *self.mind),
            *("--set", f"rounds={self.rounds}", "--seed", str(self.seed)),
            *("--workers", str(workers), "--out", str(folder), "--json"),
        ]


@dataclass(frozen=True)
class Record:
    """
    What came of a game: every ask, its ending, every turn's, every model call.

    *chats* has each room's turns in their order.
    """

    ends: dict[str, tuple[str, ...]]
    chats: dict[str, list[str]]
    messages: int


def read_record(log: Path) -> Record:
    """The record in *log*."""
    ends: dict[str, tuple[str, ...]] = {}
    chats: dict[str, list[str]] = {}
    messages = 0
    for message in read_log(log):
        messages += 1
        if end := _end(message):
            ends[end[0]] = (message.sender, *end[1:])
            # Sealed answers cross on their way; what is said in a room has an order.
            if not message.room.startswith("@"):
                chats.setdefault(message.room, []).append(end[0])
    for record in read_records(log.with_name("calls.jsonl")):
        call = msgspec.json.decode(record.call, type=Call)
        # Requests quote places in the log, which are others each time.
        ends[f"call {call.call}"] = (call.seat, repr(call.reply))
    return Record(ends, chats, messages)


def _end(message: Message) -> tuple[str, ...]:
    """The ask or turn that *message* puts or ends, and how."""
    match message.body:
        case Asked(ask=ask, question=question):
            return (f"ask {ask}", bytes(question).decode())
        case Contributed(ask=ask, outcome=outcome, answer=answer):
            return (ask, outcome, bytes(answer).decode())
        case Said(turn=turn, text=text) | Left(turn=turn, text=text) if turn:
            return (turn, message.kind, text)
        case Passed(turn=turn, outcome=outcome):
            return (turn, outcome)
        case PhaseClosed(step=step, why=why):
            return (f"close {step}", why)
        case Called(call=call):
            return (f"call {call}",)
        case _:
            return ()


@dataclass
class Report:
    """
    What killing came to; *faults* are in words.

    *recoveries* are seconds from a kill until the run goes on, or, where the whole was
    ended, until nothing is left of it.
    """

    kills: int = 0
    runs: int = 0
    messages: int = 0
    lost: int = 0
    twice: int = 0
    holes: int = 0
    changed: int = 0
    faults: list[str] = field(default_factory=list[str])
    recoveries: list[float] = field(default_factory=list[float])

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not (
            self.lost or self.twice or self.holes or self.changed or self.faults
        )

    def line(self, target: str, seed: int) -> str:
        """The report on one line."""
        return (
            f"{target:<9} kills {self.kills}  runs {self.runs}  "
            f"messages {self.messages:,}  lost {self.lost}  twice {self.twice}  "
            f"holes {self.holes}  changed {self.changed}  faults {len(self.faults)}  "
            f"recovery {_times(self.recoveries)}  seed {seed}"
        )

    def expect(self, holds: bool, fault: str) -> None:
        """Note *fault* unless what was expected *holds*."""
        if not holds:
            self.faults.append(fault)

    def check(self, folder: Path, wanted: Record) -> None:
        """Add what is wrong with the finished run in *folder*."""
        run = RunFolder(folder)
        self.runs += 1
        self.messages += run.manifest.messages
        self.expect(run.manifest.state == "complete", f"{folder} is not complete")
        try:
            audit = audit_log(run.log)
            self.expect(audit.ended, f"{folder}: the log has no end")
            self.expect(run.manifest.last_hash == audit.digest, f"{folder}: other hash")
        except HubbubError as error:
            self.faults.append(str(error))
        self._compare(run.log, wanted)

    def _compare(self, log: Path, wanted: Record) -> None:
        seqs, ends = Counter[int](), Counter[str]()
        for message in read_log(log):
            seqs[message.seq] += 1
            ends.update(_end(message)[:1])
        self.twice += sum(n - 1 for n in (*seqs.values(), *ends.values()))
        self.holes += max(seqs) - len(seqs)
        found = read_record(log)
        self.lost += len(wanted.ends.keys() - found.ends.keys())
        self.changed += sum(wanted.ends.get(k) != e for k, e in found.ends.items())
        self.changed += sum(wanted.chats.get(r) != c for r, c in found.chats.items())


def _times(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "-"
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49]:.2f} s p99 {cuts[98]:.2f} s"
