"""The table of outcomes: how every ask and turn ended, each exactly once."""

from collections.abc import Iterable
from typing import NamedTuple

from hubbub.data.columns import Row
from hubbub.data.course import Course, is_turn, step_of
from hubbub.data.fold import Fold
from hubbub.data.rows import OutcomeRow
from hubbub.messages import (
    Asked,
    Contributed,
    Faulted,
    Left,
    Message,
    Outcome,
    Passed,
    Said,
)
from hubbub.names import CONDUCTOR


class _Asked(NamedTuple):
    seq: int
    seat: str
    step: int


class Outcomes(Fold):
    """
    Every outcome.

    An ask has none while its phase is open.  What came after the close is late; asks
    that nobody answered are absent and come last.  Memory grows with those.
    """

    row = OutcomeRow
    kinds = ("ask", "contribution", "say", "pass", "leave", "fault")

    def __init__(self) -> None:
        self._pending: dict[str, _Asked] = {}
        # What a turn's mind gave is told before the turn ends.
        self._complaints: dict[str, Faulted] = {}

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        match message.body:
            case Asked(ask=ask, step=step):
                seat = message.room.removeprefix("@")
                self._pending[ask] = _Asked(message.seq, seat, step)
            case Contributed() as given:
                yield self._contribution(message, given, course)
            case Said(turn=turn) | Left(turn=turn) if turn:
                if message.sender != CONDUCTOR:
                    yield self._turn(message, turn, "answered", "", course)
            case Passed(turn=turn, outcome=outcome, note=note):
                yield self._turn(message, turn, outcome, note, course)
            case Faulted(ask=id) as fault if is_turn(id):
                self._complaints[id] = fault
            case _:
                pass

    def _contribution(
        self, message: Message, given: Contributed, course: Course
    ) -> OutcomeRow:
        asked = self._pending.pop(given.ask, None)
        answer = bytes(given.answer).decode()
        return OutcomeRow(
            id=given.ask,
            act="ask",
            seat=message.sender,
            step=given.step,
            round=course.round_of(given.step),
            outcome=given.outcome if given.step in course.open else "late",
            given=given.outcome,
            asked_seq=asked.seq if asked else None,
            seq=message.seq,
            at=message.at,
            tries=given.tries,
            answer=answer if given.outcome == "answered" else None,
            raw=given.raw or None,
            raw_size=given.raw_size,
            note=given.note or None,
        )

    def _turn(
        self, message: Message, turn: str, outcome: Outcome, note: str, course: Course
    ) -> OutcomeRow:
        step = step_of(turn)
        complaint = self._complaints.pop(turn, None)
        return OutcomeRow(
            id=turn,
            act="turn",
            seat=message.sender,
            step=step,
            round=course.round_of(step),
            outcome=outcome,
            given=outcome,
            asked_seq=None,
            seq=message.seq,
            at=message.at,
            tries=None,
            answer=None,
            raw=complaint.raw if complaint else None,
            raw_size=complaint.raw_size if complaint else 0,
            note=note or None,
        )

    def end(self, course: Course) -> Iterable[Row]:
        for ask, asked in self._pending.items():
            if asked.step not in course.open:
                yield OutcomeRow(
                    id=ask,
                    act="ask",
                    seat=asked.seat,
                    step=asked.step,
                    round=course.round_of(asked.step),
                    outcome="absent",
                    given=None,
                    asked_seq=asked.seq,
                    seq=None,
                    at=None,
                    tries=None,
                    answer=None,
                    raw=None,
                    raw_size=0,
                    note=None,
                )
