"""From what a mind gives to how the ask ended: validation and bounded repair."""

import asyncio
from typing import Any

import msgspec

from hubbub.errors import BudgetSpent, BusError, ModelError, first_error
from hubbub.messages import Outcome
from hubbub.mind import Ask, Mind, Question, Unparsed, answer_type
from hubbub.reading import read_json, read_words
from hubbub.secrets import mask
from hubbub.text import escape_json, safe_text, without_surrogates

#: Further tries after an answer that is not one.
REPAIRS = 2
#: Bytes of one answer.
MAX_ANSWER = 1 << 16
#: Characters kept of what is no answer; each may take 12 bytes of a message's body.
MAX_RAW = 80_000
#: Characters of it that the mind is shown when it is asked again.
MAX_SHOWN = 2_000


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How an act ended; *value* is the answer where *outcome* is ``answered``."""

    outcome: Outcome
    value: Any = None
    encoded: bytes = b"null"
    raw: str = ""
    raw_size: int = 0
    note: str = ""
    tries: int = 1


async def judge(mind: Mind, ask: Ask) -> Verdict:
    """
    Let *mind* act until its answer is legal, `REPAIRS` times again at most.

    Whatever the mind raises is an outcome; only `BusError`, Ctrl-C and a cancellation
    from outside pass through.
    """
    while True:
        try:
            given = await mind.act(ask)
        except BaseException as raised:  # noqa: BLE001 - a mind is user code
            return _failed(raised, ask)
        if given is None:
            return Verdict(outcome="passed", tries=ask.attempt)
        try:
            value, encoded = read_answer(given, ask)
        except ValueError as error:
            raw, complaint = _raw(given), safe_text(str(error), 500)
        else:
            return Verdict(
                outcome="answered", value=value, encoded=encoded, tries=ask.attempt
            )
        if ask.attempt > REPAIRS:
            return Verdict(
                outcome="unparsable",
                raw=raw[:MAX_RAW],
                raw_size=len(raw),
                note=complaint,
                tries=ask.attempt,
            )
        ask = ask.again(complaint, raw[:MAX_SHOWN])


def _failed(raised: BaseException, ask: Ask) -> Verdict:
    """The outcome of an act that *raised*, unless that is not the mind's doing."""
    error = first_error(raised)
    if isinstance(error, BusError | KeyboardInterrupt | GeneratorExit):
        raise raised
    if isinstance(error, asyncio.CancelledError) and _cancelled():
        raise raised
    if isinstance(error, BudgetSpent):
        return Verdict(outcome="budget_stop", note=str(error), tries=ask.attempt)
    if isinstance(error, ModelError):
        outcome: Outcome = "refused" if error.kind == "refused" else "model_error"
        return Verdict(outcome=outcome, note=str(error), tries=ask.attempt)
    note = safe_text(_told(error), 500)
    return Verdict(outcome="crashed", note=note, tries=ask.attempt)


def _told(error: BaseException) -> str:
    """*error* in words, which may be a mind's own and fail as well."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - so is its error
        return type(error).__name__


def _cancelled() -> bool:
    """Whether somebody has cancelled this task, and not the mind itself an act."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def read_answer(given: object, ask: Ask) -> tuple[Any, bytes]:
    """
    The answer in *given*, decoded and checked, and its JSON.

    Raises `ValueError` that says what is wrong with it.
    """
    try:
        value = _value(given, ask.question)
        ask.question.check(value)
        return value, escape_json(msgspec.json.encode(value))
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - a check is a scenario's code
        raise ValueError(_told(error)) from None


def _value(given: object, question: Question[Any]) -> Any:
    wanted = answer_type(type(question))
    if isinstance(given, Unparsed):
        text = without_surrogates(given.text)
        _bounded(text.encode())
        if question.pattern is None:
            return read_json(text, wanted)
        return read_words(text, question.pattern, wanted)
    if not isinstance(given, wanted):
        raise ValueError(  # noqa: TRY004 - to a mind any wrong answer is the same
            f"expected {wanted.__name__}, got {type(given).__name__}"
        )
    return msgspec.json.decode(_bounded(msgspec.json.encode(given)), type=wanted)


def _bounded(answer: bytes) -> bytes:
    """*answer*; `ValueError` where it has more than `MAX_ANSWER` bytes."""
    if len(answer) > MAX_ANSWER:
        raise ValueError(
            f"the answer has {len(answer):,} bytes; the limit is {MAX_ANSWER:,}"
        )
    return answer


def _raw(given: object) -> str:
    """What the mind gave, as text."""
    try:
        text = given.text if isinstance(given, Unparsed) else mask(repr(given))
        return without_surrogates(text)
    except Exception as error:  # noqa: BLE001 - the answer's own repr
        return f"({type(given).__name__}: {_told(error)})"
