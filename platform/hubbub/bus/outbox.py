"""Drafts on their way to the script: in the order they come, many in one call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.lowlevel

from hubbub.bus.base import Receipt, check_draft, refusal
from hubbub.errors import BusError, BusUnavailable
from hubbub.messages import Draft

#: Drafts in one call of the script: it holds the server for about 10 µs each.
BATCH = 128
#: Bytes of bodies after which a call takes no further draft.
BATCH_BYTES = 4 << 20

#: What the script says of one draft: status, ``seq``, ``n``, ``at``.
Reply = tuple[bytes, bytes, bytes, bytes]


class _Ticket:
    """One post: what has been said of its drafts so far, and who waits for the rest."""

    __slots__ = ("_drafts", "_waiting", "error", "replies")

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._drafts = drafts
        self._waiting: asyncio.Future[None] | None = None
        self.replies: list[Reply] = []
        self.error: BusError | None = None

    @property
    def done(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return len(self.replies) == len(self._drafts) or self.error is not None

    async def wait(self) -> None:
        """Wait until `wake`."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def wake(self) -> bool:
        """Wake who waits; return whether there was somebody."""
        if self._waiting is None or self._waiting.done():
            return False
        self._waiting.set_result(None)
        return True

    def receipts(self, run: str) -> list[Receipt]:
        """The receipts; raises the first thing that went wrong."""
        if self.error is not None:
            # Others of the batch raise it too, each with a traceback of its own.
            raise type(self.error)(*self.error.args) from self.error.__cause__
        receipts: list[Receipt] = []
        for draft, (status, seq, n, at) in zip(self._drafts, self.replies, strict=True):
            if status not in (b"ok", b"dup"):
                raise refusal(status.decode(), draft, run)
            receipts.append(Receipt(int(seq), int(n), int(at), status == b"dup"))
        return receipts


_Arguments = tuple[str, int, int, str, int, str, bytes]


def _arguments(draft: Draft) -> _Arguments:
    kind, body = check_draft(draft)
    d = draft
    return d.sender, d.inc, d.no, d.room, d.seen, kind, body


class Outbox:
    """
    Sends for all who post to *run*, through *send*, which calls the script once.

    Whoever finds nobody sending sends for everybody who waits, then passes the turn
    on: a batch shares one round trip, one script call and one fsync.
    """

    def __init__(
        self,
        run: str,
        send: Callable[[list[str | int | bytes]], Awaitable[list[Reply]]],
    ) -> None:
        self._run = run
        self._send = send
        self._queue: deque[tuple[_Ticket, _Arguments]] = deque()
        self._sending = False

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """As `Bus.post`."""
        ticket = _Ticket(drafts)
        self._queue.extend([(ticket, _arguments(draft)) for draft in drafts])
        with anyio.CancelScope(shield=True):
            while not ticket.done:
                if self._sending:
                    await self._wait(ticket)
                else:
                    await self._send_batch()
        return ticket.receipts(self._run)

    async def _wait(self, ticket: _Ticket) -> None:
        try:
            await ticket.wait()
        except BaseException:
            self._pass_on()
            raise

    async def _send_batch(self) -> None:
        batch: list[tuple[_Ticket, _Arguments]] = []
        self._sending = True
        try:
            # Those woken by the last batch, as we were, are about to post again.
            await anyio.lowlevel.checkpoint()
            batch = self._take()
            replies = await self._send([part for _, draft in batch for part in draft])
        except BusError as error:
            if isinstance(error, BusUnavailable):
                # Those in the queue have waited as long; they need not do so again.
                batch += self._queue
                self._queue.clear()
            for ticket, _ in batch:
                ticket.error = error
                ticket.wake()
        except BaseException:
            # A cancellation that knows no shield, as asyncio's own.  The others in
            # the batch live on, and the numbers make it safe to send it again.
            self._queue.extendleft(reversed(batch))
            raise
        else:
            for (ticket, _), reply in zip(batch, replies, strict=True):
                ticket.replies.append(reply)
                if ticket.done:
                    ticket.wake()
        finally:
            self._sending = False
            self._pass_on()

    def _take(self) -> list[tuple[_Ticket, _Arguments]]:
        batch: list[tuple[_Ticket, _Arguments]] = []
        size = 0
        while self._queue and len(batch) < BATCH and size < BATCH_BYTES:
            ticket, arguments = self._queue.popleft()
            if ticket.error is None:
                batch.append((ticket, arguments))
                size += len(arguments[-1])
        return batch

    def _pass_on(self) -> None:
        """Unless somebody sends, let the first do it who waits."""
        if not self._sending:
            any(ticket.wake() for ticket, _ in self._queue)
