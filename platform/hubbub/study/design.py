"""How many populations a study needs, and when it may stop: both said beforehand."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Annotated

import msgspec
from scipy import stats

#: Populations of one arm beyond which no study of this kind is planned.
MOST = 100_000

#: Degrees of freedom from which t is as good as normal, and scipy's nct is not good.
LARGE = 500

Units = Annotated[int, msgspec.Meta(ge=2, le=MOST)]


def power(effect: float, units: int, *, paired: bool, level: float = 0.95) -> float:
    """
    The chance to find a standardised *effect* with *units* populations an arm.

    Two-sided t test by the noncentral t distribution (Cohen 1988).  For pairs the effect
    is in standard deviations of the difference.
    """
    freedom = units - 1 if paired else 2 * units - 2
    shift = abs(effect) * sqrt(units if paired else units / 2)
    bound = float(stats.t.isf((1 - level) / 2, freedom))
    if freedom > LARGE or shift > LARGE:
        return float(stats.norm.sf(bound - shift) + stats.norm.cdf(-bound - shift))
    return float(
        stats.nct.sf(bound, freedom, shift) + stats.nct.cdf(-bound, freedom, shift)
    )


def units_for(
    effect: float, *, paired: bool, level: float = 0.95, wanted: float = 0.8
) -> int:
    """
    The fewest populations an arm that find *effect* with the *wanted* chance.

    Raises `ValueError` where `MOST` are not enough, as for an effect of 0.
    """
    if effect == 0 or power(effect, MOST, paired=paired, level=level) < wanted:
        raise ValueError(f"an effect of {effect:g} is not found with {MOST:,} an arm")
    low, high = 1, 2
    while power(effect, high, paired=paired, level=level) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = power(effect, middle, paired=paired, level=level) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return high


class Precise(msgspec.Struct, frozen=True, kw_only=True, tag="precise"):
    """
    Stop when the interval of every comparison is at most *width* wide.

    Not before *least* and not after *most* populations an arm.  It looks at widths alone,
    never at where an interval lies, so what it stops at is not chosen for its effect.
    """

    width: Annotated[float, msgspec.Meta(gt=0)]
    least: Units = 5
    most: Units = 50

    def enough(self, units: int, widths: Sequence[float | None]) -> bool:
        """Whether *units* an arm are enough, with intervals that are so wide."""
        if units < self.least:
            return False
        narrow = all(width is not None and width <= self.width for width in widths)
        return units >= self.most or narrow


class Looks(msgspec.Struct, frozen=True, kw_only=True, tag="looks"):
    """
    Look after so many populations an arm; stop when every comparison is significant.

    Each look tests at its equal share of the false alarms that are allowed in all
    (Bonferroni), so that looking more often does not make more of them.
    """

    at: tuple[Units, ...]

    def __post_init__(self) -> None:
        if not self.at or list(self.at) != sorted(set(self.at)):
            raise ValueError("looks are at rising numbers of populations")

    def level(self, level: float) -> float:
        """The level of each look's intervals, where *level* is that of the study."""
        return 1 - (1 - level) / len(self.at)

    def enough(self, units: int, values: Sequence[float | None], level: float) -> bool:
        """Whether to stop at *units* an arm, where the tests have these p *values*."""
        if units >= self.at[-1]:
            return True
        bound = 1 - self.level(level)
        return units in self.at and all(p is not None and p <= bound for p in values)


Stop = Precise | Looks


def units_at(stop: Stop, units: int) -> int:
    """How many populations an arm to have before the next look, beyond *units*."""
    if isinstance(stop, Looks):
        return next((at for at in stop.at if at > units), stop.at[-1])
    return min(stop.most, max(stop.least, ceil(units * 1.5)))
