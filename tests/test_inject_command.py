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
    played,
    serving,
    start,
)

__all__ = ["_fresh", "hubbub", "played"]

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


def test_links_seats_and_processes_of_a_live_run_are_disturbed(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    """Every role dies and stands still on request, once; the record is whole."""
    (tmp_path / "slow.py").write_text(SLOW)
    run = start(*PARTY, "--workers", "2", cwd=tmp_path)
    assert run.stdout is not None
    assert any('"round"' in line for line in run.stdout)
    asked = [
        hubbub("inject", "x", *said)
        for said in (
            ("--impair", "drop", "--seat", "L3", "--option", "p=0.3"),
            ("--impair", "eclipse", "--seat", "L1", "--peer", "L2", "--room", "hall"),
            ("--chaos", "kill", "--seat", "L1"),
            ("--chaos", "kill", "--role", "worker", "--seat", "L2"),
            ("--chaos", "kill", "--role", "logger"),
            ("--chaos", "kill", "--role", "conductor"),
            ("--chaos", "pause", "--role", "worker", "--option", "seconds=0.1"),
        )
    ]
    paused = hubbub("inject", "pause", "i1", "x", "--at", "round:4")
    resumed = hubbub("inject", "resume", "i1", "x", "--at", "round:6")
    over = hubbub("inject", "ls", "x")

    ended = finish(run)
    assert (ended.code, [done.code for done in asked]) == (0, [0] * 7)
    assert "i4: chaos of the worker that hosts L2" in asked[3].out
    assert (paused.code, resumed.code, over.code) == (0, 0, 0)
    died = [
        json.loads(line)["role"]
        for line in ended.err.splitlines()
        if "a role died" in line
    ]
    assert sorted(died) == ["conductor", "logger", "worker"]
    states = [told["state"] for told in hubbub("inject", "ls", "x", "--json").lines()]
    assert states == ["on", "on", *["over"] * 5]
    assert hubbub("verify", "x").code == 0
    assert hubbub("replay", "x").code == 0


def test_a_run_that_is_one_process_is_not_killed(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    """Neither by its file, of which nothing is left behind, nor by an operator."""
    table = '[[inject]]\nsurface = "chaos"\nkind = "kill"\nrole = "worker"\n'
    (tmp_path / "x.toml").write_text(f'scenario = "cocktail-party"\n{table}')
    (tmp_path / "slow.py").write_text(SLOW)
    refused = hubbub("run", "x.toml", "--out", "y")
    run = start(*PARTY, cwd=tmp_path)
    assert run.stdout is not None
    assert any('"round"' in line for line in run.stdout)
    asked = hubbub("inject", "x", "--chaos", "kill", "--role", "conductor")

    assert finish(run).code == 0
    assert (refused.code, asked.code) == (2, 2)
    assert not (tmp_path / "y").exists()
    for done in (refused, asked):
        assert "no process of its own" in done.err
        assert "--workers" in done.err


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("--impair", "dropp"), "'dropp' is not one of 'drop', 'delay'"),
        (("--impair", "drop"), "its options are p"),
        (("--impair", "drop", "--option", "q=1"), "known: p"),
        (("--impair", "drop", "--inject", "uniform"), "has no mind, but a kind"),
        (("--impair", "drop", "--chaos", "kill"), "give one of"),
        (("--seat", "L1", "--inject", "uniform"), "goes with --impair or --chaos"),
        (("--impair", "eclipse"), "say which peers are heard"),
        (("--chaos", "pause", "--role", "worker"), "say for how many seconds"),
        (("--chaos", "kill", "--role", "logger", "--seat", "L1"), "hosts no seat"),
        (("--chaos", "kill", "--peer", "L1"), "kill has no peers"),
    ],
)
def test_what_no_disturbance_can_be_says_why(
    hubbub: Hubbub, played: Path, said: tuple[str, ...], why: str
) -> None:
    """And what would do."""
    done = hubbub("fork", str(played), "--at", "seq:5", *said, "--out", "y")

    assert (done.code, why in done.err) == (2, True), done.err


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
