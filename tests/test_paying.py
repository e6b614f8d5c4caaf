"""No call is paid for twice, as the server that is paid counts."""

import random
from collections.abc import Generator

import anyio
import pytest

from .game import Game
from .kill import undisturbed
from .paying import MIND, Shop, open_shop, trial

GAME = Game(rounds=6, seed=7, mind=MIND)


@pytest.fixture
def shop() -> Generator[Shop]:
    """A model server that counts."""
    with open_shop() as shop:
        yield shop


def test_killed_workers_are_charged_once(shop: Shop) -> None:
    """
    With workers killed in the middle of calls, each call is paid for once.

    And the run, however often its seats changed hands, is replayed byte by byte.
    """
    wanted = anyio.run(undisturbed, GAME)
    rng = random.Random("paying")
    bill = anyio.run(trial, shop, 5, GAME, wanted, rng)

    assert bill.report.good, bill.report.faults
    assert bill.report.kills >= 5
    assert bill.paid == bill.recorded > 100
