"""An interview is of a copy, which has heard what its seat had, and changes nothing."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from hubbub.errors import UnknownName, UsageError
from hubbub.folder import RunFolder
from hubbub.interview import Answer, interview
from hubbub.log import read_log
from hubbub.population import Cast
from hubbub.tape import LogTape

from .test_cli import (
    Hubbub,
    _fresh,  # pyright: ignore[reportPrivateUsage]
    finish,
    hubbub,
    serving,
    start,
)
from .test_fork import digests, place, source
from .test_inject_command import SLOW

__all__ = ["_fresh", "hubbub", "source"]


SHORT = (
    *("run", "cocktail-party", "--agents", "3", "--mind", "slow.py", "--out", "x"),
    *("--set", "rounds=2", "--set", "turns=2", "--json"),
)


async def ask(
    folder: RunFolder, seat: str, *questions: str, **said: str
) -> list[Answer]:
    """What copies of *seat* answer."""
    with closing(LogTape(folder.log, folder.calls)) as tape:
        cast = Cast(folder.population())
        return await interview(
            cast,
            tape,
            seat,
            questions,
            at=said.get("at", ""),
            model=said.get("model", ""),
        )


def heard(answer: Answer) -> list[int]:
    """The messages that a model was shown which has said again what it was shown."""
    lines = [line for line in answer.text.splitlines() if line.startswith('{"n":')]
    return [json.loads(line)["n"] for line in lines]


async def test_nothing_of_the_run_is_touched(source: RunFolder) -> None:
    """Not a byte of a file, and there is no file more."""
    before = digests(source)
    [answer] = await ask(source, "L1", "What do you think?")

    assert (answer.outcome, answer.seq) == ("answered", source.manifest.messages)
    assert digests(source) == before


async def test_a_copy_has_heard_what_its_seat_had(source: RunFolder) -> None:
    """Up to the event, and that included, from its own rooms alone."""
    at = place(source, lambda m: m.kind == "say" and "L1" in m.room)
    room = next(m.room for m in read_log(source.log) if m.seq == at)
    words = ("What now?",)
    [then] = await ask(source, "L1", *words, at=f"seq:{at}", model="scripted/echo")
    [before] = await ask(
        source, "L1", *words, at=f"seq:{at - 1}", model="scripted/echo"
    )

    assert heard(then) == [*heard(before), at]
    assert room in then.text
    assert "What now?" in then.text


async def test_copies_know_nothing_of_each_other(source: RunFolder) -> None:
    """Each answers as if it alone were asked, whatever the others are."""
    both = await ask(source, "L1", "one", "two", model="scripted/legal")
    alone = [
        *await ask(source, "L1", "one", model="scripted/legal"),
        *await ask(source, "L1", "two", model="scripted/legal"),
    ]

    assert [a.text for a in both] == [a.text for a in alone]
    assert both[0].text != both[1].text


async def test_a_turned_seat_is_asked_as_it_was_turned(source: RunFolder) -> None:
    """One that was silenced passes, from the event on that it is."""
    turned = place(source, lambda m: m.kind == "onset" and "L2" in str(m.body))
    [before] = await ask(source, "L2", "well?", at=f"seq:{turned - 1}")
    [after] = await ask(source, "L2", "well?", at=f"seq:{turned}")

    assert (before.outcome, after.outcome) == ("answered", "passed")


async def test_who_came_is_known_from_then_on(source: RunFolder) -> None:
    """Adversaries are asked like everybody, and nobody is before he is there."""
    came = place(source, lambda m: m.kind == "onset" and "L5" in str(m.body))
    [answer] = await ask(source, "L5", "and you?", model="scripted/legal")

    assert answer.outcome == "answered"
    with pytest.raises(UnknownName, match=f"unknown seat at seq {came - 1} 'L5'"):
        await ask(source, "L5", "and you?", at=f"seq:{came - 1}")
    with pytest.raises(UsageError, match="nothing in the log meets round:9"):
        await ask(source, "L1", "when?", at="round:9")


async def test_a_model_is_really_called(source: RunFolder) -> None:
    """Once a question, with what is recorded of any call, and a price."""
    [answer] = await ask(source, "L1", "Who are you?", model="scripted/legal")
    [call] = answer.calls

    assert call.request.model == "scripted/legal"
    assert call.reply is not None
    assert call.reply.text == answer.text
    assert call.cost == 0.0


def test_the_command_tells_answers_and_costs(hubbub: Hubbub, source: RunFolder) -> None:
    """One line of JSON a question; words on stdout, the bill on stderr."""
    run, legal = str(source.path), ("--model", "scripted/legal")
    one, two = hubbub("ask", run, "L1", "a", "b", *legal, "--json").lines()
    said = hubbub("ask", run, "L1", "a", *legal)

    assert (one["question"], two["question"]) == ("a", "b")
    assert (one["outcome"], one["calls"], one["cost"]) == ("answered", 1, 0.0)
    assert said.out == f"L1 at {one['seq']}: {one['text']}\n"
    assert "$0" in said.err


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("ask x L5 hm?", 3, "has no words for this: have a model answer"),
        ("ask x L9 hm?", 2, "unknown seat"),
        ("ask x L1 hm? --at later", 2, "is no trigger"),
        ("ask x L1 hm? --model scripted/x", 2, "unknown script 'x'"),
        ("ask x L1 hm? --model openai/x", 2, "needs a key"),
        ("ask x L1", 2, "Missing argument"),
        ("ask y L1 hm?", 2, "y is not a run folder"),
    ],
)
def test_what_has_no_answer_says_why(
    hubbub: Hubbub, source: RunFolder, tmp_path: Path, words: str, code: int, why: str
) -> None:
    """The seat in the source that was injected is silent."""
    (tmp_path / "x").symlink_to(source.path)
    done = hubbub(*words.split())

    assert (done.code, why in done.err) == (code, True), done.err


def test_a_run_that_goes_on_is_not_disturbed(hubbub: Hubbub, tmp_path: Path) -> None:
    """Its seats are asked as far as the run has come, by the folder or on a server."""
    (tmp_path / "slow.py").write_text(SLOW)
    with serving() as url:
        run = start(*SHORT, "--redis", url, cwd=tmp_path)
        assert run.stdout is not None
        first = next(json.loads(line) for line in run.stdout)
        assert any('"round"' in line for line in run.stdout)
        there = hubbub("ask", first["run"], "L1", "hm?", "--redis", url, "--json")
        here = hubbub("ask", "x", "L1", "hm?", "--at", "seq:1", "--json")

        assert finish(run).code == 0
    assert there.lines()[0]["outcome"] == here.lines()[0]["outcome"] == "answered"
    assert hubbub("verify", "x").code == hubbub("replay", "x").code == 0
