"""Whatever a mind does with an ask, the ask ends in one outcome, and the raw is kept."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

import anyio
import msgspec
import pytest

from hubbub.errors import BadPopulation, BusUnavailable, Fenced, ModelError
from hubbub.messages import MAX_BODY, Contributed, Remembered, encode_body
from hubbub.mind import Ask, Mind, Part, Question, Unparsed, answer_type
from hubbub.models.base import Reply, Request, View
from hubbub.questions import Accept, Acceptance, Invitation, Invite, Speech, Turn
from hubbub.verdict import MAX_ANSWER, MAX_RAW, REPAIRS, Verdict, judge, read_answer


class Sum(msgspec.Struct, frozen=True):
    """A number, and reasons."""

    total: float
    why: tuple[str, ...] = ()


class Add(Question[Sum], frozen=True, kw_only=True, tag="add"):
    """Add things up, but not to thirteen."""

    def check(self, answer: Sum) -> None:
        if answer.total == 13:
            raise ValueError("thirteen is not allowed")
        if answer.total == 14:
            raise KeyError("the check itself is at fault")


class Scripted(Mind):
    """Does what *act* says, and keeps the asks it got."""

    def __init__(self, act: Callable[[Ask], Awaitable[object]]) -> None:
        super().__init__(Part(seat="L1", seats=("L1",), seed=1))
        self.asks: list[Ask] = []
        self._act = act

    async def act(self, ask: Ask) -> object:
        self.asks.append(ask)
        return await self._act(ask)


async def no_model(request: Request, view: View) -> Reply:
    """Nobody calls a model here."""
    raise AssertionError(request)


async def no_memory(memory: Remembered) -> None:
    """Nobody remembers anything here."""
    raise AssertionError(memory)


def ask(question: Question[Any] | None = None) -> Ask:
    """The first attempt at *question*."""
    return Ask(
        id="1/L1",
        seat="L1",
        seed=1,
        question=question or Add(),
        budget=1.0,
        complete=no_model,
        remember=no_memory,
    )


def giving(*answers: object) -> Scripted:
    """Gives *answers* one after the other, and the last one for ever."""

    async def act(ask: Ask) -> object:
        return answers[min(ask.attempt, len(answers)) - 1]

    return Scripted(act)


def raising(error: BaseException) -> Scripted:
    """Raises *error* whatever it is asked."""

    async def act(ask: Ask) -> object:
        raise error

    return Scripted(act)


# -- what is answered


async def test_a_legal_answer_is_decoded_and_encoded() -> None:
    """The value is the answer's type; the JSON is what the log will have."""
    verdict = await judge(giving(Unparsed('{"total": 3, "why": ["a"]}')), ask())

    assert verdict.outcome == "answered"
    assert verdict.value == Sum(3.0, ("a",))
    assert verdict.encoded == b'{"total":3.0,"why":["a"]}'
    assert verdict.tries == 1


async def test_none_is_a_pass() -> None:
    """A mind may decline."""
    assert await judge(giving(None), ask()) == Verdict(outcome="passed")


async def test_an_answer_is_inert_in_the_log() -> None:
    """What a terminal would obey is escaped in the JSON, and still the same value."""
    answer = Sum(1.0, ("\x1b[2J\u202e",))
    verdict = await judge(giving(answer), ask())

    assert verdict.encoded.isascii()
    assert msgspec.json.decode(verdict.encoded, type=Sum) == answer


async def test_an_answer_may_stand_in_words() -> None:
    """A model that cannot help talking has answered all the same."""
    verdict = await judge(giving(Unparsed('I say {"total": 3}, finally.')), ask())

    assert (verdict.outcome, verdict.value, verdict.tries) == ("answered", Sum(3.0), 1)


class Gift(msgspec.Struct, frozen=True):
    """How much, and why."""

    amount: int
    reason: str = ""


class Contribute(Question[Gift], frozen=True, kw_only=True, tag="contribute"):
    """Give your reason, and then say CONTRIBUTE and how much."""

    pattern: ClassVar[str] = r"(?s)(?P<reason>.*)CONTRIBUTE \$(?P<amount>\d+)"

    def check(self, answer: Gift) -> None:
        if answer.amount > 100:
            raise ValueError("you have only $100")


async def test_an_answer_in_words_is_read_by_its_pattern() -> None:
    """The log has the typed answer, as of any other question."""
    given = Unparsed("We share it. I thought of CONTRIBUTE $90.\nCONTRIBUTE $40.")

    verdict = await judge(giving(given), ask(Contribute()))

    reason = "We share it. I thought of CONTRIBUTE $90."
    assert verdict.value == Gift(40, reason)
    assert msgspec.json.decode(verdict.encoded, type=Gift) == Gift(40, reason)


async def test_words_that_are_no_answer_are_repaired() -> None:
    """The complaint names the form; then the check is as of any other answer."""
    mind = giving(*map(Unparsed, ("forty", "CONTRIBUTE $400", "CONTRIBUTE $40")))

    verdict = await judge(mind, ask(Contribute()))

    complaints = [asked.complaint for asked in mind.asks]
    assert (verdict.value, verdict.tries) == (Gift(40), 3)
    assert complaints[1] == f"nothing in it matches {Contribute.pattern}"
    assert complaints[2] == "you have only $100"


async def test_a_rule_answers_a_question_in_words_by_its_type() -> None:
    """Words are for minds that write; others give the answer itself."""
    assert (await judge(giving(Gift(7)), ask(Contribute()))).value == Gift(7)


# -- repair


async def test_repair_shows_the_mind_its_error_and_its_own_text() -> None:
    """The second ask is the first one with the complaint and the raw answer."""
    mind = giving(Unparsed('{"total": 13}'), Sum(12.0))
    verdict = await judge(mind, ask())
    again = mind.asks[1]

    assert (verdict.outcome, verdict.tries) == ("answered", 2)
    assert (again.complaint, again.raw) == ("thirteen is not allowed", '{"total": 13}')
    assert (again.id, again.attempt, again.question) == ("1/L1", 2, Add())


async def test_repair_is_bounded() -> None:
    """After `REPAIRS` further tries the ask is unparsable, with the last raw text."""
    mind = giving("one", "two", Unparsed("three"))
    verdict = await judge(mind, ask())

    assert len(mind.asks) == verdict.tries == REPAIRS + 1
    assert (verdict.outcome, verdict.raw) == ("unparsable", "three")


async def test_each_try_has_its_own_chance() -> None:
    """A repaired act does not draw the same again, and a repeated one does."""
    first = ask()
    second = first.again("no", "")

    assert first.rng.random() == first.rng.random() != second.rng.random()
    assert first.model_seed != second.model_seed < 2**31


# -- what is no answer


NO_ANSWERS: dict[str, tuple[object, str]] = {
    "another answer": (Speech("hello"), "expected Sum, got Speech"),
    "builtins": ({"total": 1}, "expected Sum, got dict"),
    "a number": (float("nan"), "expected Sum, got float"),
    "not a number": (Sum(float("nan")), "Expected `float`, got `null`"),
    "an object": (Sum(cast("float", object())), "TypeError: Encoding objects"),
    "a surrogate": (Sum(1.0, ("\ud800",)), "surrogates not allowed"),
    "words": (Unparsed("I think it is four."), "JSON is malformed"),
    "nothing": (Unparsed(""), "Input data was truncated"),
    "NaN": (Unparsed('{"total": NaN}'), "JSON is malformed"),
    "infinity": (Unparsed('{"total": 1e999}'), "out of range"),
    "digits": (Unparsed(f'{{"total": {"9" * 5_000}}}'), "out of range"),
    "brackets": (Unparsed("[" * 10_000), "Expected `object`"),
    "deep": (Unparsed('{"else": ' + "[" * 60_000), "recursion"),
    "two": (Unparsed('{"total": 1} or {"total": 2}'), "2 JSON values; give only one"),
    "a bad check": (Unparsed('{"total": 14}'), "KeyError: 'the check itself"),
    "too much": (Unparsed(f'"{"x" * MAX_ANSWER}"'), "bytes; the limit is 65,536"),
    "no text": (Unparsed(cast("str", 5)), "AttributeError"),
}


@pytest.mark.parametrize(("given", "note"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_is_unparsable(given: object, note: str) -> None:
    """Wrong types, broken JSON, impossible numbers: one outcome, with the reason."""
    verdict = await judge(giving(given), ask())

    assert verdict.outcome == "unparsable"
    assert note in verdict.note
    assert verdict.raw or given == Unparsed("")
    assert verdict.raw_size == len(verdict.raw)


async def test_the_raw_text_is_cut_and_its_size_is_true() -> None:
    """A megabyte is kept in part, and the record says how long it was."""
    verdict = await judge(giving(Unparsed("x" * 1_000_000)), ask())

    assert verdict.raw == "x" * MAX_RAW
    assert verdict.raw_size == 1_000_000


async def test_the_longest_raw_text_fits_in_a_message() -> None:
    """Also where each character becomes an escape of twelve bytes."""
    verdict = await judge(giving(Unparsed("\U000e0041" * 200_000)), ask())
    body = Contributed(
        ask="1/L1", step=1, outcome="unparsable", raw=verdict.raw, note=verdict.note
    )

    assert len(encode_body(body)) <= MAX_BODY


async def test_lone_surrogates_in_text_are_replaced() -> None:
    """They are no Unicode text; the answer around them is still one."""
    verdict = await judge(giving(Unparsed('{"total": 1, "why": ["\ud800"]}')), ask())

    assert verdict.value == Sum(1.0, ("\ufffd",))


class Unspeakable(Exception):
    """An error that has no words."""

    def __str__(self) -> str:
        raise RuntimeError("no")


class Unprintable:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise Unspeakable


async def test_an_answer_that_cannot_be_shown_is_unparsable() -> None:
    """Not even its repr may harm anybody."""
    verdict = await judge(giving(Unprintable()), ask())

    assert verdict.outcome == "unparsable"
    assert verdict.raw == "(Unprintable: Unspeakable)"


# -- what is raised


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (SystemExit(3), "SystemExit: 3"),
        (RecursionError("deep"), "RecursionError: deep"),
        (Unspeakable(), "Unspeakable"),
        (ExceptionGroup("two", [ValueError("a"), KeyError("b")]), "ValueError: a"),
        (BaseExceptionGroup("one", [SystemExit(1)]), "SystemExit: 1"),
        (RuntimeError("\x1b[2J"), "RuntimeError: \\u001b[2J"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 488 + "…"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
async def test_what_a_mind_raises_is_a_crash(error: BaseException, note: str) -> None:
    """Whatever it is, it ends this ask and nothing else."""
    verdict = await judge(raising(error), ask())

    assert verdict == Verdict(outcome="crashed", note=note)


async def test_a_cancellation_of_the_minds_own_is_a_crash() -> None:
    """Nobody has cancelled the act: so it is a fault like any other."""
    verdict = await judge(raising(anyio.get_cancelled_exc_class()()), ask())

    assert verdict.outcome == "crashed"


async def test_a_cancelled_act_is_cancelled() -> None:
    """Who waits no longer gets no verdict."""

    async def forever(ask: Ask) -> object:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.CancelScope() as scope:
        scope.cancel()
        await judge(Scripted(forever), ask())

    assert scope.cancelled_caught


@pytest.mark.parametrize("kind", ["timeout", "rate_limit", "bad_reply"])
async def test_a_failed_call_is_a_model_error(kind: Any) -> None:
    """A mind that lets the model's error pass is not to blame."""
    verdict = await judge(raising(ModelError(kind, "words")), ask())

    assert verdict == Verdict(outcome="model_error", note=f"{kind}: words")


async def test_a_refusal_is_an_outcome_of_its_own() -> None:
    """A model that will not answer is no failure of the model's."""
    error = ExceptionGroup("in a group", [ModelError("refused", "no")])

    assert (await judge(raising(error), ask())).outcome == "refused"


@pytest.mark.parametrize("error", [BusUnavailable("gone"), Fenced("L1", 1)])
async def test_the_bus_is_nobodys_outcome(error: Exception) -> None:
    """A worker that has lost its bus or its seat must know."""
    with pytest.raises(type(error)):
        await judge(raising(error), ask())
    with pytest.raises(ExceptionGroup):
        await judge(raising(ExceptionGroup("in a group", [Exception(), error])), ask())


# -- the questions


def test_the_type_of_the_answer_is_in_the_question() -> None:
    """`Question[Answer]` says it, and so do subclasses of such a question's sibling."""
    assert answer_type(Add) is Sum
    assert answer_type(Turn) is Speech
    assert answer_type(Invite) is Invitation


def test_a_question_without_an_answer_is_refused() -> None:
    """A question that does not say its answer is a mistake in the scenario."""

    class Vague(Question[Any], frozen=True, kw_only=True):
        """What?"""

    with pytest.raises(TypeError, match=r"Vague does not say its answer"):
        answer_type(Vague)


def test_an_invitation_goes_to_one_of_the_others() -> None:
    """The schema and the check say the same."""
    question = Invite(round=1, rounds=2, others=("L2", "L3"))
    question.check(Invitation("L2"))
    question.check(Invitation(None))

    assert question.schema()["properties"]["to"]["enum"] == ["L2", "L3", None]
    with pytest.raises(ValueError, match="'L1' is none of L2, L3"):
        question.check(Invitation("L1"))


def test_only_invitations_that_were_made_are_accepted() -> None:
    """The schema and the check say the same."""
    question = Accept(invited_by=("L2",))
    question.check(Acceptance(("L2",)))

    assert question.schema()["properties"]["accept"]["items"] == {"enum": ["L2"]}
    with pytest.raises(ValueError, match="L9 did not invite you"):
        question.check(Acceptance(("L2", "L9")))


@pytest.mark.parametrize(
    "question",
    [
        Turn(room="hall", others=("L2",), turn=1, turns=3),
        Invite(round=1, rounds=2, others=("L2",)),
        Accept(invited_by=("L2",)),
    ],
    ids=lambda question: type(question).__name__,
)
def test_the_schema_and_the_type_agree(question: Question[Any]) -> None:
    """Every property of the schema is a field of the answer, and none is missing."""
    schema, fields = question.schema(), answer_type(type(question)).__struct_fields__

    assert schema is not None
    assert set(schema["properties"]) == set(fields)
    assert not schema["additionalProperties"]
    assert question.prompt()


def test_a_question_has_words_and_a_schema_by_itself() -> None:
    """Its docstring, and what follows from the answer's type."""
    schema = Add().schema()

    assert schema is not None
    assert Add().prompt() == "Add things up, but not to thirteen."
    assert set(schema["$defs"]["Sum"]["properties"]) == {"total", "why"}


def test_a_question_says_what_form_its_answer_has() -> None:
    """JSON, of an object or of another value, or words that match."""

    class Count(Question[int], frozen=True, kw_only=True, tag="count"):
        """How many?"""

    assert Add().instruction() == "Answer with one JSON object and nothing else."
    assert Count().instruction() == "Answer with one JSON value and nothing else."
    assert Contribute().instruction().endswith(Contribute.pattern)


def test_a_question_in_words_has_no_schema() -> None:
    """And its pattern is a fact of the game, not of one ask."""
    assert Contribute().schema() is None
    assert msgspec.json.encode(Contribute()) == b'{"type":"contribute"}'


@pytest.mark.parametrize(
    ("words", "why"),
    [("(", "unterminated"), (r"(?P<sum>\d+)", "the answer has no 'sum'")],
)
def test_a_pattern_that_no_answer_can_match_is_refused(words: str, why: str) -> None:
    """Where the scenario is read, and not when the first model answers."""
    with pytest.raises(TypeError, match=rf"Odd\.pattern: .*{why}"):

        class Odd(Question[Gift], frozen=True, kw_only=True, tag="odd"):  # pyright: ignore[reportUnusedClass]
            """Odd."""

            pattern: ClassVar[str] = words


def test_an_answer_of_a_subclass_is_read_as_its_type() -> None:
    """What the log has is what the scenario reads, and no more."""

    class Long(Sum, frozen=True):
        more: int = 1

    value, encoded = read_answer(Long(2.0), ask())

    assert (type(value), encoded) == (Sum, b'{"total":2.0,"why":[]}')


def test_options_are_read_by_their_type() -> None:
    """A mind's options are checked where it is made."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        depth: int = 3

    part = Part(seat="L1", seats=("L1",), seed=1, options={"depth": "4"})

    assert part.read(Options).depth == 4
    with pytest.raises(BadPopulation, match=r"options of seat L1: .*`dept`"):
        msgspec.structs.replace(part, options={"dept": 4}).read(Options)
