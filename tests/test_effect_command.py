"""``hubbub effect``: what an injection has changed, beside a twin that is found."""

import json
from pathlib import Path

import pytest

from .test_cli import (
    Hubbub,
    _fresh,  # pyright: ignore[reportPrivateUsage]
    hubbub,
)

__all__ = ["_fresh", "hubbub"]

POPULATION = """
scenario = "public-goods"
seed = 2
parameters = { rounds = 6, players = 4 }

[[seats]]
count = 3
mind = "conditional"

[[inject]]
mind = "free-rider"
at = "round:3"
"""


@pytest.fixture
def twins(hubbub: Hubbub, tmp_path: Path) -> Hubbub:
    """The command, where ``runs/with`` has a free rider and ``runs/fork`` has none."""
    (tmp_path / "rider.toml").write_text(POPULATION)
    assert hubbub("run", "rider.toml", "--out", "runs/with").code == 0
    forked = hubbub("fork", "runs/with", "--without", "i1", "--out", "runs/fork")
    assert forked.code == 0, forked.err
    return hubbub


def test_an_effect_is_told_whichever_twin_is_named(twins: Hubbub) -> None:
    """The other is found, and the difference is with less without; to the cent."""
    first, second = (
        twins("effect", f"runs/{name}", "--json") for name in ("with", "fork")
    )
    told = json.loads(first.out)
    (gift,) = told["outcomes"]

    assert first.out == second.out
    assert [round(change["effect"], 2) for change in gift["changes"]] == [
        *(0, 0, 0, 0, -33.33, -55.55)
    ]
    assert [spill["seats"] for spill in gift["spill"]] == [["L4"], ["L1", "L2", "L3"]]
    assert "one pair" in told["notes"][0]


def test_it_is_told_in_words(twins: Hubbub) -> None:
    """Every part of it, and what the pair cannot say."""
    told = twins("effect", "runs/with", "runs/fork", "--carried", "nothing")

    assert told.code == 0
    for words in ("participant of L4", "mean of the others", "by distance", "exposure"):
        assert words in told.out
    assert "who carried 'nothing': nobody" in told.out
    assert "it has no interval" in told.out


def test_what_cannot_be_told_is_refused(twins: Hubbub) -> None:
    """With the mend, and the code of what was asked for wrongly."""
    alone = ("run", "public-goods", "--agents", "3", "--mind", "altruist")
    assert twins(*alone, "--seed", "2", "--out", "elsewhere/plain").code == 0
    refused = {
        "nothing was injected into elsewhere/plain": ("elsewhere/plain",),
        "is no twin of itself": ("runs/with", "runs/with"),
        "the same injections": ("runs/fork", "elsewhere/plain"),
        "unknown outcome of seats": ("runs/with", "--outcome", "gifts"),
        "is not a run folder": ("runs/nowhere",),
    }

    for words, arguments in refused.items():
        done = twins("effect", *arguments)
        assert done.code == 2, done.err
        assert words in done.err
