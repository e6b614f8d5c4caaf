"""What a model is shown of a message: one line of JSON, so that no text can leave it."""

import msgspec

from hubbub.messages import (
    Contributed,
    Left,
    Message,
    PhaseOpened,
    Remembered,
    Said,
    Ticked,
)
from hubbub.text import escape_json

#: Characters of one message that are shown: who says more shall not push out of a
#: model's memory what all others said.
QUOTED = 1_000
#: Names of a conversation's company; the rest is counted.
NAMED = 8


class _Quote(msgspec.Struct, omit_defaults=True):
    n: int
    room: str
    sender: str
    text: str = ""
    answer: msgspec.Raw = msgspec.Raw(b"")


class _Memory(msgspec.Struct):
    memory: str
    form: str
    text: str


def longest(context: int) -> int:
    """
    The characters of one message that are shown in a context of so many tokens.

    No message alone can fill a small context either, whatever its characters are.
    """
    return min(QUOTED, context // 8)


def line_of(event: Message, seat: str, most: int = QUOTED) -> str | None:
    """
    The line for *event* as *seat* has heard it; None if there is nothing to show.

    What is said is cut after *most* characters.
    """
    sender = "you" if event.sender == seat else event.sender
    quote = _Quote(n=event.seq, room=event.room, sender=sender)
    match event.body:
        case Said(text=text) | Left(text=text) if text:
            quote.text = cut(text, most)
        case Contributed(answer=answer, outcome="answered") if len(answer) <= most:
            quote.answer = answer
        case Contributed(answer=answer, outcome="answered"):
            quote.text = cut(bytes(answer).decode(), most)
        case PhaseOpened(form="chat", seats=seats):
            return f"[a conversation between {_company(seats)} begins]"
        case Ticked(name=name, value=value):
            return f"[{name}: {cut(bytes(value).decode(), most)}]"
        case _:
            return None
    return escape_json(msgspec.json.encode(quote)).decode()


def line_of_memory(memory: Remembered) -> str:
    """The line for what the seat itself has made of what it had heard."""
    made = _Memory(memory.memory, memory.form, memory.text)
    return escape_json(msgspec.json.encode(made)).decode()


def words_of(event: Message) -> str:
    """What is said in *event*, as far as it is shown and without its frame."""
    match event.body:
        case Said(text=text) | Left(text=text):
            return cut(text)
        case Contributed(answer=value) | Ticked(value=value):
            return cut(bytes(value).decode())
        case PhaseOpened(seats=seats):
            return _company(seats)
        case _:
            return ""


def cut(text: str, most: int = QUOTED) -> str:
    """The first *most* characters of *text*, with a mark where there are more."""
    return text if len(text) <= most else text[:most] + "…"


def _company(seats: tuple[str, ...]) -> str:
    shown, rest = seats[:NAMED], len(seats) - NAMED
    return " and ".join(shown) + (f" and {rest} others" if rest > 0 else "")
