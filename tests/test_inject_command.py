"""``hubbub inject`` and ``eject`` on runs that go on, embedded or in many processes."""

import json
from pathlib import Path

import pytest

from .test_cli import (
    Done,
    Hubbub,
    _fresh,  # pyright: ignore[reportPrivateUsage]
    finish,
    hubbub,
    serving,
    start,
)

__all__ = ["_fresh", "hubbub"]

SLOW = """
import anyio
from hubbub_agents.talker import Uniform

class Slow(Uniform):
    async def act(self, ask):
        await anyio.sleep(0.1)
        return await super().act(ask)
"""
PARTY = (
    *("run", "cocktail-party", "--agents", "4", "--mind", "slow.py", "--out", "x"),
    *("--set", "rounds=8", "--set", "turns=3", "--json"),
)


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one", "many"])
def test_somebody_comes_into_a_live_run_and_goes(
    hubbub: Hubbub, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    """The run is reached through its folder; its record is whole and replayed."""
    (tmp_path / "slow.py").write_text(SLOW)
    run = start(*PARTY, *workers, cwd=tmp_path)
    assert run.stdout is not None
    assert any('"round"' in line for line in run.stdout)
    [came] = hubbub("inject", "x", "--mind", "uniform", "--json").lines()
    turned = hubbub("inject", "x", "--compromise", "L2", "--mind", "silence")
    ejected = hubbub("eject", "i2", "x", "--at", "round:5")

    assert finish(run).code == 0
    assert (came["seats"], turned.code, ejected.code) == (["L5"], 0, 0)
    states = [
        json.loads(line)
        for line in hubbub("inject", "ls", "x", "--json").out.splitlines()
    ]
    assert [s["state"] for s in states] == ["on", "over"]
    assert hubbub("verify", "x").code == 0
    assert hubbub("replay", "x").code == 0
    assert "L5" in hubbub("show", "x").out


def test_a_run_on_a_server_is_reached_by_its_address(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    """Without an id it is the server's current one, as in containers."""
    (tmp_path / "slow.py").write_text(SLOW)
    with serving() as url:
        run = start(*PARTY, "--redis", url, cwd=tmp_path)
        assert run.stdout is not None
        assert any('"round"' in line for line in run.stdout)
        came = hubbub("inject", "--redis", url, "--mind", "uniform")
        nobody = hubbub("inject", "nobody", "--redis", url, "--mind", "uniform")
        shown: Done = hubbub("inject", "show", "i1", "--redis", url)

        assert finish(run).code == 0
    assert (came.code, came.out) == (0, "i1: participant of L5\n")
    assert nobody.code == 2
    assert json.loads(shown.out)["what"]["seats"] == ["L5"]


def test_what_cannot_be_injected_says_why(hubbub: Hubbub, tmp_path: Path) -> None:
    """Into a run that is over, or on nobody knows which server."""
    party = ("run", "cocktail-party", "--agents", "2", "--set", "rounds=1")
    assert hubbub(*party, "--out", "x").code == 0

    over = hubbub("inject", "x", "--mind", "uniform")
    both = hubbub("inject", "x", "--name", "M1", "--compromise", "L1")
    nothing = hubbub("inject", "show", "i1", "x")
    assert (over.code, both.code, nothing.code) == (3, 2, 2)
    assert "has ended" in over.err
    assert "unknown injection" in nothing.err
