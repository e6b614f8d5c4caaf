"""The page about a run says what the picture knows, and nothing in it is alive."""

import json
import re

import pytest

from hubbub.console import Picture, show, summary
from hubbub.console.failures import failures
from hubbub.console.tables import bill, parsing
from hubbub.messages import Budgeted, Contributed, Said, Started, Stopped
from hubbub.models.base import Reply, View

from .feed import HOSTILE, Feed, terminal, written


def _picture(*seats: str) -> Picture:
    """A run in which the first two of *seats* did something."""
    feed, picture = Feed(), Picture()
    first, second, *_ = seats
    answer = Contributed(ask=f"1/{first}", step=1, outcome="answered")
    for message in (
        feed(Started(scenario="party", seed=7, seats=seats)),
        feed.collect(1),
        feed.call(f"1/{first}/1", first, Reply(text="ok", tokens_in=9, tokens_out=3)),
        feed(answer, sender=first, room="@conductor"),
        feed.close(1),
        feed.chat(2, first, second),
        feed(Said(text="hello", turn=f"2/{first}/1"), sender=first, room="chat"),
    ):
        picture.apply(message)
    return picture


def _page(picture: Picture, run: str = "party-1") -> str:
    console = terminal(width=160)
    console.print(show(picture, run))
    return re.sub(r"\x1b\[[0-9;]*m", "", written(console))


def test_the_page_has_everything() -> None:
    """Header, members, phases, outcomes, who talked with whom, calls."""
    page = _page(_picture("L1", "L2"))

    for part in ("party-1", "party, seed 7", "unfinished", "members", "phases"):
        assert part in page
    for part in ("outcomes", "who talked with whom", "calls", "scripted/wise"):
        assert part in page


def test_a_small_group_is_a_matrix_and_a_large_one_a_list() -> None:
    """Up to twenty seats are rows and columns; of more, the pairs that talked."""
    small = _page(_picture(*(f"L{n}" for n in range(20))))
    large = _page(_picture(*(f"L{n}" for n in range(21))))

    assert small.count("·") == 20 * 20 - 2
    assert "·" not in large


def test_long_names_do_not_break_the_matrix() -> None:
    """Where names are long, the columns are numbered and the rows say by whom."""
    page = _page(_picture("professor-longname", "doctor-longname"))

    assert "1 professor-longname" in page


def test_many_members_are_counted() -> None:
    """A page does not run on for ever."""
    page = _page(_picture(*(f"L{n}" for n in range(1_000))))

    assert "and 960 more" in page
    assert page.count("\n") < 100


def test_the_page_tells_what_was_spent() -> None:
    """Per model, phase and seat, and of what budget; what is not known is not nothing."""
    picture, feed = _picture("L1", "L2"), Feed()
    reply = Reply(text="ok", tokens_in=1000, tokens_out=50)
    picture.apply(feed(Budgeted(money=5.0)))
    picture.apply(feed.call("2/L2/1/1", "L2", reply, cost=0.0123, estimated=True))
    page = _page(picture)

    assert "~$0.012 + unknown of $5.00 for 2 calls, 1,009 tokens in and 53 out" in page
    for place in (
        "spent by model",
        "spent by phase",
        "collect Invite",
        "spent by seat",
    ):
        assert place in page
    assert "estimated in part" in page


def test_the_page_tells_what_was_left_out() -> None:
    """How often a model did not see everything, only where that was so."""
    picture, view = _picture("L1", "L2"), View(dropped=7)
    assert "left out" not in _page(picture)
    picture.apply(Feed().call("2/L2/1/1", "L2", Reply(text="ok"), view=view))

    assert "left out" in _page(picture)


def test_the_page_tells_why_calls_have_failed() -> None:
    """By model and kind, with what the first one said."""
    picture = _picture("L1", "L2")
    assert "failed calls" not in _page(picture)
    for number in (2, 3):
        picture.apply(Feed().call(f"{number}/L1/1", "L1"))

    assert re.search(r"scripted/wise +timeout +cut off +2", _page(picture))


def test_why_calls_have_failed_in_words_that_help() -> None:
    """A line for each kind, with a mend where there is one."""
    picture, feed = Picture(), Feed()
    for kind in ("rate_limit", "server"):
        call = feed.call("1/L1/1", "L1", error=kind, detail="HTTP 429")
        picture.apply(call)
    limited, broken = failures(picture)

    assert limited.startswith("1 of 2 calls of scripted/wise failed: rate_limit: HTTP")
    assert "SCRIPTED_RPM" in limited
    assert broken.endswith("server: HTTP 429")


def test_the_page_of_a_stopped_run_says_so() -> None:
    """Why it has stopped stands where its state does."""
    picture = _picture("L1", "L2")
    picture.apply(Feed()(Stopped(why="the run has stopped at its budget")))

    assert "state     the run has stopped at its budget" in _page(picture)


def test_words_for_the_end_of_a_run() -> None:
    """What was spent, and how much of what each model said made sense."""
    picture = _picture("L1", "L2")

    assert bill(picture) == "unknown for 1 call, 9 tokens in and 3 out"
    assert parsing(picture) == "scripted/wise 100.0% of 2"


def test_an_empty_picture_has_a_page() -> None:
    """A run of which nothing is known yet is no error."""
    assert "nobody was asked" in _page(Picture())


def test_the_summary_is_json_and_says_the_same() -> None:
    """What people see, programs get as one object."""
    picture = _picture("L1", "L2")
    found = json.loads(json.dumps(summary(picture, "party-1")))

    assert (found["run"], found["messages"], found["says"]) == ("party-1", 7, 1)
    assert found["pairs"] == [["L1", "L2", 1]]
    assert found["members"]["L1"]["answers"] == {"answered": 1}
    assert found["models"]["scripted/wise"]["tokens_in"] == 9
    assert found["models"]["scripted/wise"]["cost"] is None
    assert found["uses"]["collect Invite"]["tokens_out"] == 3
    assert found["members"]["L1"]["spent"]["calls"] == found["spent"]["calls"] == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_inert_on_the_page(text: str) -> None:
    """Whatever a run, a seat or a scenario is called, the page shows it as text."""
    page = _page(_picture(text, "L2"), run=text)

    assert page.count(HOSTILE[text]) >= 3
    assert not re.search("[\x1b\x9b\u202e]", page)
