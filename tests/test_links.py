"""What a seat hears of the others over links that are impaired, by its log alone."""

from collections import Counter
from collections.abc import Sequence
from math import inf

import msgspec
import pytest

from hubbub.errors import BadPopulation, UsageError
from hubbub.injections import request
from hubbub.links import Links
from hubbub.messages import (
    Asked,
    Body,
    Contributed,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Muted,
    Onset,
    Passed,
    PhaseOpened,
    Said,
    Ticked,
    Toggled,
)
from hubbub.names import CONDUCTOR, TRUTH
from hubbub.population import Injection

from .playing import Scribe

SEATS: dict[str, bool] = dict.fromkeys(("a", "b", "c", "d"), True)


class Ear:
    """The links of *seat*, and what it has heard over them."""

    def __init__(self, seat: str = "b", seed: int = 1) -> None:
        self.heard: list[Message] = []
        self._links = Links(seat, seed)
        self._scribe = Scribe()

    def told(self, body: Body, sender: str, room: str = "hall", at: int = 0) -> Message:
        """The next message, said *at*."""
        message = self._scribe.write(body, sender, room)
        message = msgspec.structs.replace(message, at=at)
        hears = self._links.turn if room == TRUTH else self._links.hear
        self.heard += hears(message)
        return message

    def say(
        self, text: str, sender: str = "a", at: int = 0, room: str = "hall"
    ) -> None:
        """Somebody says *text*."""
        self.told(Said(text=text), sender, room, at)

    def impair(self, kind: str, id: str = "i1", at: int = 0, **said: object) -> None:
        """Impair links of b, or of whom *said* names, from here on."""
        fields = {"names": ("b",), **said}
        injection = Injection(id=id, surface="impair", kind=kind, **fields)  # type: ignore[arg-type]
        what = request(injection, SEATS, ())
        self.told(Onset(what=what), CONDUCTOR, TRUTH, at)

    def lift(self, id: str = "i1", at: int = 0) -> None:
        """It is over."""
        self.told(Lifted(id=id, surface="impair"), CONDUCTOR, TRUTH, at)

    def switch(self, *, on: bool, id: str = "i1") -> None:
        """It is paused, or goes on."""
        self.told(Toggled(id=id, surface="impair", on=on), CONDUCTOR, TRUTH)

    @property
    def texts(self) -> list[str]:
        """What was heard, in words."""
        return [m.body.text for m in self.heard if isinstance(m.body, Said | Left)]


def numbers(count: int) -> list[str]:
    """Texts to say."""
    return [str(i) for i in range(count)]


# -- what is lost


def test_a_share_of_what_is_said_is_lost() -> None:
    """As large as is said; the same again, and another one with another seed or seat."""

    def heard(seat: str = "b", seed: int = 1) -> list[str]:
        ear = Ear(seat, seed)
        ear.impair("drop", names=(seat,), options={"p": 0.3})
        for text in numbers(1000):
            ear.say(text)
        return ear.texts

    assert 650 < len(heard()) < 750
    assert heard() == heard()
    assert heard() != heard(seed=2)
    assert heard() != heard(seat="c")


def test_the_seed_of_the_injection_comes_before_the_runs() -> None:
    """So a dose can be given again in another run."""

    def heard(seed: int) -> list[str]:
        ear = Ear(seed=seed)
        ear.impair("drop", seed=7, options={"p": 0.5})
        for text in numbers(50):
            ear.say(text)
        return ear.texts

    assert heard(1) == heard(2)


PROTOCOL: Sequence[tuple[Body, str]] = (
    (Joined(seats=("b", "c")), CONDUCTOR),
    (
        Asked(ask="1/b", step=1, question=msgspec.Raw(b"{}"), reply="@x", budget=1.0),
        CONDUCTOR,
    ),
    (PhaseOpened(step=1, form="chat", what="hall"), CONDUCTOR),
    (Left(seats=("c",)), "c"),
    (Said(text="mine"), "b"),
    (Contributed(ask="1/b", step=1, outcome="passed"), "b"),
)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("drop", {"p": 1}),
        ("delay", {"mean": 60}),
        ("reorder", {"window": 9}),
        ("partition", {}),
    ],
)
def test_what_the_run_is_made_of_always_comes(
    kind: str, options: dict[str, object]
) -> None:
    """Asks, phases, memberships, and a seat's own words."""
    ear = Ear()
    ear.impair(kind, options=options)
    told = [ear.told(body, sender) for body, sender in PROTOCOL]

    assert ear.heard == told


def test_what_anybody_says_may_be_lost() -> None:
    """Words, passes, public contributions, and the environment's ticks."""
    ear = Ear()
    ear.impair("drop", options={"p": 1})
    ear.say("no")
    ear.told(Passed(turn="1/a/1"), "a")
    ear.told(Contributed(ask="1/a", step=1, outcome="passed"), "a")
    ear.told(Ticked(step=1, name="rain", value=msgspec.Raw(b"1")), CONDUCTOR)

    assert ear.heard == []


def test_who_leaves_is_gone_whatever_is_heard_of_its_last_words() -> None:
    """They are lost, come late, or twice; the leaving is not, and is seen once."""
    ear = Ear()
    ear.impair("drop", id="i1", peers=("a",), options={"p": 1})
    ear.impair("delay", id="i2", peers=("c",), options={"mean": 1})
    ear.impair("duplicate", id="i3", peers=("d",), options={"p": 1, "within": 1})
    for seat in "acd":
        ear.told(Left(seats=(seat,), text=f"bye {seat}", turn=f"1/{seat}/1"), seat)
    ear.told(Passed(turn="1/b/1"), "b", at=1000)

    assert [(m.kind, m.sender, m.seq) for m in ear.heard] == [
        ("leave", "a", 4),
        ("leave", "c", 5),
        ("leave", "d", 6),
        ("pass", "b", 7),
        ("say", "d", 6),
        ("say", "c", 5),
    ]
    assert ear.texts == ["", "", "bye d", "bye d", "bye c"]


# -- what is late


def test_a_delay_is_over_with_the_first_event_that_is_late_enough() -> None:
    """By the server's time of both; what nothing follows is never heard."""
    ear = Ear()
    ear.impair("delay", options={"mean": 2})
    ear.say("early", at=1000)
    ear.say("mine", "b", at=2999)
    assert ear.texts == ["mine"]

    ear.say("mine too", "b", at=3000)
    ear.say("last", at=3001)
    assert ear.texts == ["mine", "mine too", "early"]


@pytest.mark.parametrize("law", ["fixed", "uniform", "exponential"])
def test_a_delay_takes_as_long_as_its_law_says(law: str) -> None:
    """On the average; what is due together comes in the order in which it is due."""
    ear = Ear()
    ear.impair("delay", options={"mean": 10, "law": law})
    for text in numbers(400):
        ear.say(text)
    for at in range(0, 100_000, 100):
        ear.say(f"at {at}", "b", at=at)

    waited: dict[str, int] = {}
    now = 0
    for text in ear.texts:
        if text.startswith("at "):
            now = int(text[3:])
        else:
            waited[text] = now
    assert len(waited) == 400
    assert 8_500 < sum(waited.values()) / 400 < 11_500
    assert (len(set(waited.values())) == 1) == (law == "fixed")


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    """What is held no longer is heard, whatever time it is."""
    ear = Ear()
    ear.impair("delay", options={"mean": 1})
    ear.say("said", at=5000)
    ear.lift(at=10)

    assert ear.texts == ["said"]


def test_what_is_reordered_comes_within_the_window() -> None:
    """All of it, and not in its order."""
    ear = Ear()
    ear.impair("reorder", options={"window": 5})
    for text in numbers(200):
        ear.say(text)
    for _ in range(5):
        ear.say("mine", "b")

    places = {text: place for place, text in enumerate(ear.texts)}
    assert Counter(ear.texts) == Counter([*numbers(200), *["mine"] * 5])
    assert ear.texts[:200] != numbers(200)
    assert all(abs(places[text] - int(text)) <= 5 for text in numbers(200))


def test_what_is_doubled_comes_again_soon() -> None:
    """As often as is said, within the events that are said, as the same message."""
    ear = Ear()
    ear.impair("duplicate", options={"p": 0.5, "within": 3})
    for text in numbers(300):
        ear.say(text)
    for _ in range(3):
        ear.say("mine", "b")

    times = Counter(m.seq for m in ear.heard if m.sender == "a")
    assert len(times) == 300
    assert set(times.values()) == {1, 2}
    assert 120 < sum(count == 2 for count in times.values()) < 180


def test_what_is_late_comes_when_it_ends_or_is_paused() -> None:
    """In its order; from then on all is heard at once."""
    for ended in (True, False):
        ear = Ear()
        ear.impair("delay", options={"mean": 60})
        ear.say("one")
        ear.say("two", "c")
        if ended:
            ear.lift()
        else:
            ear.switch(on=False)
        ear.say("three")
        assert ear.texts == ["one", "two", "three"]


def test_what_is_paused_goes_on() -> None:
    """And a pause of something that has not begun changes nothing."""
    ear = Ear()
    ear.switch(on=False)
    ear.impair("drop", options={"p": 1})
    ear.say("lost")
    ear.switch(on=False)
    ear.say("heard")
    ear.switch(on=True)
    ear.say("lost too")

    assert ear.texts == ["heard"]


def test_impairments_add_up() -> None:
    """A message is late by all delays; at the end of one, by the others."""
    ear = Ear()
    ear.impair("delay", id="i1", options={"mean": 2})
    ear.impair("delay", id="i2", options={"mean": 3})
    ear.say("late")
    ear.say("mine", "b", at=4999)
    assert ear.texts == ["mine"]

    ear.lift("i1", at=2999)
    assert ear.texts == ["mine"]
    ear.lift("i2", at=2999)
    assert ear.texts == ["mine", "late"]


def test_a_doubled_message_may_lose_one_of_its_copies() -> None:
    """Each copy has its own fate."""
    ear = Ear()
    ear.impair("duplicate", id="i1", options={"p": 1, "within": 1})
    ear.impair("drop", id="i2", options={"p": 0.5})
    for text in numbers(200):
        ear.say(text)
    ear.say("mine", "b")

    times = Counter(Counter(ear.texts).values())
    assert times[2] > 30
    assert 70 < times[1] < 130


def test_no_more_is_held_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of more the oldest comes before its time."""
    monkeypatch.setattr("hubbub.links.HELD", 3)
    ear = Ear()
    ear.impair("delay", options={"mean": 60})
    for text in numbers(5):
        ear.say(text)

    assert ear.texts == ["0", "1"]


# -- on which links

LINKS: list[tuple[dict[str, object], set[tuple[str, str]]]] = [
    ({"direction": "in"}, {("a", "b"), ("c", "b")}),
    ({"direction": "out"}, {("b", "a"), ("b", "c")}),
    ({}, {("a", "b"), ("c", "b"), ("b", "a"), ("b", "c")}),
    ({"peers": ("a",)}, {("a", "b"), ("b", "a")}),
    ({"peers": ("a",), "direction": "out"}, {("b", "a")}),
    ({"rooms": ("yard",)}, set()),
    ({"rooms": ("hall",), "direction": "in"}, {("a", "b"), ("c", "b")}),
    ({"kind": "partition"}, {("a", "b"), ("c", "b"), ("b", "a"), ("b", "c")}),
    (
        {"kind": "partition", "names": ("a", "b")},
        {("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")},
    ),
    (
        {"kind": "partition", "peers": ("c",), "direction": "in"},
        {("c", "b")},
    ),
    ({"kind": "eclipse", "peers": ("c",)}, {("a", "b")}),
    (
        {"kind": "eclipse", "names": ("a", "b"), "peers": ("c",)},
        {("a", "b"), ("b", "a")},
    ),
    (
        {"kind": "eclipse", "peers": ("c",), "direction": "out"},
        {("b", "a")},
    ),
]


@pytest.mark.parametrize(("said", "deaf"), LINKS)
def test_the_links_that_are_meant_are_impaired_and_no_others(
    said: dict[str, object], deaf: set[tuple[str, str]]
) -> None:
    """By whose they are, in which direction, with whom, and in which room."""
    found: set[tuple[str, str]] = set()
    for hearer in "abc":
        ear = Ear(hearer)
        options = {} if "kind" in said else {"options": {"p": 1}}
        ear.impair(**{"kind": "drop", **options, **said})  # type: ignore[arg-type]
        for sender in "abc":
            ear.say(sender, sender)
        found |= {(sender, hearer) for sender in "abc" if sender not in ear.texts}

    assert found == deaf


def test_who_is_cut_off_hears_the_conductor_unless_it_is_eclipsed() -> None:
    """An eclipse leaves nobody but those whom it names."""
    rain = Ticked(step=1, name="rain", value=msgspec.Raw(b"1"))
    heard: dict[str, int] = {}
    for kind, peers in (("partition", ()), ("eclipse", ("c",)), ("both", ("c",))):
        ear = Ear()
        known = (*peers, CONDUCTOR) if kind == "both" else peers
        ear.impair("eclipse" if kind == "both" else kind, peers=known)
        ear.told(rain, CONDUCTOR)
        heard[kind] = len(ear.heard)

    assert heard == {"partition": 1, "eclipse": 0, "both": 1}


# -- muting


def test_who_is_muted_is_not_heard_until_it_is_again() -> None:
    """Not even what it had said before; that it leaves is seen."""
    ear = Ear()
    ear.impair("delay", peers=("a",), options={"mean": 1})
    ear.say("late")
    mute = ear.told(Muted(step=1, seat="a"), CONDUCTOR, "@b")
    ear.lift()
    ear.say("no")
    ear.say("yes", "c")
    ear.told(Left(seats=("a",), text="bye"), "a")
    ear.told(Muted(step=2, seat="a", on=True), CONDUCTOR, "@b")
    ear.say("again")

    assert ear.heard[0] == mute
    assert ear.texts == ["yes", "", "again"]


# -- what cannot be


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "dropp", "options": {"p": 1}}, "did you mean 'drop'"),
        ({"kind": "drop"}, "missing required field `p`; its options are p"),
        ({"kind": "drop", "options": {"p": 1.5}}, "<= 1.0"),
        ({"kind": "drop", "options": {"p": inf}}, "<= 1.0"),
        ({"kind": "drop", "options": {"q": 1}}, "unknown option of drop 'q': known: p"),
        ({"kind": "delay", "options": {"mean": 1, "law": "x"}}, "mean, law"),
        ({"kind": "reorder", "options": {"window": 0}}, ">= 1"),
        ({"kind": "eclipse"}, "say which peers are heard"),
        ({"kind": "partition", "peers": ("z",)}, "unknown peer 'z'"),
        ({"kind": "partition", "direction": "up"}, "unknown direction 'up'"),
        ({"kind": "partition", "role": "worker"}, "partition has no role"),
        ({"kind": "partition", "mind": "silent"}, "has no mind, but a kind"),
        (
            {"surface": "participant", "kind": "drop", "names": ()},
            "a participant has no kind",
        ),
    ],
)
def test_what_no_link_can_be_says_why(said: dict[str, object], why: str) -> None:
    """And what would do."""
    fields = {"surface": "impair", "names": ("b",), **said}
    with pytest.raises(UsageError, match=why):
        request(Injection(**fields), SEATS, ())  # type: ignore[arg-type]


def test_an_impairment_that_is_none_is_refused_where_it_is_read() -> None:
    """A log may have been written by anybody."""
    what = Injected(id="i1", surface="impair", group=msgspec.Raw(b'{"kind":"x"}'))
    with pytest.raises(BadPopulation, match="injection i1"):
        Links("b", 1).turn(Scribe().write(Onset(what=what)))
