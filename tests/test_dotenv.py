"""``.env``: what a command reads at its start, and what it does with a bad one."""

from pathlib import Path

import pytest

from hubbub.cli import main
from hubbub.cli.dotenv import MAX_FILE, read_dotenv
from hubbub.errors import UsageError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(here: Path, text: str | bytes, **environment: str) -> dict[str, str]:
    """*environment* after a ``.env`` with *text* was read."""
    content = text.encode() if isinstance(text, str) else text
    (here / ".env").write_bytes(content)
    read_dotenv(environment)
    return environment


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=sk-$x${HOME}#y", "sk-$x${HOME}#y"),
        ("A='$x # y' # z", "$x # y"),
        ('A="$x\\ty" # z', "$x\ty"),
        ("  export A = x y # z", "x y"),
        ("\ufeffA=x\r\n", "x"),
        ("A=", ""),
        ("A=1\nA=2", "2"),
    ],
)
def test_a_value_is_taken_as_it_stands(here: Path, line: str, value: str) -> None:
    """Without quotes and comments; a dollar sign is a dollar sign."""
    assert read(here, line) == {"A": value}


def test_the_environment_goes_first(here: Path) -> None:
    """Also where it has a variable without a value."""
    assert read(here, "A=1\nB=2\nC=3", A="x", B="") == {"A": "x", "B": "", "C": "3"}


@pytest.mark.parametrize("own", ["LAB_API_KEY", "LAB_API_KEY_FILE"])
def test_a_key_and_the_file_of_a_key_are_one(here: Path, own: str) -> None:
    """A file would go before a key: so the one that is not in the environment is left."""
    both = "LAB_API_KEY=sk\nLAB_API_KEY_FILE=file\n"

    assert read(here, both, **{own: "x"}) == {own: "x"}
    assert set(read(here, both)) == {"LAB_API_KEY", "LAB_API_KEY_FILE"}


def test_another_file_may_be_named(here: Path) -> None:
    """Or none at all."""
    (here / "mine").write_text("A=mine")

    assert read(here, "A=1", HUBBUB_DOTENV="mine")["A"] == "mine"
    assert "A" not in read(here, "A=1", HUBBUB_DOTENV="")


def test_the_folder_above_is_not_ours(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was written for something else."""
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")

    assert read(here, "A=1") == {}


def test_a_folder_is_no_file(here: Path) -> None:
    """Some keep their virtual environment under that name."""
    (here / ".env").mkdir()
    environment: dict[str, str] = {}
    read_dotenv(environment)

    assert environment == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("A=1\n\n\nsk-secret sk-secret\n", "line 4 is no NAME=value"),
        ("A='sk-secret\n", "line 1 is no NAME=value"),
        ("A=1\n\n'A B'=sk-secret", "line 3 is no NAME=value"),
        ("A=sk-secret\0", "line 1 is no NAME=value"),
        (b"A=1\nB=\xe9", "byte 6 is not UTF-8"),
        (b"A=" + b"x" * MAX_FILE, "over 65,536 bytes"),
    ],
    ids=["words", "quote", "name", "nul", "latin", "huge"],
)
def test_a_file_that_is_none_says_where(
    here: Path, content: str | bytes, why: str
) -> None:
    """What it says there is not told: it may be a key."""
    with pytest.raises(UsageError) as caught:
        read(here, content)

    assert str(caught.value).startswith(f".env: {why}: mend it, or set HUBBUB_DOTENV")


def test_a_named_file_must_be_there(here: Path) -> None:
    """It was meant."""
    with pytest.raises(UsageError, match="gone: No such file"):
        read_dotenv({"HUBBUB_DOTENV": "gone"})


def test_options_are_read_from_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is read before the command line is."""
    for name in ("HUBBUB_MIND", "HUBBUB_RUNS"):
        # So that what is read here is forgotten afterwards.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (here / ".env").write_text("HUBBUB_MIND=nobody\nHUBBUB_RUNS=elsewhere")

    for command in (["run", "open-room"], ["show"]):
        with pytest.raises(SystemExit, match="2"):
            main(command)
    words = capsys.readouterr().err

    assert "unknown mind 'nobody'" in words
    assert "there is no run in elsewhere/" in words
