"""How long a seat takes, on the virtual clock: a declared distribution."""

import random
from math import exp
from typing import Annotated

import msgspec


class Latency(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    The seconds of an act, or of each model call in it: log-normal, as human times are.

    Half of them are below *median*, and two thirds within a factor of ``exp(spread)``
    of it; with a *spread* of 0 all are the median.
    """

    median: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 2.0
    spread: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5

    def draw(self, rng: random.Random) -> float:
        """One of them, in whole microseconds and never 0."""
        drawn = self.median * exp(self.spread * rng.gauss())
        # What the last bits of a logarithm are, no two machines need to agree upon.
        return max(round(drawn, 6), 1e-6)
