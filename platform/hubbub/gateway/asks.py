"""What a client sees of an ask: how it is put, and how it has ended."""

from typing import Any

import msgspec

from hubbub.errors import GatewayRefused
from hubbub.messages import Body, Contributed, Left, Outcome, Passed, Said
from hubbub.mind import Ask
from hubbub.questions import Turn


class Answer(msgspec.Struct, frozen=True):
    """What a client gives: *text*, JSON or words, or None to pass."""

    text: str | None


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an ask or turn ended, at *seq*; *answer* is what the log has of it."""

    ask: str
    outcome: Outcome
    seq: int
    answer: msgspec.Raw = msgspec.Raw(b"null")
    note: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """
    An ask as a client sees it.

    It is asked for the *attempt*-th time, since there is something wrong with the last
    answer, which *complaint* says.  *words* put it, *how* says what form the answer has:
    JSON that follows *schema*, or words that match *pattern*.  *heard* is how many events
    the seat has heard by then, *seconds* how many are left.  In a *chat* one says, passes
    or leaves.
    """

    ask: str
    attempt: int
    kind: str
    chat: bool
    probe: bool
    words: str
    how: str
    schema: dict[str, Any] | None
    pattern: str | None
    question: Any
    complaint: str
    heard: int
    seconds: float


def judge(ending: Ending, answer: Answer, *, given: bool) -> Ending:
    """*ending*, if *answer* has brought it; *given* says that it was the last one."""
    told = msgspec.structs.asdict(ending)
    if ending.outcome == "unparsable" and given:
        raise GatewayRefused("unfit", ending.note, **told)
    if ending.outcome in ("answered", "passed") and (given or _same(answer, ending)):
        return ending
    words = f"it has ended as {ending.outcome}, and not by this answer"
    raise GatewayRefused("ended", words, **told)


def opened(ask: Ask, attempt: int, heard: int) -> Open:
    """*ask* as a client sees it, whose seat has *heard* so many events."""
    question = ask.question
    return Open(
        ask=ask.id,
        attempt=attempt,
        kind=str(question.__struct_config__.tag),
        chat=isinstance(question, Turn),
        probe=ask.probe,
        words=question.prompt(),
        how=question.instruction(),
        schema=question.schema(),
        pattern=question.pattern,
        question=msgspec.to_builtins(question),
        complaint=ask.complaint,
        heard=heard,
        seconds=ask.budget,
    )


def ending_of(body: Body, seq: int) -> Ending | None:
    """The ending that *body* is, if it is one."""
    match body:
        case Contributed(ask=ask, outcome=outcome, answer=answer, note=note):
            return Ending(ask=ask, outcome=outcome, seq=seq, answer=answer, note=note)
        case Said(turn=turn, text=text) | Left(turn=turn, text=text) if turn:
            said = {"text": text, "leave": isinstance(body, Left)}
            answer = msgspec.Raw(msgspec.json.encode(said))
            return Ending(ask=turn, outcome="answered", seq=seq, answer=answer)
        case Passed(turn=turn, outcome=outcome, note=note):
            return Ending(ask=turn, outcome=outcome, seq=seq, note=note)
        case _:
            return None


def _same(answer: Answer, ending: Ending) -> bool:
    """
    Whether *ending* may be that of *answer*, of which only the log is known.

    The log's answer may have more fields, which are their defaults.
    """
    if answer.text is None:
        return ending.outcome == "passed"
    try:
        given: Any = msgspec.json.decode(answer.text)
        logged: Any = msgspec.json.decode(ending.answer)
    except (ValueError, RecursionError):
        return False
    if isinstance(given, dict) and isinstance(logged, dict):
        return bool({**logged, **given} == logged)
    return bool(given == logged)
