"""The picture is a fold of the log, and each ask ends in it exactly once."""

from collections import Counter

import msgspec
import pytest

from hubbub.console import Picture
from hubbub.messages import (
    Asked,
    Budgeted,
    Called,
    Contributed,
    Ended,
    Faulted,
    Joined,
    Left,
    Message,
    Outcome,
    Passed,
    PhaseClosed,
    Remembered,
    RoundBegan,
    Said,
    Started,
    Stopped,
)
from hubbub.models.base import Call, Reply, Request, View
from hubbub.names import inbox

from .feed import Feed


@pytest.fixture
def feed() -> Feed:
    return Feed()


def _picture(*messages: Message) -> Picture:
    picture = Picture()
    for message in messages:
        picture.apply(message)
    return picture


def _ask(feed: Feed, seat: str, step: int = 1) -> Message:
    question = msgspec.Raw(b"{}")
    body = Asked(
        ask=f"{step}/{seat}",
        step=step,
        question=question,
        reply="@conductor",
        budget=30,
    )
    return feed(body, room=inbox(seat))


def _answer(
    feed: Feed, seat: str, step: int = 1, outcome: Outcome = "answered"
) -> Message:
    body = Contributed(ask=f"{step}/{seat}", step=step, outcome=outcome)
    return feed(body, sender=seat, room="@conductor")


def test_it_knows_what_is_played_and_how_far(feed: Feed) -> None:
    """Scenario, seed, seats, round, step and form come from the conductor's messages."""
    picture = _picture(
        feed(Started(scenario="party", seed=7, seats=("L1", "L2"))),
        feed(RoundBegan(step=1, round=3, of=30)),
        feed.collect(2),
    )

    assert (picture.scenario, picture.seed, picture.seats) == ("party", 7, ("L1", "L2"))
    assert (picture.round, picture.of, picture.step) == (3, 30, 2)
    assert (picture.form, picture.state) == ("collect", "unfinished")


def test_the_end_completes_it(feed: Feed) -> None:
    """A run is complete when its last message is there, and nobody chats any more."""
    picture = _picture(feed.chat(1, "L1", "L2"), feed(Ended(steps=1)))

    assert (picture.state, picture.chats) == ("complete", {})
    assert picture.last_at - picture.first_at == 100


def test_a_run_that_has_stopped_says_why(feed: Feed) -> None:
    """It is stopped until it is gone on with, on another budget."""
    stopped = feed(Stopped(why="the budget is spent"))
    more = feed(Budgeted(money=5.0))

    assert _picture(stopped).state == "stopped"
    assert _picture(stopped).why == "the budget is spent"
    assert _picture(stopped, more).state == "unfinished"
    assert _picture(stopped, more).budget.money == 5.0


def test_an_answer_in_time_counts_as_its_outcome(feed: Feed) -> None:
    """Before the close, an ask ends as the contribution says."""
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        _ask(feed, "L2"),
        _answer(feed, "L1"),
        _answer(feed, "L2", outcome="unparsable"),
        feed.close(1),
    )

    assert picture.outcomes == {"answered": 1, "unparsable": 1}
    assert (picture.completeness, picture.pending) == (0.5, 0)


def test_after_the_close_an_answer_is_late(feed: Feed) -> None:
    """Whatever a late contribution says of itself, it is late and no longer absent."""
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        feed.close(1),
        _answer(feed, "L1", outcome="answered"),
    )

    assert picture.outcomes == {"late": 1}
    assert picture.members["L1"].answers == {"late": 1}


def test_who_never_contributes_is_absent(feed: Feed) -> None:
    """A seat missing at the close is absent until a contribution says otherwise."""
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        _ask(feed, "L2"),
        feed.close(1),
        _answer(feed, "L2"),
    )

    assert picture.outcomes == {"absent": 1, "late": 1}
    assert picture.members["L1"].answers == {"absent": 1}
    assert picture.pending == 0


def test_a_late_answer_ends_the_absence_of_its_own_step_only(feed: Feed) -> None:
    """Absences of two steps are two, and each ends by its own contribution."""
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        feed.close(1),
        feed.collect(2),
        _ask(feed, "L1", step=2),
        feed.close(2),
        _answer(feed, "L1", step=1),
    )

    assert picture.outcomes == {"absent": 1, "late": 1}


def test_an_open_ask_is_pending(feed: Feed) -> None:
    """Before the close, an ask without a contribution has no outcome."""
    picture = _picture(feed.collect(1), _ask(feed, "L1"))

    assert (picture.asks, picture.pending, picture.outcomes) == (1, 1, Counter())


def test_chat_turns_end_by_words_or_by_a_pass(feed: Feed) -> None:
    """A say or a leave with its turn is answered; a pass is what it says."""
    picture = _picture(
        feed(Said(text="hi", turn="7/L1/1"), sender="L1", room="chat"),
        feed(Passed(turn="7/L2/1", outcome="late"), sender="L2", room="chat"),
        feed(Left(seats=("L1",), text="bye", turn="7/L1/2"), sender="L1", room="chat"),
        feed(Left(seats=("L2",)), room="chat"),
    )

    assert picture.turns == {"answered": 2, "late": 1}
    assert (picture.says, picture.completeness) == (1, None)


def test_the_conductor_does_not_count_as_talking(feed: Feed) -> None:
    """Announcements are messages, and are nobody's says."""
    picture = _picture(
        feed(Joined(seats=("conductor", "mallory"))),
        feed(Said(text="welcome", step=1), room="lobby"),
    )

    assert (picture.messages, picture.says) == (2, 0)
    assert list(picture.members) == ["mallory"]
    assert picture.sent == {"conductor": 2}


def test_pairs_count_chats_of_two(feed: Feed) -> None:
    """Two who chat twice are one pair with two chats; three are no pair."""
    picture = _picture(
        feed.chat(1, "L2", "L1"),
        feed.chat(2, "L1", "L2"),
        feed.chat(3, "L1", "L2", "L3"),
    )

    assert picture.pairs == {("L1", "L2"): 2}
    assert (picture.members["L1"].chats, picture.phases) == (2, {"chat": 3})


def test_a_chat_is_open_until_it_closes_or_one_leaves(feed: Feed) -> None:
    """Who talks with whom now is what opened, without what ended."""
    opened = [
        feed.chat(1, "L1", "L2"),
        feed.chat(1, "L3", "L4"),
        feed.chat(1, "L5", "L6"),
    ]
    close = PhaseClosed(step=1, why="over")
    ended = [
        feed(Left(seats=("L1",)), sender="L1", room=opened[0].room),
        feed(close, room=opened[1].room),
    ]

    assert _picture(*opened, *ended).chats == {"chat-1-L5-L6": ("L5", "L6")}


def test_calls_are_summed_by_model(feed: Feed) -> None:
    """Tokens, errors and calls for an ask that had a reply before are per model."""
    reply = Reply(text="?", tokens_in=10, tokens_out=2)
    picture = _picture(
        feed.call("1/L1/1", "L1", reply),
        feed.call("1/L1/2", "L1", reply),
        feed.call("2/L1/1", "L1"),
        feed.call("2/L1/2", "L1", Reply(text="!")),
    )
    usage = picture.models["scripted/wise"]

    assert (picture.calls, usage.calls, usage.replies, usage.again) == (4, 4, 3, 1)
    assert (usage.tokens_in, usage.tokens_out, usage.seconds) == (20, 4, 2.0)
    assert usage.errors == {"timeout": 1}


def test_calls_are_summed_by_seat_and_by_phase(feed: Feed) -> None:
    """A call belongs to its seat, and to the form and question of its step."""
    reply = Reply(text="?", tokens_in=10, tokens_out=2)
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        feed.call("1/L1/1", "L1", reply, cost=0.25),
        feed.chat(2, "L1", "L2"),
        feed.call("2/L2/1/1", "L2", reply, cost=0.5),
        feed.call("2/L1/1/1", "L1", reply, cost=1.0),
    )

    costs = {phase: usage.cost for phase, usage in picture.uses.items()}
    assert costs == {"collect Invite": 0.25, "chat": 1.5}
    assert picture.members["L1"].usage.cost == 1.25
    assert (picture.total.cost, picture.total.tokens_in) == (1.75, 30)


def test_a_call_for_an_absent_seat_belongs_to_its_phase(feed: Feed) -> None:
    """What was cut off at the close is charged where it was begun."""
    picture = _picture(
        feed.collect(1),
        _ask(feed, "L1"),
        feed.close(1),
        feed.call("1/L1/1", "L1", cost=0.25, estimated=True),
    )

    assert picture.uses["collect Invite"].cost == 0.25
    assert picture.total.estimated == 1


def test_a_cached_reply_is_neither_tokens_nor_money(feed: Feed) -> None:
    """What nobody was asked for has cost nothing, whatever it says of itself."""
    reply = Reply(text="?", tokens_in=10, tokens_out=2, cached=True)
    usage = _picture(feed.call("1/L1/1", "L1", reply, cost=0.0)).total

    assert (usage.calls, usage.replies, usage.cached) == (1, 1, 1)
    assert (usage.tokens_in, usage.tokens_out, usage.known_cost) == (0, 0, 0.0)


def test_a_price_that_is_unknown_is_not_nothing(feed: Feed) -> None:
    """A sum with a reply of no known price is none; a failed call has no price."""
    failed = feed.call("1/L1/1", "L1")
    priced = feed.call("1/L1/2", "L1", Reply(text="?"), cost=0.5)

    assert _picture(failed, priced).total.known_cost == 0.5
    assert _picture(feed.call("1/L1/3", "L1", Reply(text="?"))).total.known_cost is None


def test_what_was_left_out_of_requests_is_counted(feed: Feed) -> None:
    """How many requests did not show all, and how many messages they left out."""
    short, whole = View(dropped=7), View(messages=(1, 2))
    usage = _picture(
        feed.call("1/L1/1", "L1", Reply(text="?"), view=short),
        feed.call("1/L1/2", "L1", Reply(text="?"), view=whole),
    ).total

    assert (usage.cut, usage.dropped) == (1, 7)


def test_records_can_come_from_the_calls_file(feed: Feed) -> None:
    """A log with digests and the records beside it give the same sums as one."""
    request = Request(model="scripted/wise", prompts=())
    picture = _picture(feed(Called(call="1/L1/1", sha256="00"), sender="L1"))
    picture.count_call(Call(call="1/L1/1", seat="L1", request=request))

    assert (picture.calls, picture.models["scripted/wise"].calls) == (1, 1)


def test_what_made_sense_is_counted_for_the_model(feed: Feed) -> None:
    """Unparsable asks and turns lower their model's share, nobody else's."""
    picture = _picture(
        feed.call("1/L1/1", "L1", Reply(text="?")),
        feed.collect(1),
        _answer(feed, "L1", outcome="unparsable"),
        _answer(feed, "L2", outcome="unparsable"),
        feed(Said(text="hi", turn="2/L1/1"), sender="L1", room="chat"),
    )

    assert picture.parsed("scripted/wise") == (1, 2)


def test_memories_are_counted(feed: Feed) -> None:
    """Every memory counts, and is no talk."""
    memory = Remembered(memory="1/L1/m1", form="summary", text="tides")
    picture = _picture(feed(memory, sender="L1", room=inbox("L1")))

    assert (picture.memories, picture.says) == (1, 0)


def test_faults_are_counted(feed: Feed) -> None:
    """Every fault counts."""
    assert _picture(feed(Faulted(what="x")), feed(Faulted(what="y"))).faults == 2


def test_memory_does_not_grow_with_messages(feed: Feed) -> None:
    """A thousand closed steps that everybody answered leave nothing behind."""
    picture = Picture()
    for step in range(1, 1_001):
        asked = _ask(feed, "L1", step)
        late = _answer(feed, "L1", step)
        call = feed.call(f"{step}/L1/1", "L1", Reply(text="?"))
        for message in (feed.collect(step), asked, call, feed.close(step), late):
            picture.apply(message)

    assert picture.answers == {"late": 1_000}
    assert not picture.chats
    assert len(msgspec.json.encode(picture)) < 2_000
