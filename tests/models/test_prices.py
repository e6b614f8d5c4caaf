"""What models cost: the table that comes with Hubbub, and the user's own over it."""

from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.models.base import Prompt, Reply, Request, Sampling
from hubbub.models.catalogue import SERVERS
from hubbub.models.prices import (
    BYTES,
    FRAME,
    cost,
    find_prices,
    most_tokens,
    read_prices,
    tokens_of,
)
from hubbub.terms import NANO, Price

REQUEST = Request(
    model="a/b",
    prompts=(Prompt("system", "x" * 30), Prompt("user", "é" * 15)),
    sampling=Sampling(max_tokens=50),
)


def written(folder: Path, *entries: str) -> Path:
    """A price file with *entries*, each ``NAME INPUT``; replies cost twice as much."""
    path = folder / "prices.toml"
    lines: list[str] = []
    for entry in entries:
        name, price = entry.split()
        lines.append(f'["{name}"]\ninput = {price}\noutput = {2 * float(price)}\n')
    path.write_text("\n".join(lines))
    return path


def test_what_comes_with_hubbub_says_when_it_was_so() -> None:
    """Prices age: the file has the day on which they were looked up, and where."""
    text = (resources.files("hubbub.models") / "prices.toml").read_text()
    day = next(w for w in text.split() if w.startswith("20")).rstrip(".")

    assert date.fromisoformat(day).year >= 2026
    assert "developers.openai.com" in text
    assert "platform.claude.com" in text


def test_known_models_have_their_price() -> None:
    """A dated snapshot has its model's; what nobody knows has none."""
    names = ["openai/gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "openai/gpt-0"]
    names += ["anthropic/claude-haiku-4-5-20251001"]

    assert find_prices(names) == {
        names[0]: Price(input=0.15, output=0.60),
        names[1]: Price(input=0.15, output=0.60),
        names[3]: Price(input=1.0, output=5.0),
    }


def test_ones_own_machine_is_free() -> None:
    """As are models that are none; who sells costs something, known or not."""
    for provider in {*SERVERS, "local", "scripted"} - {"openai", "openrouter"}:
        if provider != "anthropic":
            found = find_prices([f"{provider}/any:thing"])
            assert found == {f"{provider}/any:thing": Price(input=0, output=0)}
    assert find_prices(["openrouter/x", "mylab/x"]) == {}


def test_the_users_file_goes_over_ours(tmp_path: Path) -> None:
    """Also where it says less exactly which model it means, and for a free one."""
    file = written(tmp_path, "openai/* 7", "ollama/dear 3")
    found = find_prices(["openai/gpt-4o-mini", "ollama/dear", "ollama/x"], file)

    assert [price.input for price in found.values()] == [7, 3, 0]


def test_the_longest_name_counts(tmp_path: Path) -> None:
    """And a whole one before any that ends in a star."""
    file = written(tmp_path, "* 1", "a/* 2", "a/b* 3", "a/bc 4")
    found = find_prices(["z/z", "a/x", "a/bd", "a/bc"], file)

    assert [price.input for price in found.values()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("input = 1", "Expected `object`"),
        ('["a/b"]\ninput = 1', "missing required field `output`"),
        ('["a/b"]\ninput = -1\noutput = 1', ">= 0.0"),
        ('["a/b"]\ninput = nan\noutput = 1', ">= 0.0"),
        ('["a/b"]\ninput = inf\noutput = 1', "<= 1000000.0"),
        ('["a/b"]\ninput = "1"\noutput = 1', "Expected `float`"),
        ('["a/b"]\ninput = 1\noutput = 1\ncached = 1', "unknown field `cached`"),
        ("[", "Invalid"),
        ("[" * 5_000, ""),
        ("\x00", ""),
    ],
)
def test_what_is_no_price_file_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    """The message says what is wrong with it and what a price looks like."""
    path = tmp_path / "prices.toml"
    path.write_text(text)

    with pytest.raises(UsageError) as refused:
        read_prices(path)
    assert words.lower() in str(refused.value).lower()
    assert 'a price looks like ["provider/model"]' in str(refused.value)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, no text, too much of it."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"#" * ((1 << 20) + 1))

    for name in ("nothing", ".", "binary", "large"):
        with pytest.raises(UsageError, match=str(tmp_path)):
            read_prices(tmp_path / name)


def test_money_is_counted_in_whole_nano_dollars() -> None:
    """A million tokens cost what the price says, and one a millionth of it."""
    price = Price(input=0.15, output=0.6)

    assert cost(price, 1_000_000, 0) == 15 * NANO // 100
    assert cost(price, 1, 1) == 750
    assert cost(Price(input=1_000_000, output=0), 1, 0) == NANO
    assert cost(Price(input=0, output=0), 10**9, 10**9) == 0


def test_tokens_are_reckoned_from_bytes() -> None:
    """For each prompt its bytes and its frame, for the reply the most there may be."""
    assert most_tokens(REQUEST) == (2 * (30 // BYTES + FRAME), 50)


def test_a_schema_takes_tokens() -> None:
    """Servers show it to the model."""
    with_schema = Request(model="a/b", prompts=(), schema={"type": "object"})

    assert most_tokens(with_schema)[0] == 6


@pytest.mark.parametrize(
    ("reply", "tokens"),
    [
        (Reply(text="x" * 9, tokens_in=7, tokens_out=5), (7, 5, False)),
        (Reply(text="x" * 9, tokens_in=7), (7, 3, True)),
        (Reply(text="x" * 9, tokens_out=5), (36, 5, True)),
        (Reply(text="\ud800" * 3), (36, 3, True)),
        (Reply(text="", tokens_in=0, tokens_out=0), (0, 0, False)),
    ],
)
def test_what_a_server_does_not_count_is_reckoned(
    reply: Reply, tokens: tuple[int, int, bool]
) -> None:
    """Each of the two for itself, and it is said that it was."""
    assert tokens_of(REQUEST, reply) == tokens
