"""The live view shows a run, never lags behind it and never slows it."""

import json
import re
import sys
from collections.abc import Iterable
from io import StringIO

import pytest
from rich.console import Console

from hubbub.console import LiveView
from hubbub.console.live import LINES, SHARE
from hubbub.messages import (
    Budgeted,
    Ended,
    Faulted,
    Joined,
    Message,
    RoundBegan,
    Said,
    Started,
)
from hubbub.models.base import Reply

from .feed import HOSTILE, Feed, pipe, terminal, written


def _run(feed: Feed) -> list[Message]:
    return [
        feed(Started(scenario="party", seed=7, seats=("L1", "L2"))),
        feed(RoundBegan(step=1, round=3, of=30)),
        feed(Joined(seats=("L1", "L2")), room="chat-2-L1-L2"),
        feed.chat(2, "L1", "L2"),
        feed(Said(text="hello", turn="2/L1/1"), sender="L1", room="chat-2-L1-L2"),
    ]


def _show(view: LiveView, messages: Iterable[Message]) -> None:
    for message in messages:
        view.show(message)


def test_in_a_pipe_there_are_transcript_lines_only() -> None:
    """No panel, no colour, no cursor movement: lines of talk."""
    console = pipe()
    with LiveView("party-1", console=console) as view:
        _show(view, _run(Feed()))
        view.tick(0.0)
    shown = written(console).splitlines()

    assert shown[:2] == ["── party, seed 7, 2 seats ──", "── round 3 of 30 ──"]
    assert shown[2].endswith("L1: hello")
    assert len(shown) == 3


def test_verbose_shows_the_bookkeeping_too() -> None:
    """With verbose, every message is a line."""
    console = pipe()
    with LiveView("party-1", console=console, verbose=True) as view:
        _show(view, _run(Feed()))

    assert len(written(console).splitlines()) == 5


def test_the_panel_says_where_the_run_is() -> None:
    """On a terminal: name, round, who talks with whom, rate, outcomes, how to stop."""
    console = terminal()
    with LiveView("party-1", console=console) as view:
        view.tick(10.0)
        _show(view, _run(Feed()))
        view.show(Feed()(Faulted(what="x")))
        view.tick(72.0)
    shown = written(console)

    for part in ("party-1", "3 of 30", "step 2, chat", "L1 with L2", "6, 1 said, 0/s"):
        assert part in shown
    for part in ("answered 1", "faults 1", "0:01:02", "Ctrl-C stops; the run can be"):
        assert part in shown


def test_the_panel_says_what_was_spent_and_of_how_much() -> None:
    """With a model or a budget there is a line of money; without, there is none."""
    console, feed = terminal(), Feed()
    with LiveView("party-1", console=console) as view:
        view.tick(0.0)
        assert "spent" not in written(console)
        view.show(feed(Budgeted(money=5.0)))
        view.show(feed.call("1/L1/1", "L1", Reply(text="ok"), cost=0.25))
        view.tick(9.0)

    assert "$0.25 of $5.00 for 1 call" in written(console)


def test_the_first_failure_of_each_kind_is_seen() -> None:
    """Who is watching need not wait for the end to learn that every call fails."""
    console, feed = pipe(), Feed()
    with LiveView("party-1", console=console) as view:
        _show(view, (feed.call(f"{n}/L1/1", "L1") for n in range(9)))
        view.show(feed.call("9/L1/1", "L1", error="auth", detail="HTTP 401"))
    shown = written(console).splitlines()

    assert [line.rpartition(", ")[2] for line in shown] == [
        "timeout: cut off",
        "auth: HTTP 401",
    ]


def test_the_terminal_is_given_back() -> None:
    """After the view has closed, the cursor is shown again, even after an error."""
    console = terminal()
    with pytest.raises(KeyboardInterrupt), LiveView("party-1", console=console):
        raise KeyboardInterrupt

    assert written(console).rindex("\x1b[?25h") > written(console).rindex("\x1b[?25l")


def test_a_flood_is_cut_and_says_so() -> None:
    """Of more lines than a tick can show, the last ones are shown, the rest counted."""
    console = pipe()
    feed = Feed()
    with LiveView("party-1", console=console) as view:
        _show(view, (feed(Said(text=f"{n}"), sender="L1") for n in range(LINES + 412)))
        view.tick(0.0)
    shown = written(console).splitlines()

    assert shown[0] == "… 412 more lines, see the log"
    assert shown[-1].endswith(f"L1: {LINES + 411}")
    assert len(shown) == LINES + 1


def test_a_slow_terminal_does_not_hold_up_the_run() -> None:
    """While `tick` is still writing, `show` takes messages in; the next draw has them."""
    feed = Feed()

    class Slow(StringIO):
        def write(self, text: str) -> int:
            if self.tell() == 0:
                view.show(feed(Said(text="meanwhile"), sender="L2"))
            return super().write(text)

    console = Console(file=Slow(), width=80, _environ={})
    with LiveView("party-1", console=console) as view:
        view.show(feed(Said(text="hi"), sender="L1"))
        view.tick(0.0)

    assert [row[-13:] for row in written(console).splitlines()][1] == "L2: meanwhile"


def test_drawing_takes_a_bounded_share_of_the_time() -> None:
    """When a drawing takes 50 ms, five seconds have no more than `SHARE` allows."""
    times = iter(range(1_000))
    console = pipe()
    feed = Feed()
    view = LiveView("party-1", console=console, clock=lambda: next(times) * 0.05)
    for tick in range(50):
        view.show(feed(Said(text="hi"), sender="L1"))
        view.tick(tick * 0.1)

    drawn = next(times) // 2
    assert 2 < drawn <= 5.0 * SHARE / 0.05 + 1


def test_what_is_left_is_shown_at_the_end() -> None:
    """Closing the view shows what no tick has shown."""
    console = pipe()
    with LiveView("party-1", console=console) as view:
        view.show(Feed()(Ended(steps=3)))

    assert written(console) == "── complete after 3 steps ──\n"


def test_json_gives_events_to_programs_and_words_to_people() -> None:
    """JSON lines where they are wanted, and the transcript elsewhere."""
    console, out = pipe(), StringIO()
    with LiveView("party-1", console=console, json=out) as view:
        _show(view, _run(Feed()))
    start, began = map(json.loads, out.getvalue().splitlines())

    assert start == {
        "event": "start",
        "run": "party-1",
        "scenario": "party",
        "seed": 7,
        "seats": 2,
        "seq": 1,
    }
    assert began == {"event": "round", "round": 3, "of": 30, "seq": 2}
    assert "L1: hello" in written(console)


def test_with_json_words_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays the program's own."""
    with LiveView("party-1", json=StringIO()) as view:
        view.show(Feed()(Ended(steps=3)))
    out, err = capsys.readouterr()

    assert (out, err) == ("", "── complete after 3 steps ──\n")


def test_with_json_the_panel_leaves_stdout_alone() -> None:
    """What the program prints while a panel is up goes to its own output."""
    before = sys.stdout
    with LiveView("party-1", console=terminal(), json=StringIO()):
        during = sys.stdout

    assert during is before


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_inert_in_the_panel(text: str) -> None:
    """A seat's, a run's or a scenario's name is text on the panel, never more."""
    console = terminal(width=200)
    feed = Feed()
    with LiveView(text, console=console) as view:
        view.show(feed(Started(scenario=text, seed=1, seats=(text, "L2"))))
        view.show(feed.chat(1, text, "L2"))
        view.tick(0.0)
    shown = re.sub(r"\x1b\[(\?25[lh]|[0-9;]*[mAK])", "", written(console))

    assert shown.count(HOSTILE[text]) >= 3
    assert not re.search("[\x1b\x9b\u202e]", shown)
