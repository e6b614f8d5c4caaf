"""A seat's model calls: each one is in the record before its reply is used."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count

import anyio
import msgspec

from hubbub.errors import ModelError
from hubbub.messages import Body, Called
from hubbub.mind import Complete
from hubbub.models.base import Call, Model, Reply, Request, View
from hubbub.models.shelf import Shelf
from hubbub.names import LEDGER
from hubbub.purse import Hold, Purse, may_be_charged
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
    Calls *models* for *seat*, unless the record has the call.

    *purse* pays it, *say* records it.
    """

    def __init__(
        self, seat: Seat, models: Mapping[str, Model], purse: Purse, say: Say
    ) -> None:
        self._seat = seat
        self._models = models if isinstance(models, Shelf) else Shelf(models)
        self._purse = purse
        self._say = say
        self._cut: list[tuple[Call, Hold]] = []

    def within(self, ask: str, deadline: float) -> Complete:
        """What completes the requests of one act, which is over at *deadline*."""
        draws = count(1)

        async def complete(request: Request, view: View) -> Reply:
            draw = next(draws)
            await self.record_cut()
            request = msgspec.structs.replace(request, draw=draw)
            known = self._seat.calls.get(f"{ask}/{draw}")
            if known is None or known.request != request:
                known = await self._call(f"{ask}/{draw}", request, view, deadline)
            return await said(known)

        return complete

    async def _call(
        self, id: str, request: Request, view: View, deadline: float
    ) -> Call:
        patience = max(0.0, deadline - anyio.current_time()) * WAIT
        hold = await self._purse.hold(request, patience=patience)
        start = anyio.current_time()
        left = max(LEAST, (deadline - start) * SHARE)
        call = Call(call=id, seat=self._seat.name, request=request, view=view)
        sent = True
        try:
            model = await self._models.find(request.model)
            reply = await model.complete(request, deadline=left)
            call = msgspec.structs.replace(call, reply=reply)
        except ModelError as error:
            sent = may_be_charged(error)
            call = msgspec.structs.replace(call, error=error.kind, detail=error.detail)
        except anyio.get_cancelled_exc_class():
            call = msgspec.structs.replace(call, error="timeout", detail=CUT_OFF)
            self._cut.append((_timed(self._purse.charge(hold, call), start), hold))
            raise
        call = _timed(self._purse.charge(hold, call, sent=sent), start)
        return await self._record(call, hold)

    async def record_cut(self) -> None:
        """
        Record the calls that were cut off, which cost what others do.

        Not done at once: where the whole process stops, the act is done again by
        another host, which is to make these calls as if they had never been made.
        """
        while self._cut:
            await self._record(*self._cut.pop(0))

    async def _record(self, call: Call, hold: Hold) -> Call:
        record = msgspec.Raw(escape_json(msgspec.json.encode(call)))
        dropped = call.view.dropped
        body = Called(call=call.call, record=record, dropped=dropped)
        await self._say(LEDGER, body)
        await self._purse.settle(hold, call)
        return call


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
