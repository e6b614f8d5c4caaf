"""Leases: who says that it lives, for how long, and who is to have what."""

import os
import socket
from collections.abc import Iterable
from hashlib import blake2b
from uuid import uuid4

from hubbub.bus.base import Role

#: Seconds after which a holder that says nothing is taken for dead.
TTL = 3.0


def role_of(kind: str, *, alone: bool = False) -> Role:
    """This process's role in a run."""
    return Role(kind=kind, host=socket.gethostname(), pid=os.getpid(), alone=alone)


def new_holder(kind: str) -> str:
    """A name that no other process has."""
    return f"{kind}-{uuid4().hex[:12]}"


def owner(seat: str, workers: Iterable[str]) -> str:
    """Who of *workers* should host *seat*: rendezvous hashing, the same everywhere."""
    return max(
        workers, key=lambda worker: blake2b(f"{seat}|{worker}".encode()).digest()
    )
