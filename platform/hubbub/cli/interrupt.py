"""Signals: the first one stops in order, whatever runs."""

import signal

import anyio


async def interrupt() -> None:
    """Raise `KeyboardInterrupt` in the task group at the first SIGINT or SIGTERM."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            raise KeyboardInterrupt
