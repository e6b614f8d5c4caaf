"""What a process hears live from Redis or Valkey, with the log behind it."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
from redis import exceptions

from hubbub.bus.base import Subscription, concerns
from hubbub.bus.link import GONE, Link
from hubbub.messages import Message, decode_line

#: Seconds without a frame after which the log is asked for what was missed.
PROBE = 1.0
#: Frames taken without giving way to others.
BURST = 64
#: Messages read from the log at once.
PAGE = 512
#: Channels in one command.
CHANNELS = 512

_LOST = (*GONE, exceptions.ResponseError)


class RedisSubscription(Subscription):
    """
    Subscribe, wait for the confirmation, read the log, then follow live.

    The log is read again after every subscription, reconnection, hole and idle second.
    One connection hears channels in the order of the log, so one cursor is enough.

    Nothing that was taken off the connection is held by a task alone: a call that is
    cancelled leaves it here for the next one.
    """

    def __init__(
        self,
        link: Link,
        prefix: str,
        read: Callable[[int, int], Awaitable[Sequence[Message]]],
        after: int,
    ) -> None:
        self._link = link
        self._prefix = prefix
        self._read = read
        self._connection: Any = None
        #: Room to the last ``n`` heard in it; 0 before the first.
        self._rooms: dict[str, int] = {}
        #: Subscriptions that the server has not confirmed yet.
        self._unconfirmed = 0
        self._heard: list[Message] = []
        self._behind = True
        self._idle = False
        self.cursor = after

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.disconnect()

    async def next(self) -> Sequence[Message]:
        if self._connection is None or self._unconfirmed:
            await self._link.insist(self._tune_in)
            self._behind = True
        if self._behind:
            return await self._fill()
        await self._listen()
        return self._take()

    async def add(self, rooms: Iterable[str], after: int) -> None:
        new = [room for room in rooms if room not in self._rooms]
        self._rooms.update(dict.fromkeys(new, 0))
        if after < self.cursor:
            self._rooms = dict.fromkeys(self._rooms, 0)
            self.cursor = after
        self._behind = True
        if self._connection is not None and new:
            await self._send(self._subscribe([*map(self._channel, new)]))

    async def discard(self, rooms: Iterable[str]) -> None:
        gone = [room for room in rooms if self._rooms.pop(room, None) is not None]
        if self._connection is not None and gone:
            channels = map(self._channel, gone)
            await self._send(self._connection.send_command("UNSUBSCRIBE", *channels))

    def _channel(self, room: str) -> str:
        return f"{self._prefix}room:{room}"

    # -- the connection

    async def _tune_in(self) -> None:
        """Be connected, and subscribed to all that is to be heard."""
        try:
            if self._connection is None:
                self._connection = self._link.make_connection()
                await self._connection.connect()
                rooms = map(self._channel, self._rooms)
                await self._subscribe([f"{self._prefix}members", *rooms])
            while self._unconfirmed:
                # What else comes is in the log.
                frame = await self._frame()
                self._unconfirmed -= frame[0] == b"subscribe"
        except BaseException:
            await self._drop()
            raise

    async def _subscribe(self, channels: Sequence[str]) -> None:
        for start in range(0, len(channels), CHANNELS):
            page = channels[start : start + CHANNELS]
            self._unconfirmed += len(page)
            await self._connection.send_command("SUBSCRIBE", *page)

    async def _send(self, deed: Awaitable[None]) -> None:
        """Do *deed*; a new connection will know what this one was not told."""
        try:
            await deed
        except BaseException as error:
            await self._drop()
            if not isinstance(error, _LOST):
                raise

    async def _frame(self) -> Any:
        # A read that is cancelled has taken nothing off the connection.
        return await self._connection.read_response(
            timeout=math.inf, disconnect_on_error=False
        )

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._unconfirmed = 0
        with anyio.CancelScope(shield=True):
            await connection.disconnect(nowait=True)

    # -- hearing

    async def _listen(self) -> None:
        """Take what comes, and what is here already, off the connection."""
        try:
            with anyio.move_on_after(PROBE):
                if await self._connection.can_read():
                    await anyio.lowlevel.checkpoint()
                while not self._heard or await self._connection.can_read():
                    kind, _, line = await self._frame()
                    if kind == b"message":
                        self._heard.append(decode_line(line))
                    if len(self._heard) >= BURST:
                        return
        except _LOST:
            await self._drop()
        if not self._heard:
            self._behind = self._idle = True

    def _take(self) -> Sequence[Message]:
        """What was taken off the connection and is new, up to the first hole."""
        heard, self._heard = self._heard, []
        new: list[Message] = []
        for message in heard:
            if message.seq <= self.cursor:
                continue
            last = self._rooms.get(message.room)
            if last and message.n != last + 1:
                self._behind = True
                break
            self._advance(message)
            if concerns(message, self._rooms):
                new.append(message)
        return new

    async def _fill(self) -> Sequence[Message]:
        """What the log has after the cursor."""
        page = await self._read(self.cursor, PAGE)
        heard = [message for message in page if concerns(message, self._rooms)]
        if self._idle and heard and self._connection is not None:
            # It is connected and hears nothing: it may be dead at the other end.
            await self._drop()
        self._idle = False
        self._behind = len(page) == PAGE
        for message in page:
            self._advance(message)
        return heard

    def _advance(self, message: Message) -> None:
        if message.room in self._rooms:
            self._rooms[message.room] = message.n
        self.cursor = message.seq
