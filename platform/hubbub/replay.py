"""
Replay: every act of a run is done again from the record alone, and must come out equal.

No model, no server and no clock has a part in it: a new mind observes what its seat had
heard up to the act's ``seen``, and gets the replies that are on record.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import count

import anyio
import msgspec

from hubbub.acts import Act, find
from hubbub.calling import said
from hubbub.errors import BudgetSpent, ReplayDiffers
from hubbub.filling import Filling, empty_box
from hubbub.floor import Floor
from hubbub.messages import (
    KIND_OF,
    Body,
    Called,
    Contributed,
    Ended,
    Faulted,
    Left,
    Message,
    Onset,
    Passed,
    Remembered,
    Said,
    encode_body,
)
from hubbub.models.base import Reply, Request, View
from hubbub.population import Cast
from hubbub.rehearsal import rehearse
from hubbub.seat import MAILBOX, Seat, ask_of
from hubbub.tape import Tape
from hubbub.verdict import Verdict

#: Ends that a clock or a budget has made, and nothing else could make again.
UNREPEATED = ("late", "budget_stop")

#: Bytes that a difference is told with, before and after it begins.
BEFORE, AFTER = 80, 200

_encode = msgspec.json.encode


class Replayed(msgspec.Struct, kw_only=True):
    """
    What a replay has done again, all of it equal to the record.

    *skipped* counts the acts that were not done again, by outcome: those of a clock or
    a budget, and in ``unfinished`` those that have no end in the log.
    """

    messages: int = 0
    complete: bool = False
    acts: int = 0
    calls: int = 0
    memories: int = 0
    steps: int = 0
    skipped: dict[str, int] = msgspec.field(default_factory=dict[str, int])


async def replay(cast: Cast, tape: Tape) -> Replayed:
    """
    Do the run on *tape*, played by *cast*, again; `ReplayDiffers` where it is another.

    A mind that waits does so on the loop's clock: run this on one that leaps.
    """
    done = Replayed(messages=tape.last)
    if tape.last:
        done.complete = isinstance(tape.message(tape.last).body, Ended)
        done.steps = await rehearse(cast, tape)
        await _Minds(cast, tape, done).run()
    return done


class _Deed(msgspec.Struct, gc=False):
    """Where the log has what one act brought; *end* is 0 until it is ended."""

    id: str
    seat: str
    seen: int
    end: int = 0
    outcome: str = "unfinished"
    complaint: int = 0
    calls: tuple[int, ...] = ()
    memories: tuple[int, ...] = ()


def _deeds(tape: Tape, seats: tuple[str, ...]) -> list[_Deed]:
    """Every act of *seats*, in the order of its end."""
    known, open_, ended = frozenset(seats), dict[str, _Deed](), list[_Deed]()
    for message in tape:
        id = _act_of(message.body)
        if not id or message.sender not in known:
            continue
        deed = open_.get(id)
        if deed is None:
            deed = open_[id] = _Deed(id, message.sender, message.seen)
        _note(deed, message)
        if deed.end:
            ended.append(open_.pop(id))
    return [*ended, *open_.values()]


def _act_of(body: Body) -> str:
    """The act that a message is of; empty if of none."""
    match body:
        case Called(call=id) | Remembered(memory=id):
            return ask_of(id)
        case Contributed(ask=id) | Faulted(ask=id):
            return id
        case Said(turn=id) | Passed(turn=id) | Left(turn=id):
            return id
        case _:
            return ""


def _note(deed: _Deed, message: Message) -> None:
    match message.body:
        case Called():
            deed.calls += (message.seq,)
        case Remembered():
            deed.memories += (message.seq,)
        case Faulted():
            deed.complaint = message.seq
        case Contributed(outcome=outcome) | Passed(outcome=outcome):
            deed.end, deed.outcome, deed.seen = message.seq, outcome, message.seen
        case _:
            deed.end, deed.outcome, deed.seen = message.seq, "answered", message.seen


class _Minds:
    """All seats' minds, which observe the log once and act where its acts were taken."""

    def __init__(self, cast: Cast, tape: Tape, done: Replayed) -> None:
        self._cast = cast
        self._tape = tape
        self._done = done
        newcomers = arrivals(tape, cast)
        self._names = (*cast.names, *newcomers)
        self._floor = Floor(Seat(n, newcomers.get(n, 0)) for n in self._names)
        self._minds = {name: Filling(cast, name) for name in self._names}

    async def run(self) -> None:
        """Do every act again that can be."""
        deeds, skipped = defaultdict[int, list[_Deed]](list), Counter[str]()
        for deed in _deeds(self._tape, self._names):
            if deed.end and deed.outcome not in UNREPEATED:
                deeds[deed.seen].append(deed)
            else:
                skipped[deed.outcome] += 1
        self._done.skipped = dict(sorted(skipped.items()))
        for message in self._tape:
            if not isinstance(message.body, Called):
                self._floor.apply(message)
            for deed in deeds.pop(message.seq, ()):
                await self._redo(deed)
            if message.seq % (MAILBOX // 4) == 0:
                for seat in self._floor.seats.values():
                    empty_box(seat, self._minds[seat.name])

    async def _redo(self, deed: _Deed) -> None:
        seat, mind = self._floor.seats[deed.seat], self._minds[deed.seat]
        empty_box(seat, mind)
        act = find(deed.id, seat, self._cast.scenario)
        if act is None:
            kind = self._tape.message(deed.end).kind
            raise ReplayDiffers(
                deed.end, deed.seat, kind, f"nothing is asked at {deed.seen}"
            )
        again = _Again(act, deed, self._tape)
        again.compare_end(await again.do(mind))
        self._done.acts += 1
        self._done.calls += len(deed.calls)
        self._done.memories += len(deed.memories)


def arrivals(log: Iterable[Message], cast: Cast) -> dict[str, int]:
    """Who comes into the run of *log*, and with which ``seq``; *cast* knows them then."""
    found: dict[str, int] = {}
    for message in log:
        match message.body:
            case Onset(what=what) if what.surface == "participant":
                cast.welcome(what)
                found |= dict.fromkeys(what.seats, message.seq)
            case _:
                pass
    return found


class _Again:
    """One act done again, and compared with what *deed* has of it."""

    def __init__(self, act: Act, deed: _Deed, tape: Tape) -> None:
        self._act = act
        self._deed = deed
        self._tape = tape
        self._differs: ReplayDiffers | None = None
        self._draws = count(1)
        self._calls = {tape.call(seq).call: seq for seq in deed.calls}
        self._remembered: set[str] = set()
        self._memories: dict[str, int] = {}
        for seq in deed.memories:
            body = tape.message(seq).body
            assert isinstance(body, Remembered)
            self._memories[body.memory] = seq

    async def do(self, mind: Filling) -> Verdict:
        """Act; raises the first difference on the way."""
        ask = self._act.ask(mind.seed, self._complete, self._remember)
        verdict = Verdict(outcome="late")
        with anyio.move_on_after(self._act.budget):
            verdict = await mind.judge(ask)
        # A mind may make what it likes of an error: the first one counts.
        if self._differs is not None:
            raise self._differs
        return verdict

    async def _complete(self, request: Request, view: View) -> Reply:
        draw = next(self._draws)
        request = msgspec.structs.replace(request, draw=draw)
        seq = self._calls.pop(f"{self._act.id}/{draw}", 0)
        if not seq:
            raise BudgetSpent(f"call {draw} of {self._act.id} is not on record")
        call = self._tape.call(seq)
        self._compare(seq, _encode((call.request, call.view)), _encode((request, view)))
        return await said(call)

    async def _remember(self, memory: Remembered) -> None:
        if memory.memory in self._remembered:
            return
        self._remembered.add(memory.memory)
        seq = self._memories.pop(memory.memory, 0)
        recorded = self._tape.body(seq) if seq else b""
        self._compare(seq or self._deed.end, recorded, encode_body(memory))

    def compare_end(self, verdict: Verdict) -> None:
        """Raise `ReplayDiffers` unless *verdict* ends the act as it is on record."""
        for seq in (*self._calls.values(), *self._memories.values()):
            self._compare(seq, self._tape.body(seq), b"")
        deed, complaint = self._deed, self._act.complaint(verdict)
        self._compare(
            deed.complaint or deed.end,
            self._tape.body(deed.complaint) if deed.complaint else b"",
            encode_body(complaint) if complaint else b"",
        )
        ending = self._act.ending(verdict)
        found = f"{KIND_OF[type(ending)]} in {self._act.room} ".encode()
        recorded = self._tape.message(deed.end)
        wanted = f"{recorded.kind} in {recorded.room} ".encode()
        self._compare(
            deed.end,
            wanted + self._tape.body(deed.end),
            found + encode_body(ending),
        )

    def _compare(self, seq: int, recorded: bytes, found: bytes) -> None:
        if recorded != found:
            expected, other = excerpts(recorded, found)
            differs = ReplayDiffers(seq, self._deed.seat, expected, other)
            self._differs = self._differs or differs
            raise differs


def excerpts(recorded: bytes, found: bytes) -> tuple[str, str]:
    """Both, from a little before they part."""
    same = next(
        (i for i, (a, b) in enumerate(zip(recorded, found, strict=False)) if a != b),
        min(len(recorded), len(found)),
    )
    start = max(0, same - BEFORE)
    first, second = (
        bytes(text[start : same + AFTER]).decode(errors="replace") or "nothing"
        for text in (recorded, found)
    )
    lead = "…" if start else ""
    return lead + first, lead + second
