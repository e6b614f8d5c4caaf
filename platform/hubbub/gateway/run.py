"""A gateway at work: it hosts remote seats and answers their clients."""

from collections.abc import Collection

import anyio
from anyio.abc import ByteStream, Listener

from hubbub.bus.base import Bus
from hubbub.gateway.api import Api
from hubbub.gateway.host import Host
from hubbub.gateway.http import Limits, serve
from hubbub.gateway.wire import unread

#: Seconds for which clients are told that the run is over.
LINGER = 5.0
#: What one client may take.
LIMITS = Limits()


async def run_gateway(
    bus: Bus,
    host: Host,
    listener: Listener[ByteStream],
    names: Collection[str],
    *,
    limits: Limits = LIMITS,
    linger: float = LINGER,
) -> None:
    """
    Serve the clients of *host*'s seats until the run has ended, or stops at its budget.

    They come to *listener* and call it by one of *names*.  They are told of the end for
    *linger* seconds.
    """
    api = Api(bus, host, names)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(serve, listener, api.handle, unread, limits)
        await host.run()
        api.end()
        await anyio.sleep(linger)
        tasks.cancel_scope.cancel()
