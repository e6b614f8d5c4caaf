"""What runs of a study may spend together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import BudgetSpent
from hubbub.study.pot import Pot


def test_two_at_once_get_a_half_each() -> None:
    """And what the first has not spent returns for the third."""
    pot = Pot({"money": 100}, {})

    assert pot.take("a", {}, 2) == {"money": 50}
    assert pot.take("b", {}, 1) == {"money": 50}
    pot.settle("a", {}, {"money": 10})
    assert pot.take("c", {}, 1) == {"money": 40}


def test_a_run_that_goes_on_has_its_share_on_top() -> None:
    """A run's budget is that of all its sittings, a share of the pot only of this one."""
    pot = Pot({"tokens": 100}, {"tokens": 30})

    assert pot.take("a", {"tokens": 30}, 1) == {"tokens": 100}
    pot.settle("a", {"tokens": 30}, {"tokens": 45})
    assert pot.take("b", {}, 1) == {"tokens": 55}


def test_nothing_left_is_said() -> None:
    """Rather than a run begun that could not speak."""
    with pytest.raises(BudgetSpent, match="money"):
        Pot({"money": 5}, {"money": 5}).take("a", {}, 1)


def test_free_models_need_nothing() -> None:
    """A budget of none bounds what costs nothing."""
    assert Pot({"money": 0}, {}).take("a", {}, 1) == {"money": 0}


@given(
    limit=st.integers(1, 1_000),
    costs=st.lists(st.integers(0, 400), max_size=20),
    jobs=st.integers(1, 4),
)
def test_a_pot_is_never_passed(limit: int, costs: list[int], jobs: int) -> None:
    """Whoever stays within its share keeps all within the budget."""
    pot, spent = Pot({"money": limit}, {}), 0
    running: list[tuple[str, int]] = []
    for number, cost in enumerate(costs):
        if len(running) == jobs:
            name, paid = running.pop(0)
            pot.settle(name, {}, {"money": paid})
        try:
            share = pot.take(f"{number}", {}, jobs - len(running))["money"]
        except BudgetSpent:
            break
        running.append((f"{number}", min(cost, share)))
        spent += min(cost, share)

    assert spent <= limit
