"""The questions of free conversation, which every kind of mind can answer."""

from typing import Any

import msgspec

from hubbub.messages import Contributed, Left, Message, Said
from hubbub.mind import Question

#: Characters that a model may say in a turn: they fit its 256 tokens even one by one.
MAX_WORDS = 200


class Speech(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to say now, and whether to leave the conversation with it."""

    text: str
    leave: bool = False


class Turn(Question[Speech], frozen=True, kw_only=True, tag="turn"):
    """
    It is your turn in a conversation.

    *others* are those who hear it; when *parting*, all of them have left and this is
    the last word.  *turn* of *turns*, from 1.
    """

    room: str
    others: tuple[str, ...]
    turn: int
    turns: int
    parting: bool = False

    def prompt(self) -> str:
        who = " and ".join(self.others)
        if self.parting:
            return f"You were talking with {who} and are alone now. Say a last word."
        last = " This is your last turn here." if self.turn == self.turns else ""
        return (
            f"You are talking with {who}. Say one or two sentences to {who}, and set "
            f'"leave" to true only if you want to end this conversation.{last}'
        )

    def schema(self) -> dict[str, Any] | None:
        return {
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "maxLength": MAX_WORDS},
                "leave": {"type": "boolean"},
            },
            "required": ["text", "leave"],
            "additionalProperties": False,
        }


class Interview(Turn, frozen=True, kw_only=True, tag="interview"):
    """
    Somebody from outside *wants to know* something, in a conversation of two.

    To minds that know no interviews it is a turn like any other.
    """

    pattern = r"(?s)(?P<text>\S.*)"

    wants_to_know: str

    def prompt(self) -> str:
        return (
            "Somebody who does not take part asks you something in private; none of the "
            f"others will ever hear of it. The question: {self.wants_to_know}"
        )

    def instruction(self) -> str:
        return "Answer it in your own words, in a few sentences."

    def schema(self) -> dict[str, Any] | None:
        return None


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite; None for nobody."""

    to: str | None = None


class Invite(Question[Invitation], frozen=True, kw_only=True, tag="invite"):
    """Invite at most one of *others* to a conversation in this round, or nobody."""

    round: int
    rounds: int
    others: tuple[str, ...]

    def prompt(self) -> str:
        return (
            f"Round {self.round} of {self.rounds}. You may invite one of the others "
            f"({', '.join(self.others)}) to talk with you, about whatever you like. "
            'Give the name in "to", or null to invite nobody.'
        )

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"to": {"enum": [*self.others, None]}},
            "required": ["to"],
            "additionalProperties": False,
        }

    def check(self, answer: Invitation) -> None:
        if answer.to is not None and answer.to not in self.others:
            raise ValueError(f"{answer.to!r} is none of {', '.join(self.others)}")


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose invitations to accept; any number of them."""

    accept: tuple[str, ...] = ()


class Accept(Question[Acceptance], frozen=True, kw_only=True, tag="accept"):
    """Accept any of the invitations you got from *invited_by*, or none."""

    invited_by: tuple[str, ...]

    def prompt(self) -> str:
        return (
            f"You are invited by {', '.join(self.invited_by)}. Each conversation is "
            'between two. List the names you accept in "accept"; it may be empty.'
        )

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "accept": {
                    "type": "array",
                    "items": {"enum": list(self.invited_by)},
                    "maxItems": len(self.invited_by),
                }
            },
            "required": ["accept"],
            "additionalProperties": False,
        }

    def check(self, answer: Acceptance) -> None:
        strangers = [name for name in answer.accept if name not in self.invited_by]
        if strangers:
            raise ValueError(f"{', '.join(strangers)} did not invite you")


class _Words(msgspec.Struct):
    text: str = ""


def spoken(event: Message) -> str:
    """What *event* says in words, in a chat or in an ordered turn; else nothing."""
    match event.body:
        case Said(text=text) | Left(text=text):
            return text
        case Contributed(outcome="answered", answer=answer):
            try:
                return msgspec.json.decode(answer, type=_Words).text
            except msgspec.ValidationError:
                return ""
        case _:
            return ""
