"""Signals: the first one stops in order, the second one at once."""

import signal

import anyio


class Interrupted(Exception):
    """Somebody wants us to stop."""


async def interrupt() -> None:
    """Raise `Interrupted` in the task group at the first SIGINT or SIGTERM."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            break
    # A KeyboardInterrupt would tear the event loop apart; what is in the log stays.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise Interrupted
