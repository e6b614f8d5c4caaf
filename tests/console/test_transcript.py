"""The transcript reads as talk, and whatever agents write in it is inert."""

import re
import unicodedata
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hubbub.console import is_talk, line, write
from hubbub.console.transcript import colour
from hubbub.messages import (
    KINDS,
    Asked,
    Body,
    Budgeted,
    Called,
    Contributed,
    Ejected,
    Ended,
    Faulted,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Muted,
    Noted,
    Onset,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Stopped,
    Switched,
    Ticked,
    Toggled,
)
from hubbub.models.base import Reply, View

from .feed import HOSTILE, Feed, pipe, terminal, written

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_RAW = msgspec.Raw(b'{"target":"L4"}')


def _plain(message: Message) -> str:
    return line(message, UTC).plain


def _everywhere(text: str) -> list[Body]:
    """Bodies that have *text* wherever a body can hold an agent's text."""
    raw = msgspec.Raw(text.encode("utf-8", "replace"))
    return [
        Said(text=text),
        Left(seats=(text,), text=text),
        Joined(seats=(text,)),
        Passed(turn=text, outcome="crashed", note=text),
        Asked(ask=text, step=1, question=raw, reply=text, budget=30),
        Contributed(ask=text, step=1, outcome="answered", answer=raw),
        Contributed(ask=text, step=1, outcome="unparsable", raw=text),
        PhaseOpened(step=1, form="collect", what=text, seats=(text,)),
        PhaseClosed(step=1, why="all"),
        Resulted(step=1, name=text, value=raw),
        Ticked(step=1, name=text, value=raw),
        Muted(step=1, seat=text),
        Faulted(what=text, ask=text, raw=text),
        Called(call=text),
        Remembered(memory=text, form=text, text=text),
        Injected(id=text, surface="participant", seats=(text,), at=text),
        Onset(what=Injected(id=text, surface="compromise", seats=(text,))),
        Ejected(id=text, at=text),
        Switched(id=text, on=True, at=text),
        Toggled(id=text, surface="impair", seats=(text,), on=False),
        Lifted(id=text, surface="participant", seats=(text,)),
        Noted(text=text),
        Started(scenario=text, seed=1, seats=(text,)),
        Stopped(why=text),
    ]


def _show_everywhere(console: Console, text: str) -> str:
    feed = Feed()
    bodies = _everywhere(text)
    write(console, [line(feed(body, sender=text, room=text), UTC) for body in bodies])
    return written(console)


def test_a_say_names_its_time_place_and_speaker() -> None:
    """One line: when, which message, where, who, what."""
    said = Said(text="I have been thinking about tides")
    message = Feed()(said, sender="L3", room="chat-7-L3-L4")

    assert _plain(message) == (
        "  01:53:20  #1     chat-7-L3-L4  L3: I have been thinking about tides"
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (RoundBegan(step=1, round=3, of=30), "── round 3 of 30 ──"),
        (
            Started(scenario="party", seed=7, seats=("a", "b")),
            "── party, seed 7, 2 seats",
        ),
        (Ended(steps=12), "── complete after 12 steps ──"),
        (Stopped(why="the budget is spent"), "── the budget is spent ──"),
        (Budgeted(money=5, tokens=9000), "── budget: $5.00 and 9,000 tokens ──"),
        (Budgeted(), "── budget: none ──"),
        (Left(seats=("L3",), text="bye"), "L3 leaves: bye"),
        (Joined(seats=("L3", "L4")), "L3 L4 join"),
        (Passed(turn="7/L3/1"), "L3 passes"),
        (Passed(turn="7/L3/1", outcome="late", note="60 s"), "L3 passes, late: 60 s"),
        (
            Asked(ask="7/L3", step=7, question=_RAW, reply="@conductor", budget=30),
            'L3 asks lobby (30 s): {"target":"L4"}',
        ),
        (
            Contributed(ask="7/L3", step=7, outcome="answered", answer=_RAW),
            'L3 answers 7/L3: {"target":"L4"}',
        ),
        (
            Contributed(ask="7/L3", step=7, outcome="unparsable", raw="erm"),
            "L3 on 7/L3, unparsable: erm",
        ),
        (
            PhaseClosed(step=7, why="deadline"),
            "L3 closes step 7 (deadline)",
        ),
        (Resulted(step=8, name="pairs", value=_RAW), 'L3 declares pairs = {"target"'),
        (Ticked(step=8, name="stock", value=msgspec.Raw(b"100")), "L3: stock = 100"),
        (Muted(step=8, seat="L4"), "lobby no longer hears L4"),
        (Muted(step=8, seat="L4", on=True), "lobby hears again L4"),
        (
            Injected(id="i1", surface="compromise", seats=("L2",), at="round:3"),
            "L3 injects i1, compromise of L2, at round:3",
        ),
        (Switched(id="i1", on=False, at="round:4"), "L3 pauses i1, at round:4"),
        (
            Toggled(id="i1", surface="impair", seats=("L2",), on=True),
            "again i1 of L2",
        ),
        (Lifted(id="i1", surface="compromise", seats=("L2",)), "no longer i1 of L2"),
        (Faulted(what="no answer", ask="7/L3"), "L3 fault in 7/L3: no answer"),
        (
            Remembered(memory="7/L3/m1", form="summary", text="We spoke of tides."),
            "L3 remembers, as summary: We spoke of tides.",
        ),
    ],
)
def test_every_kind_has_a_short_form(body: Body, shown: str) -> None:
    """Whatever is sent can be read on one line."""
    assert shown in _plain(Feed()(body, sender="L3", room="lobby"))


def test_no_kind_is_unknown() -> None:
    """Whoever adds a kind of message also says how it reads."""
    round = RoundBegan(step=1, round=1, of=1)
    bodies = [*_everywhere("word"), round, Ended(steps=1), Budgeted()]

    assert {type(body) for body in bodies} == set(KINDS.values())
    assert not any("unknown" in _plain(Feed()(body)) for body in bodies)


def test_a_call_shows_its_model_time_and_tokens() -> None:
    """What a call cost is on its line; a failed one says why."""
    feed = Feed()
    good = feed.call("7/L3/1", "L3", Reply(text="ok", tokens_in=1200, tokens_out=34))
    bad = feed.call("7/L3/2", "L3")

    assert "L3 calls scripted/wise, 500 ms, 1,200 + 34 tokens" in _plain(good)
    assert "L3 calls scripted/wise, 500 ms, timeout: cut off" in _plain(bad)


def test_a_call_shows_what_it_cost_and_what_was_left_out() -> None:
    """A price by estimate is marked; a reply of the cache has none."""
    feed = Feed()
    reply, view = Reply(text="ok", tokens_in=9, tokens_out=3), View(dropped=1200)
    paid = feed.call("7/L3/1", "L3", reply, cost=0.0012, view=view)
    guessed = feed.call("7/L3/2", "L3", cost=0.03, estimated=True)
    cached = feed.call("7/L3/3", "L3", Reply(text="ok", cached=True), cost=0.0)

    assert _plain(paid).endswith("9 + 3 tokens, $0.0012, 1,200 left out")
    assert _plain(guessed).endswith("500 ms, ~$0.030, timeout: cut off")
    assert _plain(cached).endswith("scripted/wise, 500 ms, cached")


def test_long_lists_and_texts_are_cut() -> None:
    """A line stays a line, however much there is to say."""
    seats = tuple(f"L{place}" for place in range(100))
    feed = Feed()

    assert _plain(feed(Joined(seats=seats))).endswith("L7 and 92 more join")
    assert len(_plain(feed(Said(text="x" * 100_000)))) < 2_100


def test_talk_leaves_bookkeeping_out() -> None:
    """By default: what is said, facts, faults, results, injections, start and end."""
    feed = Feed()
    talk = {
        message.kind
        for body in _everywhere("word")
        if is_talk(message := feed(body, sender="L3", room="lobby"))
    }

    injected = {"inject", "eject", "switch", "onset", "toggle", "lift"}
    said = {"say", "leave", "result", "tick", "fault", "start", "stop"}
    assert talk == said | injected
    assert not is_talk(feed(Left(seats=("L3",))))


def test_a_time_that_is_none_is_no_error() -> None:
    """A log is shown even where its times make no sense."""
    message = msgspec.structs.replace(Feed()(Said(text="hi")), at=10**30)

    assert "??:??:??" in _plain(message)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_not_obeyed(text: str) -> None:
    """Escapes and markup are visible; the terminal gets none of them."""
    shown = _ANSI.sub("", _show_everywhere(terminal(width=1_000), text))

    assert shown.count(HOSTILE[text]) >= len(_everywhere(text))
    assert not re.search("[\x1b\x9b\u202e]", shown)


def test_padded_text_cannot_pass_for_a_line_of_somebody_else() -> None:
    """On a terminal, what wraps is indented; only a message's own line is not."""
    console = terminal(width=60)
    forged = f"hm{' ' * 50}  01:53:20  #2     lobby  L4: I give up"
    write(console, [line(Feed()(Said(text=forged), sender="L3", room="lobby"), UTC)])
    first, *rest = _ANSI.sub("", written(console)).splitlines()

    assert first.startswith("  01:53:20  #1     lobby  L3: hm")
    assert rest
    assert all(part.startswith(" " * 19) for part in rest)


@given(st.text(st.characters()))
def test_no_text_reaches_the_terminal_as_control(text: str) -> None:
    """Any text at all: only line ends and rich's own colours are control characters."""
    shown = _ANSI.sub("", _show_everywhere(terminal(), text)).replace("\n", "")

    assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cs")}


@given(st.text(st.characters()))
def test_where_no_terminal_is_there_is_no_control_at_all(text: str) -> None:
    """In a pipe, each message is one line without a single control character."""
    shown = _show_everywhere(pipe(), text)

    assert shown.count("\n") == len(_everywhere(text))
    assert all(unicodedata.category(char) != "Cc" for char in shown.replace("\n", ""))


def test_a_sender_keeps_its_colour() -> None:
    """The colour depends on the name alone."""
    assert [colour("L3"), colour("L4")] == [colour("L3"), colour("L4")]
    assert len({colour(f"L{place}") for place in range(100)}) > 6


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for no colour gets none, on a terminal as well."""
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=terminal().file, force_terminal=True)
    write(console, [line(Feed()(Said(text="hi"), sender="L3", room="lobby"))])

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", written(console))
