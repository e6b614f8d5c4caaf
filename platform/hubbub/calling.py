"""A seat's model calls: each one is in the record before its reply is used."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count

import anyio
import msgspec

from hubbub.errors import ModelError
from hubbub.messages import Body, Called
from hubbub.mind import Complete
from hubbub.models.base import Call, Model, Reply, Request, View
from hubbub.names import LEDGER
from hubbub.seat import Seat
from hubbub.text import escape_json, safe_text

#: The share of an ask's remaining time that one call may take.
SHARE = 0.95
#: Seconds that a call has even when the ask's time is all but over.
LEAST = 0.05

Say = Callable[[str, Body], Awaitable[None]]


class Calls:
    """Calls *models* for *seat*, unless the record has the call; *say* records it."""

    def __init__(self, seat: Seat, models: Mapping[str, Model], say: Say) -> None:
        self._seat = seat
        self._models = models
        self._say = say

    def within(self, ask: str, deadline: float) -> Complete:
        """What completes the requests of one act, which is over at *deadline*."""
        draws = count(1)

        async def complete(request: Request, view: View) -> Reply:
            draw = next(draws)
            request = msgspec.structs.replace(request, draw=draw)
            left = max(LEAST, (deadline - anyio.current_time()) * SHARE)
            return await self._complete(f"{ask}/{draw}", request, view, left)

        return complete

    async def _complete(
        self, id: str, request: Request, view: View, left: float
    ) -> Reply:
        known = self._seat.calls.get(id)
        if known is None or known.request != request:
            known = await self._call(id, request, view, left)
        if known.error is not None:
            raise ModelError(known.error, known.detail)
        assert known.reply is not None
        return known.reply

    async def _call(self, id: str, request: Request, view: View, left: float) -> Call:
        start = anyio.current_time()
        call = Call(call=id, seat=self._seat.name, request=request, view=view)
        try:
            reply = await self._models[request.model].complete(request, deadline=left)
            call = msgspec.structs.replace(call, reply=reply)
        except ModelError as error:
            detail = safe_text(str(error), 500)
            call = msgspec.structs.replace(call, error=error.kind, detail=detail)
        except anyio.get_cancelled_exc_class():
            # The phase closed or time ran out: the call is in the record all the same.
            await self._record(
                msgspec.structs.replace(call, error="timeout", detail="cut off"), start
            )
            raise
        return await self._record(call, start)

    async def _record(self, call: Call, start: float) -> Call:
        took = round(anyio.current_time() - start, 4)
        call = msgspec.structs.replace(call, took=took)
        record = msgspec.Raw(escape_json(msgspec.json.encode(call)))
        await self._say(LEDGER, Called(call=call.call, record=record))
        return call
