"""Money is written so that people can read it, and never says more than is known."""

import pytest

from hubbub.console.calls import Usage, money, price


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0.0, "$0"),
        (1234.5, "$1,234.50"),
        (1.0, "$1.00"),
        (0.5, "$0.50"),
        (0.0999, "$0.100"),
        (0.0123, "$0.012"),
        (0.000456, "$0.00046"),
        (0.0000001, "< $0.000001"),
    ],
)
def test_amounts_have_sensible_digits(amount: float, written: str) -> None:
    """From a dollar on there are cents; below, two digits that mean something."""
    assert money(amount) == written


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        (Usage(cost=0.5), "$0.50"),
        (Usage(cost=0.5, estimated=1), "~$0.50"),
        (Usage(unpriced=3), "unknown"),
        (Usage(cost=0.5, unpriced=3), "$0.50 + unknown"),
    ],
)
def test_what_is_not_known_is_said(usage: Usage, written: str) -> None:
    """An estimate is marked and a price that is missing is missing."""
    assert price(usage) == written
