"""What a run looks like so far: a fold of its messages."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from hubbub.console.calls import Usage, record_of
from hubbub.messages import (
    Asked,
    Budgeted,
    Called,
    Contributed,
    Ended,
    Faulted,
    Form,
    Joined,
    Left,
    Message,
    Outcome,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    RoundBegan,
    Said,
    Started,
    Stopped,
)
from hubbub.models.base import Call
from hubbub.names import CONDUCTOR

Pair = tuple[str, str]


@dataclass(slots=True)
class Member:
    """
    One seat: how often it spoke, was asked and talked with one other (*chats*).

    *answers* are the outcomes of its asks, *turns* those of its own chat turns, *usage*
    its model calls.  *model* is the last model that it called, *replied* the ask that
    this call was for, if it brought a reply.
    """

    says: int = 0
    asks: int = 0
    chats: int = 0
    answers: Counter[Outcome] = field(default_factory=Counter[Outcome])
    turns: Counter[Outcome] = field(default_factory=Counter[Outcome])
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    replied: str = ""


@dataclass(slots=True)
class Picture:
    """
    A run so far.

    `apply` takes the messages in ``seq`` order from the first one on, in constant time
    each.  Memory grows with seats, pairs, models and asks that nobody answered, not
    with messages.  *chats* are the dyads that talk now; *uses* are the model calls of
    all steps with the same form and question; *budget* is the last one and *why* the
    run has stopped, if it has; times are server time in ms.  The calls up to *shared* are
    those of the run that this one was forked from, and are not counted.
    """

    shared: int = 0

    scenario: str = ""
    seed: int = 0
    seats: tuple[str, ...] = ()
    state: Literal["unfinished", "stopped", "complete"] = "unfinished"
    why: str = ""
    budget: Budgeted = field(default_factory=Budgeted)
    round: int = 0
    of: int = 0
    step: int = 0
    form: Form | None = None
    messages: int = 0
    says: int = 0
    asks: int = 0
    calls: int = 0
    faults: int = 0
    first_at: int = 0
    last_at: int = 0
    chats: dict[str, Pair] = field(default_factory=dict[str, Pair])
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    models: dict[str, Usage] = field(default_factory=dict[str, Usage])
    uses: dict[str, Usage] = field(default_factory=dict[str, Usage])
    total: Usage = field(default_factory=Usage)
    memories: int = 0
    sent: Counter[str] = field(default_factory=Counter[str])
    pairs: Counter[Pair] = field(default_factory=Counter[Pair])
    phases: Counter[Form] = field(default_factory=Counter[Form])
    answers: Counter[Outcome] = field(default_factory=Counter[Outcome])
    turns: Counter[Outcome] = field(default_factory=Counter[Outcome])
    # Open steps, and closed ones, with the seats that have not contributed to them.
    _open: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    _missing: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    # What the steps in both are about.
    _about: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How asks and chat turns ended, together."""
        return self.answers + self.turns

    @property
    def pending(self) -> int:
        """Asks that have no outcome yet."""
        return self.asks - self.answers.total()

    @property
    def completeness(self) -> float | None:
        """The share of asks that were answered; None where nobody was asked."""
        return self.answers["answered"] / self.asks if self.asks else None

    def parsed(self, model: str) -> tuple[int, int]:
        """How many acts of the seats on *model* made sense, and of how many that spoke."""
        good = bad = 0
        for member in self.members.values():
            if member.model == model:
                ended = member.answers + member.turns
                good += ended["answered"] + ended["passed"]
                bad += ended["unparsable"]
        return good, good + bad

    def apply(self, message: Message) -> None:
        """Take in the next message."""
        self.messages += 1
        self.sent[message.sender] += 1
        self.first_at = self.first_at or message.at
        self.last_at = message.at
        match message.body:
            case Said() as said if message.sender != CONDUCTOR:
                self._say(message.sender, said)
            case Passed() as passed:
                self._turn(message.sender, passed.outcome)
            case Asked(step=step):
                self._ask(message.room.removeprefix("@"), step)
            case Contributed() as contributed:
                self._contribute(message.sender, contributed)
            case Called() as called:
                self._call(called)
            case Joined() as joined:
                self._join(joined.seats)
            case Left() as left:
                self._leave(message, left)
            case PhaseOpened() as opened:
                self._open_phase(message.room, opened)
            case PhaseClosed() as closed:
                self._close_phase(message.room, closed)
            case RoundBegan() as began:
                self.round, self.of = began.round, began.of
            case Remembered():
                self.memories += 1
            case Faulted():
                self.faults += 1
            case Started() as started:
                self._start(started)
            case Ended():
                self.state = "complete"
                self.chats.clear()
            case Stopped(why=why):
                self.state, self.why = "stopped", why
            case Budgeted() as budget:
                self.state, self.why, self.budget = "unfinished", "", budget
            case _:
                pass

    def count_call(self, call: Call) -> None:
        """
        Take in the record of a model call.

        `apply` does so where a message holds its record.  Who reads ``log.jsonl``, which
        holds digests, gives each record of ``calls.jsonl`` here after its message.
        """
        member = self._member(call.seat)
        member.model = call.request.model
        ask = call.call.rpartition("/")[0] or call.call
        again = ask == member.replied
        member.replied = "" if call.reply is None else ask
        if self.messages <= self.shared:
            return
        for usage in (
            self.models.setdefault(member.model, Usage()),
            self.uses.setdefault(self._use(call.call), Usage()),
            member.usage,
            self.total,
        ):
            usage.add(call)
            usage.again += again

    def _use(self, call: str) -> str:
        """The form and question of the step that *call* was made in."""
        step, _, rest = call.partition("/")
        if rest.count("/") == 2:
            # Only turns of a chat are numbered.
            return "chat"
        return self._about.get(step, "unknown")

    def _member(self, seat: str) -> Member:
        return self.members.setdefault(seat, Member())

    def _start(self, started: Started) -> None:
        self.scenario, self.seed = started.scenario, started.seed
        self.seats = started.seats
        for seat in started.seats:
            self._member(seat)

    def _say(self, seat: str, said: Said) -> None:
        self.says += 1
        self._member(seat).says += 1
        if said.turn:
            self._turn(seat, "answered")

    def _turn(self, seat: str, outcome: Outcome) -> None:
        self.turns[outcome] += 1
        self._member(seat).turns[outcome] += 1

    def _ask(self, seat: str, step: int) -> None:
        self.asks += 1
        self._member(seat).asks += 1
        self._open.setdefault(step, set()).add(seat)

    def _answer(self, seat: str, outcome: Outcome, times: int = 1) -> None:
        for counter in (self.answers, self._member(seat).answers):
            counter[outcome] += times
            if not counter[outcome]:
                del counter[outcome]

    def _contribute(self, seat: str, contributed: Contributed) -> None:
        if contributed.step in self._open:
            self._open[contributed.step].discard(seat)
            self._answer(seat, contributed.outcome)
            return
        missing = self._missing.get(contributed.step, set())
        if seat in missing:
            missing.remove(seat)
            if not missing:
                del self._missing[contributed.step]
                self._about.pop(f"{contributed.step}", None)
            self._answer(seat, "absent", -1)
        self._answer(seat, "late")

    def _call(self, called: Called) -> None:
        self.calls += self.messages > self.shared
        record = record_of(called)
        if record is not None:
            self.count_call(record)

    def _join(self, seats: tuple[str, ...]) -> None:
        for seat in seats:
            if seat != CONDUCTOR:
                self._member(seat)

    def _leave(self, message: Message, left: Left) -> None:
        self.chats.pop(message.room, None)
        if left.turn:
            self._turn(message.sender, "answered")

    def _open_phase(self, room: str, opened: PhaseOpened) -> None:
        self.step, self.form = opened.step, opened.form
        self.phases[opened.form] += 1
        self._open[opened.step] = set()
        if opened.form != "chat":
            self._about[f"{opened.step}"] = f"{opened.form} {opened.what}"
        if opened.form == "chat" and len(opened.seats) == 2:
            first, second = sorted(opened.seats)
            self.chats[room] = pair = (first, second)
            self.pairs[pair] += 1
            for seat in pair:
                self._member(seat).chats += 1

    def _close_phase(self, room: str, closed: PhaseClosed) -> None:
        missing = self._open.pop(closed.step, set())
        self.chats.pop(room, None)
        if missing:
            self._missing[closed.step] = missing
        else:
            self._about.pop(f"{closed.step}", None)
        for seat in missing:
            self._answer(seat, "absent")
