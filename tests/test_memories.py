"""Memories: each policy shows what it says, within the context, as a fold of the log."""

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import pytest

from hubbub.acts import find
from hubbub.errors import BudgetSpent, ModelError
from hubbub.floor import Floor
from hubbub.messages import Called, Message, Passed, Remembered, RoundBegan, Said
from hubbub.mind import Ask, Mind, Part, Question
from hubbub.models.base import Call, Model, Reply, Request, View
from hubbub.models.scripted import ScriptedModel, legal
from hubbub.policies import Full, Memory, Notes, Summary, Window
from hubbub.population import Cast, Group, Population
from hubbub.seat import Seat
from hubbub_agents.grams import grams, likeness
from hubbub_agents.memory import replies
from hubbub_agents.memory.retrieval import Note, ranked
from hubbub_agents.model import ModelMind
from hubbub_agents.tokens import tokens

from .console.feed import Feed
from .leaping import in_no_time
from .playing import Guess, Number, bus_with, play, views

MODEL = "scripted/legal"
#: Policies that have something to do in a short run.
POLICIES: tuple[Memory, ...] = (
    Full(),
    Window(rounds=1),
    Window(messages=3, tokens=200),
    Summary(limit=300, keep=100, size=40),
    Notes(threshold=20, batch=2, recent=3, retrieved=4, questions=2, insights=2),
)
each_policy = pytest.mark.parametrize(
    "policy", POLICIES, ids=("full", "rounds", "messages", "summary", "notes")
)


class Tides(Question[Number], frozen=True, kw_only=True, tag="tides"):
    """How often do tides rise and tides fall?"""


class Bench:
    """One mind, asked by hand: what it asks its model, and what it remembers."""

    def __init__(
        self, policy: Memory, answer: Callable[[Request], str] = legal, **changes: Any
    ) -> None:
        told: dict[str, Any] = {"context": 2_000, "seats": ("L1", "L2"), **changes}
        self.part = Part(seat="L1", seed=1, model=MODEL, memory=policy, **told)
        self.mind: Mind = ModelMind(self.part)
        self.feed = Feed()
        self.calls: list[tuple[Request, View]] = []
        self.made: list[Remembered] = []
        self._answer = answer

    def hear(self, *words: str) -> None:
        """L2 says *words*, one message each."""
        for text in words:
            self.mind.observe(self.feed(Said(text=text), sender="L2", room="hall"))

    def round(self, number: int) -> None:
        """A round begins."""
        self.mind.observe(self.feed(RoundBegan(step=number, round=number, of=9)))

    async def ask(
        self, id: str, question: Question[Any] | None = None, **changes: Any
    ) -> View:
        """Ask it something and return what its answer was shown."""

        async def complete(request: Request, view: View) -> Reply:
            self.calls.append((request, view))
            return Reply(text=self._answer(request))

        async def remember(memory: Remembered) -> None:
            self.made.append(memory)

        asked = Ask(
            id=id,
            seat="L1",
            seed=1,
            question=question or Guess(about="tides"),
            budget=60.0,
            complete=complete,
            remember=remember,
            **changes,
        )
        await self.mind.act(asked)
        return self.calls[-1][1]

    def come_back(self) -> None:
        """What was remembered comes back as events."""
        for memory in self.made:
            self.mind.observe(self.feed(memory, sender="L1", room="@L1"))
        self.made.clear()

    def forms(self) -> list[str]:
        """What the model was called for, in order; answers have no form."""
        return [view.form for _, view in self.calls]


def words(count: int, size: int = 60) -> list[str]:
    """*count* things to say, of *size* characters."""
    return [f"number {i} ".ljust(size, "x") for i in range(count)]


# -- windows


async def test_a_window_of_rounds_shows_the_last_ones() -> None:
    """The present one counts; what came before the first is of no round."""
    bench = Bench(Window(rounds=2))
    for number in range(1, 5):
        bench.round(number)
        bench.hear(f"in round {number}")
    view = await bench.ask("1/L1")

    assert view == View(messages=(6, 8), dropped=2)
    assert "in round 3" in bench.calls[0][0].prompts[1].content
    assert "in round 2" not in bench.calls[0][0].prompts[1].content


async def test_a_window_of_messages_and_of_tokens() -> None:
    """Each shows the newest; together, both hold."""
    many, few = Bench(Window(messages=5)), Bench(Window(messages=5, tokens=150))
    for bench in (many, few):
        bench.hear(*words(20))

    assert (await many.ask("1/L1")).messages == (16, 17, 18, 19, 20)
    shown = await few.ask("1/L1")
    assert shown.messages == (18, 19, 20)
    assert shown.dropped == 17


# -- summaries


async def test_a_summary_takes_the_place_of_what_is_longer_ago() -> None:
    """It is made before the answer that first shows it, and covers all but the newest."""
    bench = Bench(Summary(limit=300, keep=100, size=40), lambda request: "They count.")
    bench.hear(*words(12))
    view = await bench.ask("3/L1")
    (memory,) = bench.made

    assert bench.forms() == ["summary", ""]
    assert (memory.memory, memory.form, memory.text) == (
        "3/L1/m1",
        "summary",
        "They count.",
    )
    assert view == View(messages=(11, 12), memories=("3/L1/m1",))
    assert memory.upto == 10
    assert '"form":"summary","text":"They count."}\n{"n":11' in _heard(bench)


async def test_the_next_summary_is_made_from_the_last() -> None:
    """And is shown instead of it."""
    bench = Bench(Summary(limit=300, keep=100, size=40))
    for step in (1, 2):
        bench.hear(*words(12))
        view = await bench.ask(f"{step}/L1")
        bench.come_back()
    request, shown = bench.calls[2]

    assert bench.forms() == ["summary", "", "summary", ""]
    assert shown.memories == ("1/L1/m1",)
    assert view.memories == ("2/L1/m1",)
    assert view.dropped == 0
    assert request.sampling.max_tokens == 40


async def test_a_second_try_makes_no_second_summary() -> None:
    """What the ask has made is in its hands before it comes back as an event."""
    bench = Bench(Summary(limit=300, keep=100, size=40))
    bench.hear(*words(12))
    first = await bench.ask("1/L1")
    again = await bench.ask("1/L1", attempt=2, complaint="no", raw="Hm.")

    assert bench.forms() == ["summary", "", ""]
    assert again == first


async def test_a_probe_makes_no_memory() -> None:
    """It is asked on what is there, and leaves nothing."""
    bench = Bench(Summary(limit=300, keep=100, size=40))
    bench.hear(*words(12))
    view = await bench.ask("1/L1", probe=True)

    assert bench.forms() == [""]
    assert not bench.made
    assert view.messages == tuple(range(1, 13))


def _heard(bench: Bench) -> str:
    return bench.calls[-1][0].prompts[1].content


# -- notes


def scribe(request: Request) -> str:
    """Rates what is of tides higher, and draws one conclusion."""
    heard, _, task = request.prompts[1].content.rpartition("\n\n")
    lines = heard.splitlines()[1:]
    if "rate each" in task:
        return json.dumps({"ratings": [9 if "tide" in line else 2 for line in lines]})
    if "questions" in task:
        return json.dumps({"questions": ["What of the tides?"]})
    if "conclusions" in task:
        because = re.findall(r'"n":(\d+)', heard)[:2]
        insight = {"text": "They love tides.", "because": because, "importance": 8}
        return json.dumps({"insights": [insight]})
    return legal(request)


async def test_notes_are_rated_in_batches() -> None:
    """Below the batch's size nothing is rated; each message is rated once."""
    bench = Bench(Notes(batch=3, threshold=1_000), scribe)
    bench.hear("the tide is high", "a stone")
    await bench.ask("1/L1")
    bench.hear("another stone")
    await bench.ask("2/L1")
    (memory,) = bench.made
    bench.come_back()
    await bench.ask("3/L1")

    assert bench.forms() == ["", "importance", "", ""]
    assert (memory.text, memory.about, memory.weight) == ("9 2 2", ("1", "2", "3"), 13)


async def test_enough_importance_makes_reflection() -> None:
    """Questions first, then insights that name what they rest on, and then quiet."""
    bench = Bench(Notes(batch=2, threshold=12, questions=1, insights=1), scribe)
    bench.hear("the tide is high", "the tide is low", "a stone")
    view = await bench.ask("1/L1")
    _, questions, reflection = bench.made
    bench.come_back()
    await bench.ask("2/L1")

    assert bench.forms() == ["importance", "questions", "insights", "", ""]
    assert questions.text == "What of the tides?"
    assert reflection.about == ("1", "2")
    assert reflection.weight == 8
    assert view.memories == ("1/L1/m3",)
    assert '"form":"reflection","text":"They love tides."' in _heard(bench)


async def test_what_is_to_the_point_is_retrieved() -> None:
    """Of what is longer ago: what is alike, beside what is not too old."""
    bench = Bench(Notes(recent=2, retrieved=2, batch=50), scribe)
    bench.hear("tides rise and tides fall", *(f"stone number {i}" for i in range(30)))
    bench.hear("Well.")
    view = await bench.ask("1/L1", Tides())

    assert view.messages[0] == 1
    assert view.messages[-2:] == (31, 32)
    assert len(view.messages) == 4
    assert view.dropped == 28


def test_scores_are_the_sum_of_three_scaled_parts() -> None:
    """By hand: ages 3, 1 and 0, importance 1, 10 and 5, likeness 1, 0 and 0."""
    query = grams("tides")

    def note(key: int, importance: float, words: str) -> Note:
        return Note(key, key, "", 1, grams(words), importance)

    notes = [note(1, 1, "tides"), note(3, 10, "zzz"), note(4, 5, "zzz")]
    order = [note.key for note in ranked(notes, query, now=4, decay=0.5)]

    # 1: 0 + 0 + 1; 3: (0.5 - 0.125) / 0.875 + 1 + 0; 4: 1 + 4/9 + 0.
    assert order == [4, 3, 1]


def test_likeness_is_by_pieces_of_words() -> None:
    """One text is all like itself, and one without a piece like none."""
    assert likeness(grams("The  TIDE"), grams("the tide")) == 1.0
    assert likeness(grams("tides are high"), grams("high tide")) > 0.4
    assert likeness(grams("tides"), grams("")) == likeness(0, 0) == 0.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"ratings": [3, 11, 0]}', [3, 10, 1]),
        ("3, 4", [3, 4, 5]),
        ("I would rather not.", [5, 5, 5]),
        ("1 2 3 4 5", [1, 2, 3]),
        ("9" * 5_000, [10, 10, 10]),
    ],
    ids=range(5),
)
def test_ratings_are_read_out_of_anything(text: str, found: list[int]) -> None:
    """What is missing is in the middle of the scale: nothing is asked again."""
    assert replies.read_ratings(text, 3, 5) == found


def test_questions_and_insights_are_read_out_of_replies() -> None:
    """With words around them; insights that are none are an error."""
    told = 'Sure! {"questions": ["Why?", " ", "Who?", "What?"]} Bye.'
    assert replies.read_questions(told, 2) == ("Why?", "Who?")
    assert replies.read_questions("Why so?\nBecause.\nWho?", 3) == ("Why so?", "Who?")
    raw = '{"insights":[{"text":" Yes ","because":[1,"1/L1/m1",1],"importance":99}]}'
    (insight,) = replies.read_insights(raw, 3)
    assert (insight.text, insight.importance) == ("Yes", 10)
    assert insight.grounds() == ("1", "1/L1/m1")
    with pytest.raises(ModelError, match="no insights"):
        replies.read_insights("Hm." + "{" * 5_000 + "}", 3)


# -- what goes wrong


def failing(kind: Any) -> Callable[[Request], str]:
    """Answers questions, and fails at every upkeep."""

    def answer(request: Request) -> str:
        if request.pattern is None and request.schema is None:
            raise ModelError(kind, "no")
        return legal(request)

    return answer


@pytest.mark.parametrize("kind", ["server", "timeout", "refused", "bad_reply"])
async def test_upkeep_that_fails_does_not_end_the_ask(kind: str) -> None:
    """It is answered with what is there, and nothing is remembered."""
    bench = Bench(Summary(limit=300, keep=100, size=40), failing(kind))
    bench.hear(*words(12))
    view = await bench.ask("1/L1")

    assert bench.forms() == ["summary", ""]
    assert view.messages == tuple(range(1, 13))
    assert not bench.made


async def test_a_spent_budget_ends_the_ask() -> None:
    """Also before its answer: there is no money for that either."""

    def broke(request: Request) -> str:
        raise BudgetSpent("over")

    bench = Bench(Summary(limit=300, keep=100, size=40), broke)
    bench.hear(*words(12))
    with pytest.raises(BudgetSpent):
        await bench.ask("1/L1")

    assert bench.forms() == ["summary"]


def smaller(limit: int) -> Callable[[Request], str]:
    """A server whose context is *limit* bytes, whatever the population says."""

    def answer(request: Request) -> str:
        if sum(len(prompt.content) for prompt in request.prompts) > limit:
            raise ModelError("context_length", "too long")
        return legal(request)

    return answer


@pytest.mark.parametrize(("limit", "calls"), [(3_500, 1), (2_000, 2), (1_300, 3)])
async def test_a_prompt_that_is_too_long_is_tried_with_half(
    limit: int, calls: int
) -> None:
    """Twice; each is a call with a view of its own."""
    bench = Bench(Full(), smaller(limit))
    bench.hear(*words(20))
    view = await bench.ask("1/L1")
    sizes = [len(view.messages) for _, view in bench.calls]

    assert len(sizes) == calls
    assert all(size // 2 - 1 <= later <= size // 2 for size, later in pairwise(sizes))
    assert view.dropped == 20 - sizes[-1]


@pytest.mark.parametrize(("heard", "calls"), [(20, 3), (0, 1)])
async def test_what_is_too_long_all_the_same_is_an_error(
    heard: int, calls: int
) -> None:
    """After three calls; where there is nothing to leave out, after one."""
    bench = Bench(Full(), smaller(10))
    bench.hear(*words(heard))
    with pytest.raises(ModelError, match="too long"):
        await bench.ask("1/L1")

    assert len(bench.calls) == calls


async def test_upkeep_that_is_too_long_is_tried_with_half_too() -> None:
    """And the summary covers no more than it was shown."""
    policy = Summary(limit=300, keep=100, size=40)
    bench = Bench(policy, smaller(1_400))
    bench.hear(*words(12))
    await bench.ask("1/L1")
    covers = {memory.upto for memory in bench.made}

    assert bench.forms()[:2] == ["summary", "summary"]
    assert bench.made[0].upto == bench.calls[1][1].messages[-1] == min(covers)


@each_policy
async def test_a_prompt_never_has_more_than_its_context(policy: Memory) -> None:
    """By its own estimate, whatever is said, also where one message is enormous."""
    bench = Bench(policy, legal, context=1_500)
    for step in range(1, 6):
        bench.hear(*words(40, 30), "é" * 9_000, "x" * 50_000, *words(9, 900))
        await bench.ask(f"{step}/L1")
        bench.come_back()

    for request, _ in bench.calls:
        size = sum(tokens(prompt.content) for prompt in request.prompts)
        assert size + request.sampling.max_tokens <= 1_500


# -- whole runs


def talk(request: Request) -> str:
    """As `legal`; but nobody leaves, and everybody says more."""
    said = legal(request)
    if request.schema is None or "leave" not in request.schema["properties"]:
        return said
    return json.dumps({"text": json.loads(said)["text"] * 4, "leave": False})


class Strict(Model):
    """A server that has *context* tokens and counts three and a half bytes as one."""

    def __init__(self, context: int) -> None:
        self.context = context
        self.most = 0
        self.calls = 0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        self.calls += 1
        size = sum(len(prompt.content.encode()) for prompt in request.prompts)
        used = int(size / 3.5) + request.sampling.max_tokens
        self.most = max(self.most, used)
        if used > self.context:
            raise ModelError("context_length", f"{used} tokens")
        return Reply(text=talk(request), finish="stop")


def room(policy: Memory, seats: int, acts: int, **changes: Any) -> Cast:
    """*seats* in one room, each of which speaks *acts* times."""
    group = Group(count=seats, model=MODEL, memory=policy, **changes)
    return Cast(
        Population(scenario="open-room", parameters={"acts": acts}, seats=(group,))
    )


def calls(log: Sequence[Message]) -> list[Call]:
    """The records of the log's calls."""
    return [
        msgspec.json.decode(m.body.record, type=Call)
        for m in log
        if isinstance(m.body, Called)
    ]


@pytest.mark.parametrize(
    "policy",
    [
        Full(),
        Window(messages=5_000),
        Summary(),
        Notes(questions=1, insights=2, kept=300),
    ],
    ids=lambda policy: type(policy).__name__,
)
@in_no_time
async def test_a_thousand_messages_in_a_window_of_8k(policy: Memory) -> None:
    """No call is too long for the server, and what is left out is in the log."""
    model = Strict(8_192)
    log = await play(room(policy, 10, 100), models={MODEL: model})
    dropped = [m.body.dropped for m in log if isinstance(m.body, Called)]
    said = [m for m in log if isinstance(m.body, Said)]

    assert len(said) == 1_000
    assert not [call for call in calls(log) if call.error]
    assert not [m for m in log if isinstance(m.body, Passed)]
    assert model.calls == len(dropped)
    assert 1_000 < model.most <= 8_192
    assert max(dropped) > 0 or isinstance(policy, Summary)


class Slow(Strict):
    """Never comes to the end of a summary."""

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        if request.schema is None:
            await anyio.sleep_forever()
        return await super().complete(request, deadline=deadline)


@in_no_time
async def test_upkeep_leaves_time_for_the_answer() -> None:
    """One that takes too long is cut off and recorded, and every ask is answered."""
    cast = room(Summary(limit=300, keep=100, size=40), 2, 9)
    log = await play(cast, models={MODEL: Slow(8_192)})
    cut = [call for call in calls(log) if call.error]

    assert len([m for m in log if isinstance(m.body, Said)]) == 18
    assert {(call.view.form, call.error) for call in cut} == {("summary", "timeout")}
    assert all(call.took == 15.0 for call in cut)


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
@each_policy
@in_no_time
async def test_a_resumed_run_pays_no_upkeep_twice(policy: Memory, share: float) -> None:
    """Whichever call was the last one: what it was for is made from the record."""
    whole = await play(room(policy, 3, 8), models={MODEL: ScriptedModel(talk)})
    paid = [i for i, m in enumerate(whole) if m.kind == "call"]
    cut = whole[: paid[int(len(paid) * share)] + 1]
    model = ScriptedModel(talk)
    bus = await bus_with(cut)
    log = await play(room(policy, 3, 8), bus, models={MODEL: model})
    ids = [call.call for call in calls(log)]
    memories = [m.body.memory for m in log if isinstance(m.body, Remembered)]

    assert len(ids) == len(set(ids)) == len(calls(cut)) + model.calls
    assert len(memories) == len(set(memories))


@each_policy
@in_no_time
async def test_a_memory_is_a_fold_of_the_log(policy: Memory) -> None:
    """A new mind that has observed the same makes the same calls, given the replies."""
    cast = room(policy, 3, 6)
    log = await play(cast, models={MODEL: ScriptedModel(talk)})
    heard, acts = views(log), acts_of(log)
    assert len(acts) == 18
    for (seat, id), (seen, made) in acts.items():
        mind, floor = cast.mind(seat), Floor([Seat(seat)])
        for message in log[:seen]:
            floor.apply(message)
        for message in heard[seat]:
            if message.seq <= seen:
                mind.observe(message)
        act = find(id, floor.seats[seat], cast.scenario)
        assert act is not None
        again = Again(made)
        await mind.act(act.ask(0, again.complete, again.remember))
        assert not again.calls


class Again:
    """Gives the replies of *calls* to the same requests, and to no others."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = deque(calls)

    async def complete(self, request: Request, view: View) -> Reply:
        """The next reply."""
        call = self.calls.popleft()
        request = msgspec.structs.replace(request, draw=call.request.draw)
        assert (request, view) == (call.request, call.view)
        assert call.reply is not None
        return call.reply

    async def remember(self, memory: Remembered) -> None:
        """It is in the log already."""


def acts_of(log: Sequence[Message]) -> dict[tuple[str, str], tuple[int, list[Call]]]:
    """Each act's seat and id, how far the log was seen in it, and its calls."""
    acts: dict[tuple[str, str], tuple[int, list[Call]]] = {}
    for message in log:
        if isinstance(message.body, Called):
            call = msgspec.json.decode(message.body.record, type=Call)
            key = (message.sender, call.call.rpartition("/")[0])
            acts.setdefault(key, (message.seen, []))[1].append(call)
    return acts
