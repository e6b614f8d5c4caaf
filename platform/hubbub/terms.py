"""On what terms a run may call models: for how much, from which cache."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

#: US dollars for a million tokens.
PerMillion = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]

CacheMode = Literal["off", "use", "only"]

#: The largest budgets: what a server counts exactly is bounded.
MOST_MONEY = 1_000_000
MOST_TOKENS = 10**12
#: Money is counted in whole nano-dollars.
NANO = 10**9


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs."""

    input: PerMillion
    output: PerMillion


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What is no part of the population and may change from sitting to sitting.

    *money* in US dollars and *tokens* are budgets of the whole run, None for none.
    *prices* are by model; a model that is not in it has no price, and what it costs is
    not counted (*allow_unknown* says that somebody wants it so).  *cache*: whether a
    reply that the cache has is taken (``use``), and whether no other is (``only``);
    *replicate* tells apart what is to be drawn anew, as for the replicates of a study.
    """

    money: Annotated[float, msgspec.Meta(ge=0, le=MOST_MONEY)] | None = None
    tokens: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)] | None = None
    prices: dict[str, Price] = {}
    allow_unknown: bool = False
    cache: CacheMode = "off"
    replicate: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def limits(self) -> dict[str, int]:
        """The budgets that are set, as a purse counts them: nano-dollars and tokens."""
        limits: dict[str, int] = {}
        if self.money is not None:
            limits["money"] = round(self.money * NANO)
        if self.tokens is not None:
            limits["tokens"] = self.tokens
        return limits


def terms_in(facts: Mapping[str, str]) -> Terms:
    """The terms among the *facts* of a run; none where nobody has set any."""
    return msgspec.json.decode(facts.get("terms") or "{}", type=Terms)


def on_terms(terms: Terms) -> dict[str, str]:
    """The facts that have a run go on, on *terms*."""
    return {"terms": msgspec.json.encode(terms).decode(), "stopped": ""}


def dollars(nanos: int) -> str:
    """*nanos* of a dollar in words, to the cent or as exactly as it takes."""
    cents = f"${nanos / NANO:,.2f}"
    return cents if nanos % (NANO // 100) == 0 else f"${nanos / NANO:,.6f}".rstrip("0")
