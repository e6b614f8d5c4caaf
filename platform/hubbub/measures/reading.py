"""
A party as a fold of its messages.

It reads the rounds that are over, of every scenario that asks `Invite` and `Accept` or
opens conversations of two within ``stage.rounds``.
"""

from collections.abc import Iterable, Sequence

import msgspec

from hubbub.measures.party import Conversation, Invited, Party, Utterance
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Left,
    Message,
    Outcome,
    PhaseClosed,
    PhaseOpened,
    RoundBegan,
    Said,
    Started,
)
from hubbub.questions import Accept, Acceptance, Invitation, Invite


def read_party(messages: Iterable[Message]) -> Party:
    """
    The party in *messages*, a run's log from its beginning.

    A round is over when the next one begins or the run ends; a round that is not over
    is left out.  The party is over, whatever else is played afterwards, when a round's
    number does not follow the one before, or a seat is asked to invite for another round
    or once more in the same.  An answer counts if it came before its phase closed, else
    the ask's outcome is ``late``.

    Where seats were asked to invite, a round's conversations are those that came of its
    accepted invitations, one for each pair; in rounds without such asks, all of two.
    """
    fold = _Fold()
    for message in messages:
        fold.apply(message)
    return fold.party()


class _Ask(msgspec.Struct):
    round: int
    step: int
    seat: str
    question: Invite | Accept
    outcome: Outcome = "absent"
    answer: bytes = b"null"


class _Chat(msgspec.Struct):
    round: int
    step: int
    room: str
    seats: tuple[str, ...]
    opener: str
    utterances: list[Utterance]
    left: list[str]


class _Tag(msgspec.Struct):
    type: str = ""


class _Fold:
    def __init__(self) -> None:
        self._seats: tuple[str, ...] = ()
        self._round = 0
        self._over = 0
        self._ended = False
        self._closed: set[int] = set()
        self._inviters: set[tuple[int, str]] = set()
        self._asks: dict[str, _Ask] = {}
        self._open: dict[str, _Chat] = {}
        self._chats: list[_Chat] = []

    def apply(self, message: Message) -> None:
        """Fold the next message of the log."""
        match message.body:
            case Started(seats=seats):
                self._seats = seats
            case RoundBegan(round=number):
                self._begin(number)
            case Ended():
                self._end()
            case Asked() as asked if self._is_on:
                self._ask(asked, message.room.removeprefix("@"))
            case Contributed(ask=ask) as given if ask in self._asks:
                self._give(self._asks[ask], given)
            case PhaseOpened(form="chat", seats=seats) as opened if self._is_on:
                if len(seats) == 2:
                    self._talk(opened, message.room)
            case PhaseClosed(step=step):
                self._closed.add(step)
            case Said(turn=turn, text=text) | Left(turn=turn, text=text) if turn:
                self._say(message, turn, text)
            case _:
                pass

    @property
    def _is_on(self) -> bool:
        return self._round > 0 and not self._ended

    def _begin(self, number: int) -> None:
        if number != self._round + 1:
            self._end()
        elif not self._ended:
            self._over = self._round
            self._round = number

    def _end(self) -> None:
        if not self._ended:
            self._over = self._round
            self._ended = True

    def _ask(self, asked: Asked, seat: str) -> None:
        question = None if asked.probe else _question(asked.question)
        if isinstance(question, Invite):
            again = (self._round, seat) in self._inviters
            if again or question.round != self._round:
                self._end()
                return
            self._inviters.add((self._round, seat))
        if question is not None:
            self._asks[asked.ask] = _Ask(self._round, asked.step, seat, question)

    def _give(self, ask: _Ask, given: Contributed) -> None:
        late = ask.step in self._closed
        ask.outcome = "late" if late else given.outcome
        if ask.outcome == "answered":
            ask.answer = bytes(given.answer)

    def _talk(self, opened: PhaseOpened, room: str) -> None:
        opener = opened.opener or opened.seats[0]
        chat = _Chat(self._round, opened.step, room, opened.seats, opener, [], [])
        self._chats.append(chat)
        self._open[room] = chat

    def _say(self, message: Message, turn: str, text: str) -> None:
        chat = self._open.get(message.room)
        if chat is None or not turn.startswith(f"{chat.step}/"):
            return
        if chat.step in self._closed or message.sender not in chat.seats:
            return
        if text.strip():
            chat.utterances.append(Utterance(message.seq, message.sender, text))
        if isinstance(message.body, Left):
            chat.left.append(message.sender)

    def party(self) -> Party:
        """What the messages so far come to."""
        over = [ask for ask in self._asks.values() if ask.round <= self._over]
        hosts = {(a.round, a.seat): a for a in over if isinstance(a.question, Accept)}
        invited = tuple(
            _invited(ask, ask.question, hosts)
            for ask in over
            if isinstance(ask.question, Invite)
        )
        chats = [chat for chat in self._chats if chat.round <= self._over]
        conversations = _arranged([_conversation(chat) for chat in chats], invited)
        return Party(
            seats=_in_order(self._seats, invited, conversations),
            rounds=self._over,
            invited=invited,
            conversations=conversations,
        )


_decode_tag = msgspec.json.Decoder(_Tag).decode


def _question(raw: msgspec.Raw) -> Invite | Accept | None:
    """The question in *raw*, if it is one of a party."""
    try:
        if _decode_tag(raw).type in ("invite", "accept"):
            question: Invite | Accept = msgspec.json.decode(raw, type=Invite | Accept)
            return question
    except msgspec.ValidationError:
        # Some other scenario's, which happens to have the same tag.
        return None
    return None


def _invited(
    ask: _Ask, question: Invite, hosts: dict[tuple[int, str], _Ask]
) -> Invited:
    answer = msgspec.json.decode(ask.answer, type=Invitation | None)
    invitee = answer.to if answer else None
    host = hosts.get((ask.round, invitee)) if invitee is not None else None
    accepted: tuple[str, ...] = ()
    if host is not None and host.outcome == "answered":
        accepted = msgspec.json.decode(host.answer, type=Acceptance).accept
    return Invited(
        round=ask.round,
        inviter=ask.seat,
        outcome=ask.outcome,
        invitee=invitee,
        reply=host.outcome if host else None,
        accepted=ask.seat in accepted,
        others=question.others,
    )


def _conversation(chat: _Chat) -> Conversation:
    one, other = chat.seats
    return Conversation(
        round=chat.round,
        room=chat.room,
        inviter=chat.opener,
        partner=other if chat.opener == one else one,
        utterances=tuple(chat.utterances),
        left=tuple(chat.left),
    )


def _arranged(
    conversations: Sequence[Conversation], invited: Sequence[Invited]
) -> tuple[Conversation, ...]:
    """Those of *conversations* that are the party's own."""
    by_invitation = {each.round for each in invited}
    due = {
        (each.round, frozenset((each.inviter, each.invitee)))
        for each in invited
        if each.accepted and each.invitee is not None
    }
    found: list[Conversation] = []
    for talk in conversations:
        meeting = talk.round, talk.pair
        if talk.round not in by_invitation or meeting in due:
            found.append(talk)
            due.discard(meeting)
    return tuple(found)


def _in_order(
    seats: Sequence[str],
    invited: Sequence[Invited],
    conversations: Sequence[Conversation],
) -> tuple[str, ...]:
    """The party's seats: first those of *seats*, then any that came later."""
    there = dict.fromkeys(each.inviter for each in invited)
    there |= dict.fromkeys(other for each in invited for other in each.others)
    for talk in conversations:
        there |= dict.fromkeys((talk.inviter, talk.partner))
    return (*(s for s in seats if s in there), *(s for s in there if s not in seats))
