"""Latencies are what is declared, and nothing else can be."""

from math import log
from pathlib import Path
from statistics import fmean, median, stdev

import pytest

from hubbub.chance import generator
from hubbub.errors import UsageError
from hubbub.latency import Latency
from hubbub.population import (
    Cast,
    Injection,
    Population,
    as_toml,
    read_population,
)

FILE = 'scenario = "cocktail-party"\n'


def test_they_are_log_normal() -> None:
    """Half are below the median, and their logarithms spread as far as was said."""
    latency = Latency(median=3.0, spread=0.4)
    drawn = [latency.draw(generator(1, k)) for k in range(4_000)]
    logs = [log(each) for each in drawn]

    assert median(drawn) == pytest.approx(3.0, rel=0.03)
    assert (fmean(logs), stdev(logs)) == pytest.approx((log(3.0), 0.4), rel=0.03)


def test_without_a_spread_they_are_fixed() -> None:
    """To the last bit."""
    latency = Latency(median=0.1, spread=0)

    assert {latency.draw(generator(1, k)) for k in range(9)} == {0.1}


def test_none_is_nothing() -> None:
    """What takes no time could go on for ever before anybody else is heard."""
    latency = Latency(median=1e-9, spread=3)

    assert min(latency.draw(generator(1, k)) for k in range(9)) == 1e-6


def test_a_file_says_them(tmp_path: Path) -> None:
    """By group; the others have the usual ones, and a file of ours is read back."""
    file = tmp_path / "p.toml"
    file.write_text(
        f'clock = "virtual"\n{FILE}'
        '[[seats]]\nnames = ["ann"]\nlatency = { median = 9, spread = 0 }\n'
        '[[seats]]\nnames = ["bob", "cy"]\n'
    )
    population = read_population(file)
    cast = Cast(population)
    (tmp_path / "again.toml").write_text(as_toml(population))

    assert cast.latency("ann") == Latency(median=9.0, spread=0.0)
    assert cast.latency("bob") == Latency()
    assert population.clock == "virtual"
    assert read_population(tmp_path / "again.toml") == population


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("latency = { medain = 2.0 }", "did you mean 'median'?"),
        ("latency = { median = 0 }", "Expected `float` > 0"),
        ("latency = { median = inf }", "Expected `float` <= 86400"),
        ("latency = { median = nan }", "Expected `float`"),
        ("latency = { spread = -1 }", "Expected `float` >= 0"),
        ("latency = { spread = 4 }", "Expected `float` <= 3"),
        ("latency = 2.0", "Expected `object`"),
    ],
)
def test_what_is_no_latency_is_refused(tmp_path: Path, said: str, words: str) -> None:
    """With what would be one, and where it stands."""
    file = tmp_path / "p.toml"
    file.write_text(f"{FILE}[[seats]]\ncount = 4\n{said}\n")

    with pytest.raises(UsageError, match="latency") as error:
        read_population(file)
    assert words in str(error.value)


def test_there_are_two_clocks(tmp_path: Path) -> None:
    """And no third."""
    file = tmp_path / "p.toml"
    file.write_text(f'clock = "sun"\n{FILE}')

    with pytest.raises(UsageError, match=r"'sun' - at `\$\.clock`"):
        read_population(file)


def test_a_turned_member_keeps_its_own() -> None:
    """Only whoever comes has a latency that an injection says."""
    turned = Injection(
        surface="compromise", mind="silence", latency=Latency(median=1.0)
    )

    with pytest.raises(UsageError, match="latency is for participants"):
        Cast(Population(scenario="cocktail-party", inject=(turned,)))
