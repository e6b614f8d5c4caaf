"""The desk of a remote seat: what it has heard, what it is asked, what it has answered."""

from collections import OrderedDict, deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import islice

import anyio
import msgspec

from hubbub.errors import GatewayRefused
from hubbub.gateway.asks import Answer, Ending, Open, ending_of, judge, opened
from hubbub.messages import Body, Message
from hubbub.mind import Ask

#: Events that are kept for a client that falls behind.
KEPT = 16_384
#: Ended asks of which it is known how they ended.
ENDED = 1_024


class _Slot:
    """The place for one answer."""

    def __init__(self, open_: Open, deadline: float) -> None:
        self.open = open_
        self.deadline = deadline
        self.answer: Answer | None = None


class Desk:
    """
    Where the mind of a seat and its clients meet; nothing in it outlives the process.

    A new mind in the seat begins with a clean desk and fills it again from the log.
    """

    def __init__(self, seat: str) -> None:
        self.seat = seat
        #: Whether the seat is hosted here.
        self.served = False
        #: Events that the seat has heard.
        self.heard = 0
        self._events: deque[Message] = deque(maxlen=KEPT)
        self._slot: _Slot | None = None
        # The answers that the open or the last ask has had, by attempt.
        self._ask, self._in_words = "", False
        self._given: dict[int, Answer] = {}
        self._complaints: dict[int, str] = {}
        self._deadline = 0.0
        self._endings: OrderedDict[str, Ending] = OrderedDict()
        self._changed = anyio.Event()

    # -- the mind's side

    def clear(self) -> None:
        """Forget all: a new mind takes the seat."""
        self.heard = 0
        self._events.clear()
        self._endings.clear()
        self._slot, self._ask = None, ""
        self.ring()

    def hear(self, event: Message) -> None:
        """The mind has observed *event*."""
        self.heard += 1
        self._events.append(event)
        if event.sender == self.seat:
            self.end(event.body, event.seq)
        self.ring()

    def end(self, body: Body, seq: int) -> None:
        """The seat has said *body*, which may be the end of an ask."""
        ending = ending_of(body, seq)
        if ending is not None and ending.ask not in self._endings:
            self._endings[ending.ask] = ending
            while len(self._endings) > ENDED:
                self._endings.popitem(last=False)
            self.ring()

    @contextmanager
    def asking(self, ask: Ask) -> Generator[None]:
        """Have *ask* open for an answer meanwhile."""
        if ask.id != self._ask:
            self._ask, self._given, self._complaints = ask.id, {}, {}
            self._deadline = anyio.current_time() + ask.budget
            self._in_words = ask.question.pattern is not None
        attempt = len(self._given) + 1
        if attempt > 1:
            self._complaints[attempt - 1] = ask.complaint
        slot = _Slot(opened(ask, attempt, self.heard), self._deadline)
        self._slot = slot
        self.ring()
        try:
            yield
        finally:
            self._slot = None
            self.ring()

    async def answer(self) -> Answer:
        """Wait for the answer to what is open, for as long as it may take."""
        slot = self._slot
        assert slot is not None
        while slot.answer is None:
            await self.change()
        return slot.answer

    def take(self, answer: Answer) -> None:
        """The record has *answer* for what is open."""
        assert self._slot is not None
        self._slot.answer = answer
        self._given[self._slot.open.attempt] = answer

    def serve(self, *, on: bool) -> None:
        """The seat is hosted here, or no longer."""
        self.served = on
        self.ring()

    def ring(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = anyio.Event()

    async def change(self) -> None:
        """Wait for a change."""
        await self._changed.wait()

    # -- the clients' side

    def events(self, after: int, limit: int) -> Sequence[Message]:
        """At most *limit* events after the first *after*; `GatewayRefused` if forgotten."""
        first = self.heard - len(self._events)
        if after < first:
            words = f"events up to {first} are no longer kept: go on after {first}"
            raise GatewayRefused("forgotten", words, after=first)
        return list(islice(self._events, after - first, after - first + limit))

    def open(self) -> Open | None:
        """What is asked and has no answer yet."""
        slot = self._slot
        if slot is None or slot.answer is not None:
            return None
        left = max(0.0, slot.deadline - anyio.current_time())
        return msgspec.structs.replace(slot.open, seconds=round(left, 3))

    def in_words(self, ask: str) -> bool:
        """Whether *ask*, the open or the last one, is answered by words and not JSON."""
        return ask == self._ask and self._in_words

    async def submit(self, ask: str, attempt: int, answer: Answer) -> Ending:
        """
        Answer *ask*, asked for the *attempt*-th time; how it has ended by it.

        The same again comes to the same.  Raises `GatewayRefused`: ``unfit`` with the
        complaint where it is no answer, ``taken`` where there is another answer,
        ``ended`` where the ask has ended otherwise, ``not_open`` where it is not asked.
        """
        while True:
            mine = self._given.get(attempt) if ask == self._ask else None
            if mine is not None and mine != answer:
                raise GatewayRefused("taken", "this attempt has had another answer")
            if mine is not None and attempt in self._complaints:
                words = self._complaints[attempt]
                raise GatewayRefused("unfit", words, ask=ask, attempt=attempt + 1)
            if ending := self._endings.get(ask):
                return judge(ending, answer, given=mine is not None)
            if not self.served:
                raise GatewayRefused("not_hosted", "the seat is not hosted here now")
            if mine is None:
                self._give(ask, attempt, answer)
            await self.change()

    def _give(self, ask: str, attempt: int, answer: Answer) -> None:
        slot = self._slot
        if slot is None or (slot.open.ask, slot.open.attempt) != (ask, attempt):
            raise GatewayRefused("not_open", "this is not asked of the seat now")
        self.take(answer)
        self.ring()
