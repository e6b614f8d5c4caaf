"""The table of edges: who turned to whom, in which round, how often."""

from collections.abc import Iterable

import msgspec

from hubbub.data.columns import Row
from hubbub.data.course import Course, step_of
from hubbub.data.fold import Fold
from hubbub.data.rows import EdgeRow
from hubbub.messages import (
    Asked,
    Contributed,
    Left,
    Message,
    PhaseClosed,
    PhaseOpened,
    RoundBegan,
    Said,
)
from hubbub.questions import Accept, Acceptance, Invitation, Invite

_Key = tuple[int | None, str, str, str]


class _Tag(msgspec.Struct):
    type: str = ""


_decode_tag = msgspec.json.Decoder(_Tag).decode
_decode_question = msgspec.json.Decoder(Invite | Accept).decode


class Edges(Fold):
    """
    Every edge.

    Invitations and acceptances count that came before their phase closed.  Memory grows
    with the edges of one round, and with invitations that nobody has answered.
    """

    row = EdgeRow
    kinds = (
        "ask",
        "contribution",
        "say",
        "leave",
        "phase.open",
        "phase.close",
        "round",
    )

    def __init__(self) -> None:
        self._asks: dict[str, Invite | Accept] = {}
        self._asked: dict[int, list[str]] = {}
        self._talks: dict[str, PhaseOpened] = {}
        self._edges: dict[_Key, EdgeRow] = {}

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        match message.body:
            case RoundBegan():
                done, self._edges = self._edges, {}
                return done.values()
            case Asked() as asked:
                if question := _question(asked.question):
                    self._asks[asked.ask] = question
                    self._asked.setdefault(asked.step, []).append(asked.ask)
            case Contributed(ask=ask) as given:
                if (question := self._asks.pop(ask, None)) and given.outcome == (
                    "answered"
                ):
                    self._answer(message, question, given, course)
            case PhaseOpened(form="chat", seats=seats) as opened if len(seats) == 2:
                self._talks[message.room] = opened
                self._count(message, "talk", *_turned(opened), opened.step, course)
            case PhaseClosed(step=step):
                self._talks.pop(message.room, None)
                for ask in self._asked.pop(step, ()):
                    self._asks.pop(ask, None)
            case Said(turn=turn, text=text) | Left(turn=turn, text=text):
                self._say(message, turn, text, course)
            case _:
                pass
        return ()

    def _answer(
        self,
        message: Message,
        question: Invite | Accept,
        given: Contributed,
        course: Course,
    ) -> None:
        seat, step = message.sender, given.step
        if isinstance(question, Invite):
            invited = msgspec.json.decode(given.answer, type=Invitation).to
            if invited is not None:
                self._count(message, "invite", seat, invited, step, course)
        else:
            accepted = msgspec.json.decode(given.answer, type=Acceptance).accept
            for inviter in accepted:
                self._count(message, "accept", seat, inviter, step, course)

    def _say(self, message: Message, turn: str, text: str, course: Course) -> None:
        talk, seat = self._talks.get(message.room), message.sender
        if talk is None or step_of(turn) != talk.step or seat not in talk.seats:
            return
        if text.strip():
            one, other = talk.seats
            to = other if seat == one else one
            self._count(message, "say", seat, to, talk.step, course)

    def _count(
        self,
        message: Message,
        kind: str,
        source: str,
        target: str,
        step: int,
        course: Course,
    ) -> None:
        round = course.round_of(step)
        key = round, kind, source, target
        before = self._edges.get(key)
        self._edges[key] = EdgeRow(
            source=source,
            target=target,
            kind=kind,
            round=round,
            weight=before.weight + 1 if before else 1,
            first_seq=before.first_seq if before else message.seq,
            last_seq=message.seq,
            first_at=before.first_at if before else message.at,
            last_at=message.at,
        )

    def end(self, course: Course) -> Iterable[Row]:
        return self._edges.values()


def _turned(opened: PhaseOpened) -> tuple[str, str]:
    """Who opens a conversation of two, and with whom."""
    one, other = opened.seats
    return (other, one) if opened.opener == other else (one, other)


def _question(raw: msgspec.Raw) -> Invite | Accept | None:
    """The question in *raw*, if it is one of a party."""
    try:
        if _decode_tag(raw).type in ("invite", "accept"):
            question: Invite | Accept = _decode_question(raw)
            return question
    except msgspec.ValidationError:
        # Some other scenario's, which happens to have the same tag.
        return None
    return None
