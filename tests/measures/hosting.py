"""Parties written by hand, whose every number is known beforehand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
from hubbub.mind import Question
from hubbub.names import inbox
from hubbub.questions import Accept, Acceptance, Invitation, Invite

from ..playing import Scribe

#: What a seat does with an ask: answers, ends otherwise, or (None) never replies.
Reply = Invitation | Acceptance | Outcome | None


class Host:
    """Writes the log of a party, phase by phase."""

    def __init__(self, *seats: str) -> None:
        self.seats = seats
        self.scribe = Scribe()
        self.step = 0
        self.round = 0
        self.scribe.write(Started(scenario="cocktail-party", seed=1, seats=seats))

    @property
    def messages(self) -> list[Message]:
        """The log so far."""
        return self.scribe.messages

    def begin(self, of: int = 3, number: int | None = None) -> None:
        """The next round begins."""
        self.round = self.round + 1 if number is None else number
        self.scribe.write(RoundBegan(step=self._next(), round=self.round, of=of))

    def ask(
        self,
        questions: Mapping[str, Question[Any]],
        replies: Mapping[str, Reply],
        late: Iterable[str] = (),
    ) -> None:
        """A phase of *questions* with its *replies*; those *late* come after the close."""
        step, late = self._next(), set(late)
        opened = PhaseOpened(step=step, form="collect", what="", seats=tuple(questions))
        self.scribe.write(opened)
        for seat, question in questions.items():
            asked = Asked(
                ask=f"{step}/{seat}",
                step=step,
                question=msgspec.Raw(msgspec.json.encode(question)),
                reply="@conductor",
                budget=1.0,
            )
            self.scribe.write(asked, room=inbox(seat))
        for seat in questions:
            if seat not in late:
                self._reply(step, seat, replies.get(seat))
        self.scribe.write(PhaseClosed(step=step, why="deadline"))
        for seat in late:
            self._reply(step, seat, replies.get(seat))

    def _reply(self, step: int, seat: str, reply: Reply) -> None:
        if reply is None:
            return
        outcome: Outcome = reply if isinstance(reply, str) else "answered"
        body = Contributed(
            ask=f"{step}/{seat}",
            step=step,
            outcome=outcome,
            answer=msgspec.Raw(
                b"null" if isinstance(reply, str) else msgspec.json.encode(reply)
            ),
        )
        self.scribe.write(body, sender=seat, room="@conductor")

    def invite(self, late: Iterable[str] = (), **replies: str | None) -> None:
        """
        Everybody is asked whom to invite.

        A seat's name is an invitation, another word how the ask ended, None an absence.
        """
        questions = {
            seat: Invite(
                round=self.round, rounds=9, others=tuple(set(self.seats) - {seat})
            )
            for seat in self.seats
        }
        given: dict[str, Reply] = {
            seat: Invitation(reply) if reply in self.seats else _outcome(reply)
            for seat, reply in replies.items()
        }
        self.ask(questions, given, late)

    def accept(self, late: Iterable[str] = (), **replies: str | Sequence[str]) -> None:
        """Each seat named is asked; it accepts those given, or ends as the word says."""
        questions = {seat: Accept(invited_by=self.seats) for seat in replies}
        given: dict[str, Reply] = {
            seat: _outcome(reply)
            if isinstance(reply, str)
            else Acceptance(tuple(reply))
            for seat, reply in replies.items()
        }
        self.ask(questions, given, late)

    def chat(self, one: str, other: str, *lines: str, leaves: str = "") -> int:
        """*one* and *other* say *lines* in turn; *leaves* goes with its parting word."""
        step = self._next()
        room = f"chat-{step}-{one}-{other}"
        opened = PhaseOpened(
            step=step, form="chat", what=room, seats=(one, other), turns=9, opener=one
        )
        self.scribe.write(opened, room=room)
        for number, line in enumerate(lines):
            speaker = (one, other)[number % 2]
            said = Said(text=line, turn=f"{step}/{speaker}/{number}")
            self.scribe.write(said, sender=speaker, room=room)
        if leaves:
            left = Left(seats=(leaves,), text="bye", turn=f"{step}/{leaves}/99")
            self.scribe.write(left, sender=leaves, room=room)
        self.scribe.write(PhaseClosed(step=step, why="over"), room=room)
        return step

    def end(self) -> list[Message]:
        """The run ends; its log."""
        self.scribe.write(Ended(steps=self.step))
        return self.messages

    def _next(self) -> int:
        self.step += 1
        return self.step


def _outcome(word: str | None) -> Outcome | None:
    return None if word is None else msgspec.convert(word, Outcome)


def party(
    seats: str,
    *rounds: Sequence[str],
    text: Mapping[str, str] | None = None,
) -> Party:
    """
    A party of *seats*, one letter each.

    Each of *rounds* has its invitations: ``ab`` is a inviting b, ``ab!`` is accepted
    as well, and leads to a conversation, whose words are those of *text* for the round
    and pair, such as ``1ab``, or ``hello``.
    """
    invited: list[Invited] = []
    talks: list[Conversation] = []
    for number, invitations in enumerate(rounds, 1):
        for each in invitations:
            one, other = each[0], each[1]
            invited.append(
                Invited(
                    round=number,
                    inviter=one,
                    outcome="answered",
                    invitee=other,
                    reply="answered",
                    accepted=each.endswith("!"),
                    others=tuple(seat for seat in seats if seat != one),
                )
            )
            if each.endswith("!"):
                words = (text or {}).get(f"{number}{one}{other}", "hello")
                talks.append(
                    Conversation(
                        round=number,
                        room=f"chat-{number}-{one}-{other}",
                        inviter=one,
                        partner=other,
                        utterances=(Utterance(1, one, words),),
                    )
                )
    return Party(
        seats=tuple(seats),
        rounds=len(rounds),
        invited=tuple(invited),
        conversations=tuple(talks),
    )
