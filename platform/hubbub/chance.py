"""Chance as an argument: every generator is derived from the run's seed and a place."""

import random
from hashlib import sha256


def generator(seed: int, *place: str | int) -> random.Random:
    """
    The generator that belongs to *place* in a run with *seed*.

    It depends on nothing else: not on who is there, nor on how often a process died.
    """
    key = "/".join(map(str, (seed, *place))).encode()
    return random.Random(int.from_bytes(sha256(key).digest()[:8], "big"))
