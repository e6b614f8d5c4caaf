"""On what terms a run may call models: for how much, from which cache."""

from typing import Annotated, Literal

import msgspec

#: US dollars for a million tokens.
PerMillion = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]

CacheMode = Literal["off", "use", "only"]


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs."""

    input: PerMillion
    output: PerMillion


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What is no part of the population and may change from sitting to sitting.

    *money* in US dollars and *tokens* are budgets of the whole run, None for none.
    *prices* are by model; a model that is not in it has no price.  *cache*: whether a
    reply that the cache has is taken (``use``), and whether no other is (``only``).
    """

    money: Annotated[float, msgspec.Meta(ge=0)] | None = None
    tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    prices: dict[str, Price] = {}
    cache: CacheMode = "off"
