"""What a run may spend, and from which cache its models may answer, as it is said."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import msgspec

from hubbub.errors import UsageError
from hubbub.models.prices import find_prices
from hubbub.terms import MOST_MONEY, MOST_TOKENS, NANO, CacheMode, Terms, dollars

#: No terms have been agreed on so far.
NO_TERMS = Terms()
#: Nothing has been spent so far.
NOTHING: Mapping[str, int] = MappingProxyType({})


class _Dollars(click.FloatRange):
    """An amount of money; unlike its base, it knows that NaN is none."""

    name = "amount in dollars"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        amount: float = super().convert(value, param, ctx)
        if isnan(amount):
            self.fail("not a number is no budget", param, ctx)
        return amount


_options = [
    click.option(
        "--budget",
        envvar="HUBBUB_BUDGET",
        type=_Dollars(0, MOST_MONEY),
        metavar="USD",
        help="What all model calls of the run may cost, in US dollars.",
    ),
    click.option(
        "--token-budget",
        envvar="HUBBUB_TOKEN_BUDGET",
        type=click.IntRange(1, MOST_TOKENS),
        metavar="N",
        help="How many tokens they may take, prompts and replies together.",
    ),
    click.option(
        "--prices",
        envvar="HUBBUB_PRICES",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Prices of models (TOML), over those that Hubbub knows.",
    ),
    click.option(
        "--allow-unknown-price",
        is_flag=True,
        help="Count what has no price as free, also with a --budget.",
    ),
    click.option(
        "--cache",
        type=click.Choice(["off", "use", "only"]),
        help="Answer from the reply cache what it has, or only from it.",
    ),
]


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """The options as they were given; None and false where they were not."""

    budget: float | None = None
    token_budget: int | None = None
    prices: Path | None = None
    allow_unknown_price: bool = False
    cache: CacheMode | None = None

    def terms(self, models: Iterable[str], had: Terms = NO_TERMS) -> Terms:
        """
        The terms of a run of *models* that *had* these before.

        What is not said again stays.  Raises `UsageError` for a budget that cannot be
        kept, because a model has no price, or allows nothing at all.
        """
        models = sorted(models)
        prices = find_prices(models) | had.prices
        if self.prices is not None:
            prices |= find_prices(models, self.prices)
        terms = Terms(
            money=had.money if self.budget is None else self.budget,
            tokens=had.tokens if self.token_budget is None else self.token_budget,
            prices={model: prices[model] for model in models if model in prices},
            allow_unknown=self.allow_unknown_price or had.allow_unknown,
            cache=self.cache or had.cache,
            replicate=had.replicate,
        )
        if terms.money is not None:
            _check(terms, models)
        return terms


def spending(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, given to *command* as one `Spend` called ``spend``."""

    @wraps(command)
    def packed(**options: Any) -> Any:
        given = {name: options.pop(name) for name in Spend.__struct_fields__}
        return command(**options, spend=Spend(**given))

    wrapped: Callable[..., Any] = packed
    for option in reversed(_options):
        wrapped = option(wrapped)
    return wrapped


def unpriced(models: Iterable[str], terms: Terms) -> list[str]:
    """Those of *models* of which *terms* do not say what they cost, sorted."""
    return sorted(model for model in models if model not in terms.prices)


def higher(terms: Terms, spent: Mapping[str, int] = NOTHING) -> str:
    """
    The options that would give twice of what there is too little of.

    *spent* is in nano-dollars and tokens, as a purse counts: what has more than half of
    its budget left is not what there was too little of.
    """
    limits = terms.limits
    used = {name: spent.get(name, 0) for name in limits}
    short = {n for n in limits if 2 * used[n] > limits[n]} or {*limits}
    options: list[str] = []
    if "money" in short:
        money = max(limits["money"], used["money"]) / NANO
        options.append(f"--budget {2 * money or 1:.3g}")
    if "tokens" in short:
        options.append(f"--token-budget {2 * max(limits['tokens'], used['tokens'])}")
    return " ".join(options)


def _check(terms: Terms, models: list[str]) -> None:
    unknown = unpriced(models, terms)
    if unknown and not terms.allow_unknown:
        raise UsageError(
            f"a --budget needs the price of every model, and {', '.join(unknown)} has "
            "none here: say it in a file with\n"
            f'  ["{unknown[0]}"]\n  input = 1.0   # US dollars for a million tokens\n'
            "  output = 5.0\nand give that as --prices FILE, or count it as free with "
            "--allow-unknown-price"
        )
    dear = [m for m, price in terms.prices.items() if price.input or price.output]
    if dear and not terms.money:
        raise UsageError(
            f"--budget {dollars(0)[1:]} allows no call of {dear[0]}, which is not free: "
            "give more"
        )
