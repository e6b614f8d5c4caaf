"""A run rehearsed: played in process and in no time, with stand-ins for its models."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import process_time
from typing import NamedTuple

import anyio
import anyio.lowlevel
import msgspec

from hubbub.bus.base import Receipt
from hubbub.bus.memory import MemoryBus
from hubbub.chance import generator
from hubbub.conductor import Conductor
from hubbub.errors import ModelError, UsageError
from hubbub.leaping import run_in_no_time
from hubbub.messages import Called, Draft, Message
from hubbub.mind import Ask, Mind
from hubbub.models.base import Call, Model, Reply, Request
from hubbub.population import Cast
from hubbub.questions import Turn
from hubbub.standins import Say
from hubbub.worker import Worker

#: Requests kept of each kind, drawn evenly from all of them.
KEPT = 16

_asking: ContextVar[Ask] = ContextVar("_asking")


class Kind(NamedTuple):
    """What calls have in common: the *model*, and *what* they are to bring."""

    model: str
    what: str


class Sample(NamedTuple):
    """A request as it was made in a rehearsal, and the ask that it was made for."""

    kind: Kind
    request: Request
    ask: Ask


@dataclass(slots=True)
class Tally:
    """
    The calls of one kind: sums over all of them.

    *prompt* and *reply* are in bytes; *tokens* those of replies that say how many they
    have, and *unmetered* the bytes of the others; *most* the tokens that all replies
    might have had.
    """

    calls: int = 0
    prompt: int = 0
    reply: int = 0
    tokens: int = 0
    unmetered: int = 0
    most: int = 0

    def add(self, request: Request, reply: Reply) -> None:
        """Count a call."""
        size = len(reply.text.encode())
        self.calls += 1
        self.prompt += prompt_bytes(request)
        self.reply += size
        self.most += request.sampling.max_tokens
        if reply.tokens_out is None:
            self.unmetered += size
        else:
            self.tokens += reply.tokens_out


@dataclass(slots=True)
class Rehearsal:
    """What a rehearsal came to; *samples* are some of the requests of each kind."""

    tallies: defaultdict[Kind, Tally] = field(
        default_factory=lambda: defaultdict[Kind, Tally](Tally)
    )
    samples: defaultdict[Kind, list[Sample]] = field(
        default_factory=lambda: defaultdict[Kind, list[Sample]](list)
    )


class TooLong(UsageError):
    """A rehearsal was not over in time; the message says how far it had come."""

    def __init__(self, patience: float, rehearsal: Rehearsal) -> None:
        tallies = rehearsal.tallies.values()
        calls = sum(tally.calls for tally in tallies)
        size = sum(tally.prompt for tally in tallies)
        super().__init__(
            f"this run is too large to be rehearsed: after {patience:g} s it was at "
            f"call {calls:,}, with {size / 1e6:,.1f} MB of prompts sent, and not at its "
            "end; estimate one with fewer --agents or rounds, and multiply"
        )


def rehearse(
    cast: Cast, says: Mapping[Kind, Say], usual: Say, number: int, patience: float
) -> Rehearsal:
    """
    Play *cast*'s run with stand-ins that say what *says* has for a kind, else *usual*.

    The run's own chance is that of its seed; the stand-ins' depends on the *number* too.
    Nothing is kept of it.  Raises `TooLong` after *patience* seconds of computing, and whatever the
    run itself would be ended by.
    """
    rehearsal = Rehearsal()
    hall = _Hall(process_time() + patience)
    actor = _Actor(rehearsal, says, usual, number)
    run_in_no_time(lambda: _play(_Watched(cast), hall, actor))
    if hall.late:
        raise TooLong(patience, rehearsal)
    return rehearsal


async def _play(cast: Cast, hall: "_Hall", actor: "_Actor") -> None:
    models: dict[str, Model] = dict.fromkeys(cast.population.models(), actor)
    async with anyio.create_task_group() as tasks:
        hall.scope = tasks.cancel_scope
        tasks.start_soon(Worker(hall, cast, models).run)
        tasks.start_soon(Conductor(hall, cast).run)


def prompt_bytes(request: Request) -> int:
    """The bytes of *request*'s prompts."""
    return sum(len(prompt.content.encode()) for prompt in request.prompts)


class _Hall(MemoryBus):
    """A bus that forgets what was in calls, and closes when it is *late*."""

    def __init__(self, until: float) -> None:
        super().__init__("rehearsal")
        self.late = False
        self.scope: anyio.CancelScope | None = None
        self._until = until

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        if process_time() > self._until and self.scope is not None:
            self.late = True
            self.scope.cancel()
        return await super().post([_without_record(draft) for draft in drafts])


def _without_record(draft: Draft) -> Draft:
    """*draft*, and if it is a call one that has no prompts."""
    if not isinstance(draft.body, Called):
        return draft
    call = Call(
        call=draft.body.call, seat=draft.sender, request=Request(model="", prompts=())
    )
    body = Called(call=call.call, record=msgspec.Raw(msgspec.json.encode(call)))
    return msgspec.structs.replace(draft, body=body)


class _Watched(Cast):
    """A cast whose minds say what they are asked while they act."""

    def __init__(self, cast: Cast) -> None:
        vars(self).update(vars(cast))
        self._cast = cast

    def mind(self, seat: str) -> Mind:
        return _Asked(self._cast.mind(seat))


class _Asked(Mind):
    def __init__(self, mind: Mind) -> None:
        super().__init__(mind.part)
        self._mind = mind

    def observe(self, event: Message) -> None:
        self._mind.observe(event)

    async def act(self, ask: Ask) -> object:
        token = _asking.set(ask)
        try:
            return await self._mind.act(ask)
        finally:
            _asking.reset(token)


class _Actor(Model):
    """Stands in for every model of a run."""

    def __init__(
        self, rehearsal: Rehearsal, says: Mapping[Kind, Say], usual: Say, number: int
    ) -> None:
        self._rehearsal = rehearsal
        self._says = says
        self._usual = usual
        self._number = number

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """As `Model.complete`; takes no time."""
        await anyio.lowlevel.checkpoint()
        ask = _asking.get(None)
        if ask is None:
            raise ModelError("bad_request", "in a rehearsal, models are called in acts")
        kind = _kind(request, ask)
        rng = generator(self._number, ask.seat, ask.id, request.draw)
        reply = self._says.get(kind, self._usual)(request, ask, rng)
        self._rehearsal.tallies[kind].add(request, reply)
        self._keep(Sample(kind, request, ask), rng)
        return reply

    def _keep(self, sample: Sample, rng: random.Random) -> None:
        """Keep *sample* so that in the end each one was as likely to be kept."""
        kept = self._rehearsal.samples[sample.kind]
        if len(kept) < KEPT:
            kept.append(sample)
            return
        place = rng.randrange(self._rehearsal.tallies[sample.kind].calls)
        if place < KEPT:
            kept[place] = sample


def _kind(request: Request, ask: Ask) -> Kind:
    what = "chat" if isinstance(ask.question, Turn) else type(ask.question).__name__
    answers = request.schema is not None or request.pattern is not None
    return Kind(request.model, what if answers else f"{what}, in words")
