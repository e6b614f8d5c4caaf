"""
An interview: a copy of a seat, as it was at one event, is asked something in private.

The copy is made as replay makes minds, by observing what the seat had heard.  The run
is only read; nothing of it hears the question or the answer.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import islice

import anyio
import msgspec

from hubbub.acts import Act
from hubbub.bus import MemoryBus
from hubbub.calling import Calls
from hubbub.clock import WallClock
from hubbub.errors import UnknownName, UsageError
from hubbub.filling import Filling, empty_box
from hubbub.floor import Floor
from hubbub.injections import group_of
from hubbub.messages import Body, Called, Message, Onset, Outcome, Remembered
from hubbub.models.base import Call, Model
from hubbub.models.catalogue import open_models
from hubbub.models.prices import find_prices
from hubbub.population import Cast
from hubbub.purse import Purse
from hubbub.questions import Interview, Speech
from hubbub.replay import arrivals
from hubbub.seat import MAILBOX, Seat
from hubbub.tape import Tape
from hubbub.terms import Terms
from hubbub.truth import Truth, check_trigger
from hubbub.worker import UNBOUNDED

#: Seconds that a copy has for an answer, with a model on this machine's processor.
BUDGET = 300.0
#: What the interviewer is called.
INTERVIEWER = "interviewer"

_decode_call = msgspec.json.Decoder(Call).decode


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a copy of *seat* at *seq* has said to *question*.

    *text* is empty unless *outcome* is ``answered``; *note* then says why.  *calls* are
    the model calls that it took, with what they cost.
    """

    seat: str
    seq: int
    question: str
    outcome: Outcome
    text: str = ""
    note: str = ""
    calls: tuple[Call, ...] = ()


async def interview(
    cast: Cast,
    tape: Tape,
    seat: str,
    questions: Sequence[str],
    *,
    at: str = "",
    model: str = "",
    terms: Terms = UNBOUNDED,
    environment: Mapping[str, str] = os.environ,
) -> list[Answer]:
    """
    Ask a copy of *seat* each of *questions*, in the run on *tape*, played by *cast*.

    The copies have heard all up to the first event that meets the trigger *at*, by
    default all there is.  Each is asked one question and knows of no other.  *model*
    answers in place of the seat's own, or of its rule.  Models are opened as for a run,
    on the cache and the prices of *terms*; its budgets do not count here.

    Raises `UsageError` for a place or a seat that there is not, and for a model.
    """
    last = _find(tape, at)
    newcomers = arrivals(islice(tape, last), cast)
    known = [*cast.names, *newcomers]
    if seat not in known:
        raise UnknownName(f"seat at seq {last}", seat, known)
    if model:
        cast.lend(seat, model)
    copies = [Filling(cast, seat) for _ in questions]
    wrappers = _observe(copies, Seat(seat, newcomers.get(seat, 0)), islice(tape, last))
    names = {name for name in (cast.part(seat).model, *wrappers) if name}
    prices = find_prices(names) | terms.prices
    async with open_models(
        names, environment, terms.cache, replicate=terms.replicate
    ) as models:
        desk = _Desk(seat, last, models, Terms(prices=prices))
        return [
            await desk.ask(copy, question)
            for copy, question in zip(copies, questions, strict=True)
        ]


def _find(tape: Tape, at: str) -> int:
    """The first ``seq`` that meets the trigger *at*; without one, the last."""
    if not check_trigger(at) and tape.last:
        return tape.last
    truth = Truth()
    for message in tape:
        truth.apply(message)
        if truth.meets(at, message):
            return message.seq
    where = f"meets {at}" if at else "is there"
    raise UsageError(f"nothing in the log {where}: its last event is seq:{tape.last}")


def _observe(
    copies: Sequence[Filling], seat: Seat, log: Iterable[Message]
) -> list[str]:
    """Have *copies* observe what *seat* hears of *log*; the models that turn it."""
    floor, models = Floor([seat]), list[str]()
    for message in log:
        match message.body:
            case Called():
                continue
            case Onset(what=what) if seat.name in what.seats:
                models.append(group_of(what).model)
            case _:
                pass
        floor.apply(message)
        if len(seat.box) >= MAILBOX // 4:
            empty_box(seat, *copies)
    empty_box(seat, *copies)
    return models


class _Desk:
    """Where copies of one seat are asked."""

    def __init__(
        self, seat: str, seq: int, models: Mapping[str, Model], terms: Terms
    ) -> None:
        self._seat = seat
        self._seq = seq
        self._clock = WallClock(models)
        # A purse of its own: the run pays nothing for this.
        self._purse = Purse(MemoryBus(), terms)

    async def ask(self, copy: Filling, question: str) -> Answer:
        """How *copy* answers *question*."""
        made: list[Call] = []

        async def record(room: str, body: Body) -> None:
            assert isinstance(body, Called)
            made.append(_decode_call(body.record))

        act = self._act(question)
        calls = Calls(Seat(self._seat), self._clock, self._purse, record)
        verdict = None
        with anyio.move_on_after(BUDGET) as scope:
            complete = calls.within(act.id, scope.deadline)
            verdict = await copy.judge(act.ask(copy.seed, complete, _forget))
        await calls.record_cut()
        bare = Answer(
            seat=self._seat,
            seq=self._seq,
            question=question,
            outcome="late",
            note=f"no answer in {BUDGET:g} s",
            calls=tuple(made),
        )
        if verdict is None:
            return bare
        said = verdict.value.text if isinstance(verdict.value, Speech) else ""
        return msgspec.structs.replace(
            bare, outcome=verdict.outcome, text=said, note=verdict.note
        )

    def _act(self, question: str) -> Act:
        # The same question is asked in the same words, with the same chance.
        digest = sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        asked = Interview(
            room=INTERVIEWER,
            others=(INTERVIEWER,),
            turn=1,
            turns=1,
            wants_to_know=question,
        )
        return Act(
            id=f"{INTERVIEWER}/{self._seq}/{digest}",
            seat=self._seat,
            step=0,
            room=INTERVIEWER,
            question=asked,
            budget=BUDGET,
            probe=True,
        )


async def _forget(memory: Remembered) -> None:
    """A copy keeps nothing."""
