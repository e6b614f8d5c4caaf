"""
Wakes a process that stands still: run as a program, by that process, before it does.

    python waking.py PID SECONDS
"""

import os
import signal
import sys
import time


def end(number: int, _: object) -> None:
    """End in good order."""
    sys.exit(128 + number)


def main() -> None:
    """
    Send SIGCONT to the parent, PID, after SECONDS, or when told to end.

    Says on its output when it is ready for that.
    """
    parent, seconds = int(sys.argv[1]), float(sys.argv[2])
    signal.signal(signal.SIGTERM, end)
    try:
        os.write(sys.stdout.fileno(), b"ready")
        time.sleep(seconds)
    finally:
        # Of a parent that has died the number may be somebody else's.
        if os.getppid() == parent:
            os.kill(parent, signal.SIGCONT)


if __name__ == "__main__":
    main()
