"""Child processes that never outlive us, also when we die by SIGKILL."""

import ctypes
import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import anyio

from hubbub.secrets import without_secrets

if sys.platform == "linux":
    _PR_SET_PDEATHSIG = 1
    # Looked up before any fork, and called with the GIL held: between fork and
    # exec the child then takes no lock that another thread may have left locked.
    _prctl = ctypes.PyDLL(None, use_errno=True).prctl
    _prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

    def _bound_to_us() -> Callable[[], None]:
        parent = os.getpid()

        def bind() -> None:
            if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")
            # The kernel sends the signal once: a parent that died earlier is not told.
            if os.getppid() != parent:
                os._exit(1)

        return bind

else:

    def _bound_to_us() -> None:
        return None


async def start_child(
    command: Sequence[str | Path],
    *,
    source: int = DEVNULL,
    output: int | None = None,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> Process:
    """
    Start *command*; on Linux the kernel kills it when we die, however we die.

    "We" is the thread that runs the event loop: start children from the loop that
    lives as long as they should.  The child leads a session of its own, so that Ctrl-C
    in the terminal reaches us alone; end it with `stop_child`.

    It reads the file descriptor *source* (default: nothing), and both its outputs go to
    *output* (default: where ours go); *descriptors* stay open in it.  Its *environment*
    is ours without secrets unless given.  Raises `OSError` when *command* cannot be
    executed.
    """
    return await create_subprocess_exec(
        *command,
        stdin=source,
        stdout=output,
        stderr=None if output is None else STDOUT,
        env=without_secrets(os.environ) if environment is None else environment,
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=_bound_to_us(),
    )


async def stop_child(child: Process, *, patience: float = 10.0) -> None:
    """
    End *child* and what it has started; return when it is dead.

    It has *patience* seconds after SIGTERM, then comes SIGKILL.  A child that is dead
    already is left in peace.  Cancelling does not cut this short.
    """
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(patience):
            _signal(child, signal.SIGTERM)
            await child.wait()
        _signal(child, signal.SIGKILL)
        await child.wait()


def _signal(child: Process, number: signal.Signals) -> None:
    """Send *number* to the child's group, unless the child has ended and been reaped."""
    if child.returncode is None:
        # Not child.send_signal: it polls, and so races with the loop's own waitpid.
        # A group of the dead alone is no process, or on macOS nobody's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
