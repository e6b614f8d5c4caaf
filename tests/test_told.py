"""What commands tell of models and money: before a run, at its end and afterwards."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from hubbub.cli import main

from .serving import Completions, serving

MIXED = Path(__file__).parents[1] / "docs" / "examples" / "mixed.toml"
PAID = ("run", "cocktail-party", "--agents", "4", "--set", "rounds=1")
NANO = ("--model", "openai/gpt-5-nano")

Told = tuple[int, str, str]
Hubbub = Callable[..., Told]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Completions]:
    """What OpenAI's models, and those of a lab, are served by here."""
    with serving() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        monkeypatch.setenv("LAB_BASE_URL", found.url)
        yield found


@pytest.fixture
def hubbub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Hubbub]:
    """Runs a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBBUB_RUNS", "runs")

    def run(*arguments: str) -> Told:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    yield run
    structlog.reset_defaults()


def read(out: str) -> Any:
    """The last line of *out*, which is JSON."""
    return json.loads(out.splitlines()[-1])


# -- before a run


def test_a_dry_run_says_what_a_run_would_cost(
    hubbub: Hubbub, server: Completions, tmp_path: Path
) -> None:
    """Calls, tokens and cost with their intervals, and what the pilot has cost."""
    code, out, _ = hubbub(*PAID, *NANO, "--dry-run", "--pilot", "6")

    assert code == 0
    assert len(server.sold) == 6
    for part in (
        "openai/gpt-5-nano",
        "6 calls, 6 answers",
        "for the pilot",
        "does not",
    ):
        assert part in out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_for_programs(hubbub: Hubbub, server: Completions) -> None:
    """One object, with the same figures."""
    _, out, _ = hubbub(*PAID, *NANO, "--dry-run", "--json", "--budget", "2.50")
    found = read(out)
    model = found["models"]["openai/gpt-5-nano"]

    assert (found["event"], found["seats"]) == ("estimate", 4)
    assert found["budget"]["money"] == 2.5
    assert found["pilot"]["calls"] == len(server.sold) == 8
    assert found["pilot"]["tokens_in"] == sum(sold for sold, _ in server.sold)
    for figure in (*(model[name] for name in model), found["cost"]):
        assert 0 < figure["low"] <= figure["middle"] <= figure["high"]


def test_without_a_pilot_nobody_is_asked(hubbub: Hubbub) -> None:
    """No key, no server: the interval is that of all that replies may come to."""
    code, out, _ = hubbub(*PAID, *NANO, "--dry-run", "--pilot", "0", "--budget", "5")

    assert code == 0
    assert "budget  $5.00: enough" in out
    assert "as long as they may be" in out


def test_a_pilot_that_fails_says_what_to_do(
    hubbub: Hubbub, server: Completions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which model, what it said, and how to do without it."""
    monkeypatch.setenv("LAB_BASE_URL", f"{server.url}/elsewhere")
    code, _, err = hubbub(*PAID, "--model", "lab/own", "--dry-run")

    assert code == 3
    assert "the pilot has failed: bad_request: lab/own: HTTP 404" in err
    assert "--pilot 0, which asks nobody" in err


def test_a_run_of_rules_costs_nothing(hubbub: Hubbub) -> None:
    """There is no model in it to be called."""
    code, out, _ = hubbub(*PAID, "--dry-run")

    assert (code, "no model is called" in out) == (0, True)
    assert read(hubbub(*PAID, "--dry-run", "--json")[1])["models"] == {}


def test_a_budget_that_cannot_be_enough(hubbub: Hubbub) -> None:
    """It is said before anything is paid."""
    _, out, _ = hubbub(*PAID, *NANO, "--dry-run", "--pilot", "0", "--token-budget", "9")

    assert "budget  9 tokens: not enough" in out


def test_a_price_that_nobody_knows_is_unknown(
    hubbub: Hubbub, server: Completions
) -> None:
    """It is not nothing."""
    _, out, _ = hubbub(*PAID, "--model", "lab/own", "--dry-run")

    assert "unknown" in out
    assert "prices  none of lab/own" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pilot", "4"], "--pilot is for --dry-run"),
        (["--dry-run", "--pilot", "1"], "--pilot 2 or more"),
        (["--dry-run", "--pilot", "-1"], "pilot"),
    ],
)
def test_what_makes_no_sense_is_refused(
    hubbub: Hubbub, options: list[str], words: str
) -> None:
    """With the mend, and with nothing asked of anybody."""
    code, _, err = hubbub(*PAID, *NANO, *options)

    assert (code, words in err) == (2, True)


STOPPED = """
import signal
from hubbub import Stage, scenario
from hubbub.questions import Invite

@scenario(seats=2)
async def stopped(stage: Stage) -> None:
    \"\"\"A game in which somebody loses patience.\"\"\"
    signal.raise_signal(signal.SIGINT)
    for round in range(10_000):
        others = {seat: Invite(round=1, rounds=1, others=("L1",)) for seat in stage.seats}
        await stage.collect(others)
"""


def test_ctrl_c_ends_a_rehearsal(hubbub: Hubbub, tmp_path: Path) -> None:
    """At once, without a word too many and with nothing left behind."""
    (tmp_path / "stopped.py").write_text(STOPPED)
    code, out, err = hubbub("run", "stopped.py", *NANO, "--dry-run", "--pilot", "0")

    assert (code, out, err) == (130, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["stopped.py"]


# -- three models at one party


def mixed(tmp_path: Path) -> str:
    """The example, with a server's model in the place of the local one."""
    text = MIXED.read_text().replace("local/smollm2-135m", "lab/own")
    (tmp_path / "mixed.toml").write_text(text)
    return "mixed.toml"


def test_three_models_in_one_party(
    hubbub: Hubbub, server: Completions, tmp_path: Path
) -> None:
    """Each has its calls, its tokens, its price and its parse rate."""
    code, out, _ = hubbub("run", mixed(tmp_path), "--set", "rounds=2", "--out", "x")
    shown = read(hubbub("show", "x", "--json")[1])
    models = shown["models"]

    assert code == 0
    assert "parsed" in out
    assert set(models) == {"lab/own", "scripted/legal", "openai/gpt-5-nano"}
    assert models["lab/own"]["cost"] is None
    assert models["scripted/legal"]["cost"] == 0
    assert models["openai/gpt-5-nano"]["cost"] > 0
    assert {m["parsed"] for m in models.values()} == {
        m["ended"] for m in models.values()
    }
    assert sum(m["calls"] for m in models.values()) == shown["spent"]["calls"]
    assert sum(u["calls"] for u in shown["uses"].values()) == shown["spent"]["calls"]


def test_the_page_of_a_mixed_party(
    hubbub: Hubbub, server: Completions, tmp_path: Path
) -> None:
    """A row for each model in what it did and in what it cost, in 80 columns."""
    hubbub("run", mixed(tmp_path), "--set", "rounds=2", "--out", "x")
    _, page, _ = hubbub("show", "x")
    rows = [line.split() for line in page.splitlines()]
    spent = {row[0]: row[-1] for row in rows if row}

    assert max(map(len, page.splitlines())) <= 80
    assert spent["lab/own"] == "unknown"
    assert spent["scripted/legal"] == "$0"
    assert spent["openai/gpt-5-nano"].startswith("$0.")


def test_a_run_whose_calls_fail_says_why(
    hubbub: Hubbub, server: Completions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, at its end and on its page: nobody has to look for it in a file."""
    monkeypatch.setenv("HUBBUB_CACHE", str(tmp_path / "cache"))
    code, out, _ = hubbub(*PAID, *NANO, "--cache", "only", "--out", "x")
    lines = [line for line in out.splitlines() if "not_cached" in line]

    assert (code, len(lines)) == (0, 2)
    assert "  note   4 of 4 calls of openai/gpt-5-nano failed: not_cached" in lines[1]
    assert "not_cached" in hubbub("show", "x")[1]


def test_a_run_that_stopped_at_its_budget_looks_like_it(
    hubbub: Hubbub, server: Completions, tmp_path: Path
) -> None:
    """In the list of runs and on its own page, with the reason."""
    few = ("--token-budget", "1500", "--out", "runs/x")
    code, _, _ = hubbub(*PAID[:-1], "rounds=9", *NANO, *few)
    listed = hubbub("ls")[1]
    page = hubbub("show", "runs/x")[1]

    assert code == 3
    assert "stopped" in listed
    assert "stopped at its budget" in listed
    assert " 0 messages" not in listed
    assert "stopped at its budget" in page
    assert " of 1,500 tokens" in page
