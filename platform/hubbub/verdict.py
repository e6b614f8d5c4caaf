"""From what a mind gives to how the ask ended: validation and bounded repair."""

from typing import Any

import msgspec

from hubbub.errors import BusError, ModelError
from hubbub.messages import Outcome
from hubbub.mind import Ask, Mind, Unparsed, answer_type
from hubbub.text import escape_json, safe_text, without_surrogates

#: Further tries after an answer that is not one.
REPAIRS = 2
#: Bytes of one answer.
MAX_ANSWER = 1 << 16
#: Characters kept of what is no answer.
MAX_RAW = 100_000


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

    Whatever the mind raises is an outcome; only `BusError` passes through.
    """
    while True:
        try:
            given = await mind.act(ask)
        except BusError:
            raise
        except ModelError as error:
            outcome: Outcome = "refused" if error.kind == "refused" else "model_error"
            return Verdict(outcome=outcome, note=str(error), tries=ask.attempt)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a mind is user code
            note = safe_text(f"{type(error).__name__}: {error}", 500)
            return Verdict(outcome="crashed", note=note, tries=ask.attempt)
        if given is None:
            return Verdict(outcome="passed", tries=ask.attempt)
        try:
            value, encoded = read_answer(given, ask)
        except ValueError as error:
            if ask.attempt > REPAIRS:
                return _unparsable(given, ask, str(error))
            ask = ask.again(safe_text(str(error), 500), _raw(given)[:2_000])
        else:
            return Verdict(
                outcome="answered", value=value, encoded=encoded, tries=ask.attempt
            )


def read_answer(given: object, ask: Ask) -> tuple[Any, bytes]:
    """
    The answer in *given*, decoded and checked, and its JSON.

    Raises `ValueError` that says what is wrong with it.
    """
    wanted = answer_type(type(ask.question))
    if not isinstance(given, (wanted, Unparsed)):
        raise ValueError(  # noqa: TRY004 - to a mind any wrong answer is the same
            f"expected {wanted.__name__}, got {type(given).__name__}"
        )
    try:
        encoded = (
            without_surrogates(given.text).encode()
            if isinstance(given, Unparsed)
            else msgspec.json.encode(given)
        )
        if len(encoded) > MAX_ANSWER:
            raise ValueError(
                f"the answer has {len(encoded):,} bytes; the limit is {MAX_ANSWER:,}"
            )
        value = msgspec.json.decode(encoded, type=wanted)
    except (TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from None
    ask.question.check(value)
    return value, escape_json(msgspec.json.encode(value))


def _raw(given: object) -> str:
    text = given.text if isinstance(given, Unparsed) else repr(given)
    return without_surrogates(text)


def _unparsable(given: object, ask: Ask, complaint: str) -> Verdict:
    raw = _raw(given)
    return Verdict(
        outcome="unparsable",
        raw=raw[:MAX_RAW],
        raw_size=len(raw),
        note=safe_text(complaint, 500),
        tries=ask.attempt,
    )
