"""The tables of what was said, asked and declared: a row where a message comes."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hubbub.data.columns import Row
from hubbub.data.course import Course, is_turn, step_of
from hubbub.data.fold import Fold
from hubbub.data.rows import AskRow, MessageRow, ResultRow
from hubbub.messages import (
    Asked,
    Body,
    Called,
    Contributed,
    Faulted,
    Left,
    Message,
    Noted,
    Passed,
    Remembered,
    Resulted,
    Said,
)
from hubbub.seat import ask_of

_encode = msgspec.json.Encoder().encode


class _Place(NamedTuple):
    """Where a message belongs: its step, and the ask or turn it is about."""

    step: int | None = None
    id: str = ""
    text: str | None = None
    whole: bool = False


class Messages(Fold):
    """Every message."""

    row = MessageRow

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        place = _place(message.body)
        turn = is_turn(place.id)
        row = MessageRow(
            seq=message.seq,
            room=message.room,
            n=message.n,
            at=message.at,
            sender=message.sender,
            no=message.no,
            inc=message.inc,
            seen=message.seen,
            kind=message.kind,
            round=course.round_of(place.step),
            step=place.step,
            ask=None if turn else place.id or None,
            turn=place.id if turn else None,
            text=place.text,
            body=None if place.whole else _encode(message.body).decode(),
        )
        return (row,)


def _place(body: Body) -> _Place:
    match body:
        case Said(text=text, turn=turn, step=step):
            return _Place(step or step_of(turn), turn, text, whole=True)
        case Passed(turn=turn):
            return _Place(step_of(turn), turn, whole=True)
        case Asked(ask=ask, step=step) | Contributed(ask=ask, step=step):
            return _Place(step, ask, whole=True)
        case Called(call=call):
            return _Place(step_of(call), ask_of(call), whole=True)
        case Remembered(memory=memory, text=text):
            return _Place(step_of(memory), ask_of(memory), text)
        case Faulted(ask=ask):
            return _Place(step_of(ask), ask)
        case Left(text=text, turn=turn, step=step) if turn:
            return _Place(step or step_of(turn), turn, text)
        case Noted(text=text):
            return _Place(text=text, whole=True)
        case Resulted(step=step):
            return _Place(step, whole=True)
        case _:
            return _Place(getattr(body, "step", 0) or None)


class Asks(Fold):
    """Every ask."""

    row = AskRow
    kinds = ("ask",)

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        body = message.body
        assert isinstance(body, Asked)
        opened = course.open.get(body.step)
        row = AskRow(
            ask=body.ask,
            seq=message.seq,
            at=message.at,
            seat=message.room.removeprefix("@"),
            step=body.step,
            round=course.round_of(body.step),
            form=opened.form if opened else None,
            what=opened.what if opened else None,
            question=bytes(body.question).decode(),
            room=body.reply,
            budget=body.budget,
        )
        return (row,)


class Results(Fold):
    """Every result."""

    row = ResultRow
    kinds = ("result",)

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        body = message.body
        assert isinstance(body, Resulted)
        row = ResultRow(
            seq=message.seq,
            step=body.step,
            round=course.round_of(body.step),
            name=body.name,
            value=bytes(body.value).decode(),
        )
        return (row,)
