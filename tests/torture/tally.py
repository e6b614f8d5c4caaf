"""What torture came to, on one line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

#: How many violations of one fault are told in words.
TOLD = 5


@dataclass
class Tally:
    """
    What one fault came to, in *runs* runs.

    *operations* are acknowledged messages, *violations* are counted by kind and the
    first of them *told*, *recoveries* are in seconds.
    """

    fault: str
    holds: str
    seed: int
    injected: int = 0
    runs: int = 0
    operations: int = 0
    #: Connections that were cut.
    cuts: int = 0
    #: Model calls that were asked for again under the same key.
    again: int = 0
    violations: Counter[str] = field(default_factory=Counter[str])
    told: list[str] = field(default_factory=list[str])
    recoveries: list[float] = field(default_factory=list[float])

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations

    def wrong(self, kind: str, words: str, times: int = 1) -> None:
        """Count a violation of *kind*, in *words*."""
        if times:
            self.violations[kind] += times
            if len(self.told) < TOLD:
                self.told.append(f"{kind}: {words}")

    def expect(self, holds: bool, kind: str, words: str) -> None:
        """Count a violation unless what must hold *holds*."""
        if not holds:
            self.wrong(kind, words)

    def line(self) -> str:
        """All of it on one line."""
        kinds = "".join(f" {kind}={n}" for kind, n in sorted(self.violations.items()))
        return (
            f"{self.fault:<17} {self.holds}; injected {self.injected}"
            f"{self._besides()}, runs {self.runs}, operations {self.operations:,}, "
            f"violations {self.violations.total()}{kinds}, "
            f"recovery {_times(self.recoveries)}, seed {self.seed}"
        )

    def _besides(self) -> str:
        counts = {"cuts": self.cuts, "asked again": self.again}
        return "".join(
            f" ({count:,} {what})" for what, count in counts.items() if count
        )


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    # One alone has no quantiles.
    cuts = quantiles([*seconds, *seconds], n=100, method="inclusive")
    return f"p50 {cuts[49]:.2f} s p99 {cuts[98]:.2f} s max {max(seconds):.2f} s"
