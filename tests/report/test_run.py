"""The report of a run, whatever state it is in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.errors import LogDamaged, UsageError
from hubbub.folder import RunFolder
from hubbub.population import Group, Population
from hubbub.report.run import run_report

from ..measures.hosting import Host
from ..records import edit, tale
from .filing import Parsed, declare, file_run, parse, soiree
from .test_page import check_inert


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """In another process as well, whose sets are in another order."""
    folder = file_run(tmp_path / "run", soiree().end())
    code = (
        "import sys; from pathlib import Path; from hubbub.folder import RunFolder; "
        "from hubbub.report.run import run_report; "
        "print(run_report(RunFolder(Path(sys.argv[1]))), end='')"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code, str(folder.path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert pages == {run_report(folder).encode()}


def test_a_page_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    """Neither the folder's path nor the day are in it."""
    page = run_report(file_run(tmp_path / "run", soiree(3).end()))

    assert str(tmp_path) not in page


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.77, 1.0])
def test_an_unfinished_run_has_a_report(tmp_path: Path, share: float) -> None:
    """Whatever it has come to so far, down to nothing at all."""
    messages = soiree(14).messages
    folder = file_run(tmp_path / "run", messages[: int(share * len(messages))])
    page = run_report(folder)

    assert "running" in Parsed(page).text
    check_inert(page)


def test_a_run_without_a_log_has_a_report(tmp_path: Path) -> None:
    """It says that nothing has happened."""
    folder = file_run(tmp_path / "run", [])
    folder.log.unlink()
    folder.calls.unlink()

    assert "Nothing has happened yet." in parse(folder).text


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    """A run that goes on mends it."""
    folder = file_run(tmp_path / "run", soiree(3).messages)
    whole = run_report(folder)
    with folder.log.open("ab") as log:
        log.write(b'{"seq":')

    assert run_report(folder) == whole


def test_a_log_that_was_changed_has_no_report(tmp_path: Path) -> None:
    """The page says that the log is whole and unchanged, so it must be."""
    folder = file_run(tmp_path / "run", soiree(3).end())
    edit(folder.log, lambda lines: [line.replace(b"Hello", b"Bye") for line in lines])

    with pytest.raises(LogDamaged):
        run_report(folder)


def test_a_call_that_was_changed_has_no_report(tmp_path: Path) -> None:
    """Nor have costs that nobody paid."""
    folder = file_run(tmp_path / "run", tale())
    edit(folder.calls, lambda lines: [line.replace(b"echo", b"more") for line in lines])

    with pytest.raises(LogDamaged):
        run_report(folder)


def test_every_parameter_is_told(tmp_path: Path) -> None:
    """With the minds, models, sampling, memory, versions and hashes."""
    group = Group(count=3, model="scripted/legal", options={"warmth": 0.25})
    folder = file_run(
        tmp_path / "run",
        tale(),
        Population(scenario="cocktail-party", seed=41, seats=(group,)),
        {"rounds": 31},
    )
    text, m = parse(folder).text, folder.manifest

    for word in ("31", "41", "scripted/legal", "temperature = 1.0", "full", "warmth"):
        assert word in text
    for word in (m.run, m.hubbub, m.python, m.population_sha256):
        assert text.count(word) > 1


def test_rules_are_told_in_words(tmp_path: Path) -> None:
    """As agents were told them."""
    page = parse(file_run(tmp_path / "run", soiree(2).end()))

    assert "There are no roles and no aims" in " ".join(page.text.split())


def test_rules_are_read_from_a_file_that_is_not_run(tmp_path: Path) -> None:
    """A report of somebody else's run executes nothing."""
    game = tmp_path / "game.py"
    game.write_text(
        "raise SystemExit(1)\nasync def my_game(stage):\n    '''Guess well.\n\n    No.'''"
    )
    population = Population(scenario=str(game), seats=(Group(count=3),))
    folder = file_run(tmp_path / "run", [], population=population, scenario="my-game")

    text = parse(folder).text
    assert "Guess well." in text
    assert str(tmp_path) not in text


def test_a_population_that_was_changed_is_not_told(tmp_path: Path) -> None:
    """The page says so instead."""
    folder = file_run(tmp_path / "run", soiree(2).end())
    (folder.path / "population.toml").write_text('scenario = "cocktail-party"')

    assert "has been changed since the run began" in parse(folder).text


def test_outcomes_are_told_by_phase(tmp_path: Path) -> None:
    """And a phase that is not complete enough is marked."""
    text = parse(file_run(tmp_path / "run", tale())).text

    assert "unusable" in text
    assert re.search(r"Guess.{0,12}0% of 6", text)
    assert "100% of 6" in text


def test_curves_stand_beside_chance(tmp_path: Path) -> None:
    """With bands, the analytic mean, each guest and the pairs."""
    parsed = parse(file_run(tmp_path / "run", soiree(14).end()))
    kinds = {attributes.get("class") for _, attributes in parsed.elements}

    assert {"band uniform", "band shuffled", "analytic", "measured", "faint"} <= kinds
    assert "1 tight pair, with more than 5 conversations" in parsed.text
    assert "Slope " in parsed.text


def test_a_party_shorter_than_a_window_has_no_curves(tmp_path: Path) -> None:
    """Unless it is said that a window is shorter."""
    folder = file_run(tmp_path / "run", soiree(4).end())

    assert "there are no curves" in parse(folder).text
    assert "Slope " in run_report(folder, window=2)


def test_pairs_words_are_compared_by_an_embedder(tmp_path: Path) -> None:
    """If one is named, and the page names it."""
    folder = file_run(tmp_path / "run", soiree(12).end())

    assert "Distance of tight pairs" not in run_report(folder)
    text = Parsed(run_report(folder, embedder="hashed/ngrams")).text
    assert "Distance of tight pairs" in text
    assert "embedded by hashed/ngrams" in text


def test_an_embedder_that_there_is_not_is_named(tmp_path: Path) -> None:
    """By an error, not by an empty figure."""
    folder = file_run(tmp_path / "run", soiree(12).end())

    with pytest.raises(UsageError, match="nobody"):
        run_report(folder, embedder="nobody/nothing")


def test_sentences_are_counted_by_fault(tmp_path: Path) -> None:
    """With examples of both kinds."""
    host = Host("a", "b", "c")
    given = {"number": 1, "seat": "a", "sentences": ["One.", "Two."]}
    declare(host, "page", given | {"faults": ["", "too long"], "judged": False})
    text = parse(file_run(tmp_path / "run", host.end())).text

    assert "50% of 2" in text
    assert "too long" in text
    assert "Coherence was not judged." in text


def test_an_infection_is_told_to_the_cent(tmp_path: Path) -> None:
    """And so is every gift of the chain; who did not answer gave nothing."""
    host = Host("a", "b", "c")
    ends = {"a": "answered", "b": "answered"}
    declare(host, "game", {"game": "1", "gave": {"a": 0, "b": 80}, "outcomes": ends})
    ends = {"b": "answered", "c": "late"}
    declare(host, "game", {"game": "2", "gave": {"b": 12.5}, "outcomes": ends})
    change = {"order": 1, "seat": "b", "before": 80, "after": 12.5, "change": -67.5}
    declare(host, "infection", change)
    text = parse(file_run(tmp_path / "run", host.end())).text

    assert "\N{MINUS SIGN}$67.50" in text
    assert "$12.50" in text
    assert "no answer" in text
    assert "c late" in text


def test_gifts_of_many_games_are_a_curve(tmp_path: Path) -> None:
    """Round by round, with every gift as a dot."""
    host = Host("a", "b", "c")
    for number in range(1, 4):
        gave = {"a": 10.0 * number, "b": 0.0}
        declare(host, "game", {"game": f"{number}.1", "gave": gave})
    parsed = parse(file_run(tmp_path / "run", host.end()))

    assert "6 gifts in 3 games, $10.00 in the mean" in parsed.text
    assert len([c for c in parsed.found("circle") if c["class"] == "dot gift"]) == 6


def test_results_of_any_shape_are_shown(tmp_path: Path) -> None:
    """Numbers as a curve, all others in a table; none is taken for another game's."""
    host = Host("a", "b", "c")
    for number in range(5):
        declare(host, "pot", 1.5 * number)
    declare(host, "winner", {"name": "ann"})
    declare(host, "game", {"home": 3, "away": 1})
    declare(host, "page", "a page")
    text = parse(file_run(tmp_path / "run", host.end())).text

    assert "5 values." in text
    for shown in ('{"name":"ann"}', '{"home":3,"away":1}', '"a page"'):
        assert shown in text


def test_a_run_of_a_thousand_seats_has_a_page_of_bounded_size(tmp_path: Path) -> None:
    """It shows who talked most, and says that it does."""
    seats = [f"L{number}" for number in range(1, 1_001)]
    host = Host(*seats)
    for number in range(2):
        host.begin(of=2)
        host.invite(**dict.fromkeys(seats, "passed"))
        for one in range(0, 1_000, 2):
            other = (one + 1 + 2 * number) % 1_000
            host.chat(seats[one], seats[other], "x" * 500, "y" * 500)
    page = run_report(file_run(tmp_path / "run", host.end()))

    assert len(page) < 500_000
    text = check_inert(page).text
    assert "Shown are 60 of 1,000 seats" in text
    assert "1,000 guests and 2 rounds is not measured here" in text


def test_a_run_of_nobody_that_talks_has_no_network(tmp_path: Path) -> None:
    """An empty picture would say that there is something to see."""
    parsed = parse(file_run(tmp_path / "run", tale()))

    assert "network" not in [section["id"] for section in parsed.found("section")]


def without(modules: list[str], folder: RunFolder) -> subprocess.CompletedProcess[str]:
    """``hubbub report`` of *folder*, where none of *modules* is installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r})); "
        "from hubbub.cli import main; main(sys.argv[1:])"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "report", str(folder.path)],
        capture_output=True,
        text=True,
        check=False,
    )


EXTRA = ["numpy", "scipy", "networkx", "vaderSentiment", "statsmodels"]


def test_what_measuring_takes_is_named_where_it_is_missing(tmp_path: Path) -> None:
    """With the command that installs it."""
    done = without(EXTRA, file_run(tmp_path / "run", soiree(2).end()))

    assert done.returncode == 2
    assert "pip install 'hubbub[study]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_party_needs_no_extra(tmp_path: Path) -> None:
    """Nothing of it is measured."""
    done = without(EXTRA, file_run(tmp_path / "run", tale()))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists()
