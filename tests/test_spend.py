"""Budgets on the command line: what is refused, how a run stops, how it goes on."""

import json
import os
from pathlib import Path

import pytest

from hubbub.cli.spend import Spend, higher, unpriced
from hubbub.errors import UsageError
from hubbub.terms import NANO, Price, Terms

from .test_cli import Done, shell

DEAR, OURS, MYSTERY = "openai/gpt-4o-mini", "scripted/legal", "mylab/x"
#: A party whose scripted guests take some 30,000 tokens, of which nobody is charged.
PARTY = (
    *("run", "cocktail-party", "--agents", "4", "--set", "rounds=4"),
    *("--model", OURS, "--out", "party"),
)


def refused(spend: Spend, *models: str, had: Terms | None = None) -> str:
    """Why there can be no terms."""
    with pytest.raises(UsageError) as error:
        spend.terms(models, had or Terms())
    return str(error.value)


def test_nothing_said_is_no_budget() -> None:
    """Calls are priced all the same, where there is a price."""
    terms = Spend().terms([DEAR, OURS, MYSTERY])

    assert terms.limits == {}
    assert terms.prices[DEAR] == Price(input=0.15, output=0.60)
    assert terms.prices[OURS] == Price(input=0, output=0)
    assert unpriced([MYSTERY, DEAR], terms) == [MYSTERY]


def test_what_is_not_said_again_stays() -> None:
    """Each for itself."""
    had = Spend(budget=5.0, token_budget=9, cache="use").terms([DEAR])
    again = Spend(budget=7.0).terms([DEAR], had)

    assert (again.money, again.tokens, again.cache) == (7.0, 9, "use")
    assert Spend().terms([DEAR], had) == had


def test_prices_that_were_said_stay(tmp_path: Path) -> None:
    """Until others are said; those that come with Hubbub may have changed since."""
    file = tmp_path / "p.toml"
    file.write_text(f'["{MYSTERY}"]\ninput = 1.0\noutput = 2.0\n')
    had = Spend(budget=5.0, prices=file).terms([MYSTERY])
    file.write_text(f'["{MYSTERY}"]\ninput = 3.0\noutput = 4.0\n')

    assert Spend().terms([MYSTERY], had).prices[MYSTERY].input == 1
    assert Spend(prices=file).terms([MYSTERY], had).prices[MYSTERY].input == 3


def test_a_budget_needs_prices() -> None:
    """The message is what to write, and where; tokens need none."""
    words = refused(Spend(budget=5.0), DEAR, MYSTERY)

    assert f'["{MYSTERY}"]' in words
    assert "--prices FILE" in words
    assert "--allow-unknown-price" in words
    assert Spend(token_budget=5).terms([MYSTERY]).tokens == 5


def test_an_unknown_price_may_be_allowed() -> None:
    """Once for the whole run."""
    had = Spend(budget=5.0, allow_unknown_price=True).terms([MYSTERY])

    assert had.prices == {}
    assert Spend(budget=6.0).terms([MYSTERY], had).allow_unknown


def test_nothing_buys_nothing() -> None:
    """A budget of 0 is for free models; others would all be refused in the run."""
    assert f"no call of {DEAR}" in refused(Spend(budget=0.0), DEAR, OURS)
    assert Spend(budget=0.0).terms([OURS]).limits == {"money": 0}


def test_more_is_twice_as_much() -> None:
    """What is proposed to whoever has run short, and of nothing but that."""
    terms = Terms(money=0.25, tokens=7)
    assert higher(terms) == "--budget 0.5 --token-budget 14"
    assert higher(terms, {"money": NANO // 5, "tokens": 3}) == "--budget 0.5"
    assert higher(terms, {"money": NANO // 20, "tokens": 900}) == "--token-budget 1800"
    assert higher(Terms(money=0.0)) == "--budget 1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--budget", "-1"), "-1.0 is not in the range"),
        (("--budget", "nan"), "not a number"),
        (("--budget", "inf"), "not in the range"),
        (("--budget", "five"), "'five' is not a valid amount in dollars"),
        (("--token-budget", "0"), "0 is not in the range"),
        (("--token-budget", "1.5"), "not a valid integer"),
        (("--prices", "nowhere.toml"), "nowhere.toml: No such file"),
        (("--cache", "maybe"), "'maybe' is not one of"),
    ],
)
def test_what_is_no_budget_is_refused(
    tmp_path: Path, options: tuple[str, str], words: str
) -> None:
    """And nothing is begun."""
    done = shell(*PARTY, *options, cwd=tmp_path)

    assert (done.code, words in done.err) == (2, True), done.err
    assert list(tmp_path.iterdir()) == []


def short(done: Done) -> bool:
    """Whether a command has ended because the budget is spent."""
    return done.code == 3 and "the run has stopped at its budget: " in done.err


def test_a_run_stops_and_goes_on(tmp_path: Path) -> None:
    """Code 3 and the mend, whole; again without more, and to its end with more."""
    first = shell(*PARTY, "--token-budget", "9000", cwd=tmp_path)
    manifest = json.loads((tmp_path / "party/manifest.json").read_text())

    assert short(first)
    assert "go on with: hubbub resume party --token-budget 18000" in first.err
    assert (manifest["state"], manifest["terms"]["tokens"]) == ("stopped", 9000)
    assert manifest["why"] in first.err
    for look in (("verify", "party"), ("ls", "."), ("show", "party")):
        done = shell(*look, cwd=tmp_path)
        assert done.code == 0
        assert look[0] == "verify" or "stopped" in done.out

    again = shell("resume", "party", cwd=tmp_path)
    assert again.err.splitlines()[-2:] == first.err.splitlines()[-2:]
    more = ("--token-budget", "1000000")
    assert shell("resume", "party", *more, cwd=tmp_path).code == 0
    assert shell("verify", "party", cwd=tmp_path).code == 0
    assert shell("resume", "party", cwd=tmp_path).code == 2


def test_many_processes_stop_and_go_on(tmp_path: Path) -> None:
    """Each ends by itself, and all that was said has been kept."""
    many = ("--workers", "2")
    first = shell(*PARTY, "--token-budget", "9000", *many, cwd=tmp_path)
    log = (tmp_path / "party/log.jsonl").read_text()

    assert short(first)
    assert '"kind":"stop"' in log.splitlines()[-1]
    assert shell("verify", "party", cwd=tmp_path).code == 0
    more = ("--token-budget", "1000000", *many)
    assert shell("resume", "party", *more, cwd=tmp_path).code == 0


def test_the_same_command_goes_on_as_well(tmp_path: Path) -> None:
    """And the environment may say what the options say."""
    assert short(shell(*PARTY, "--token-budget", "9000", cwd=tmp_path))
    assert short(shell(*PARTY, cwd=tmp_path))
    assert shell(*PARTY, "--token-budget", "1000000", cwd=tmp_path).code == 0


def test_programs_are_told_too(tmp_path: Path) -> None:
    """The last line of the JSON says that it stopped, and why."""
    done = shell(*PARTY, "--token-budget", "9000", "--json", cwd=tmp_path)

    event = done.lines()[-1]
    assert short(done)
    assert (event["event"], event["why"] in done.err) == ("stopped", True)


def test_a_run_that_ran_short_in_the_end_says_so(tmp_path: Path) -> None:
    """It is complete, and not what was asked for."""
    game = ("run", "open-room", "--agents", "3", "--model", OURS, "--out", "room")
    done = shell(*game, "--token-budget", "1000", cwd=tmp_path)

    assert done.code == 0
    assert "turns ended as budget_stop: the budget did not have" in done.out


def test_what_has_no_price_is_named_in_the_end(tmp_path: Path) -> None:
    """A budget that did not count everything is no budget."""
    (tmp_path / "game.toml").write_text(
        'scenario = "open-room"\nparameters = {acts = 1}\n'
        f'[[seats]]\ncount = 3\nmind = "uniform"\nmodel = "{MYSTERY}"\n'
    )
    options = ("--budget", "5", "--allow-unknown-price")
    place = {**os.environ, "MYLAB_BASE_URL": "http://localhost:9/v1"}
    done = shell("run", "game.toml", *options, cwd=tmp_path, env=place)

    assert done.code == 0
    assert f"no price of {MYSTERY}: not counted" in done.out
