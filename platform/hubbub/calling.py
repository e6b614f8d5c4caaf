"""A seat's model calls: each one is in the record before its reply is used."""

from collections.abc import Awaitable, Callable

import anyio
import msgspec

from hubbub.clock import Clock
from hubbub.errors import ModelError
from hubbub.messages import Body, Called
from hubbub.models.base import Call, Reply, Request, View
from hubbub.names import LEDGER
from hubbub.purse import Hold, Purse
from hubbub.seat import Seat
from hubbub.text import escape_json

#: The share of an ask's remaining time that one call may take.
SHARE = 0.95
#: Seconds that a call has even when the ask's time is all but over.
LEAST = 0.05
#: The share of an ask's remaining time for which it may wait for the budget.
WAIT = 0.5
#: The detail of a call for whose end nobody has waited.
CUT_OFF = "cut off"

Say = Callable[[str, Body], Awaitable[None]]


class Calls:
    """
    Calls models for *seat*, by *clock*, unless the record has the call.

    *purse* pays it, *say* records it.
    """

    def __init__(self, seat: Seat, clock: Clock, purse: Purse, say: Say) -> None:
        self._seat = seat
        self._clock = clock
        self._purse = purse
        self._say = say
        self._cut: list[tuple[Call, Hold]] = []

    def within(self, ask: str, deadline: float) -> "Completing":
        """What completes the requests of one act, which is over at *deadline*."""
        return Completing(self, ask, deadline)

    async def complete(
        self, id: str, request: Request, view: View, deadline: float
    ) -> Reply:
        """The reply to *request*, which is the call *id* of an act."""
        await self.record_cut()
        known = self._seat.calls.get(id)
        if known is None or known.request != request:
            known = await self._call(id, request, view, deadline)
        return await said(known)

    async def _call(
        self, id: str, request: Request, view: View, deadline: float
    ) -> Call:
        patience = max(0.0, deadline - anyio.current_time()) * WAIT
        hold = await self._purse.hold(request, patience=patience)
        start = anyio.current_time()
        left = max(LEAST, (deadline - start) * SHARE)
        call = Call(call=id, seat=self._seat.name, request=request, view=view)
        try:
            call = await self._clock.call(call, left)
        except anyio.get_cancelled_exc_class():
            call = msgspec.structs.replace(
                call, error="timeout", detail=CUT_OFF, estimated=True
            )
            self._cut.append((_timed(self._purse.charge(hold, call), start), hold))
            raise
        return await self._record(_timed(self._purse.charge(hold, call), start), hold)

    async def record_cut(self) -> None:
        """
        Record the calls that were cut off, which cost what others do.

        Not done at once: where the whole process stops, the act is done again by
        another host, which is to make these calls as if they had never been made.
        """
        # Those of one moment were cut off in no order.
        self._cut.sort(key=lambda cut: cut[0].request.draw)
        while self._cut:
            await self._record(*self._cut.pop(0))

    async def _record(self, call: Call, hold: Hold) -> Call:
        record = msgspec.Raw(escape_json(msgspec.json.encode(call)))
        dropped = call.view.dropped
        body = Called(call=call.call, record=record, dropped=dropped)
        await self._say(LEDGER, body)
        await self._purse.settle(hold, call)
        return call


class Completing:
    """Completes the requests of one act, of which it has *made* so many calls."""

    def __init__(self, calls: Calls, ask: str, deadline: float) -> None:
        self.made = 0
        self._calls = calls
        self._ask = ask
        self._deadline = deadline

    async def __call__(self, request: Request, view: View) -> Reply:
        self.made += 1
        request = msgspec.structs.replace(request, draw=self.made)
        id = f"{self._ask}/{self.made}"
        return await self._calls.complete(id, request, view, self._deadline)


async def said(call: Call) -> Reply:
    """
    What *call* brought: its reply, or the error that ended it.

    Of one that was cut off nothing is ever heard; its caller has not waited either.
    """
    if call.detail == CUT_OFF:
        await anyio.sleep_forever()
    if call.error is not None:
        raise ModelError(call.error, call.detail)
    assert call.reply is not None
    return call.reply


def _timed(call: Call, start: float) -> Call:
    took = round(anyio.current_time() - start, 4)
    return msgspec.structs.replace(call, took=took)
