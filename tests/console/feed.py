"""Messages for the console's tests, stamped the way the bus stamps them."""

from collections import Counter
from io import StringIO
from typing import Any

import msgspec
from rich.console import Console

from hubbub.messages import KIND_OF, Body, Called, Message, PhaseClosed, PhaseOpened
from hubbub.models.base import Call, Reply, Request
from hubbub.names import CONDUCTOR, LEDGER, PHASES

#: What must never reach a terminal as it is, and how it is shown instead.
HOSTILE = {
    "\x1b[2J": "\\u001b[2J",
    "\x1b]8;;http://evil.example\x1b\\here": "\\u001b]8;;http://evil.example",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\x9b31m": "\\u009b31m",
    "[red]alarm[/red]": "[red]alarm[/red]",
    "[link=http://evil.example]x[/link]": "[link=http://evil.example]x[/link]",
    ":skull:": ":skull:",
}


class Feed:
    """Stamps bodies, one after the other, a tenth of a second apart."""

    def __init__(self) -> None:
        self.seq = 0
        self._n: Counter[str] = Counter()
        self._no: Counter[str] = Counter()

    def __call__(
        self, body: Body, sender: str = CONDUCTOR, room: str = PHASES
    ) -> Message:
        self.seq += 1
        self._n[room] += 1
        self._no[sender] += 1
        return Message(
            seq=self.seq,
            room=room,
            n=self._n[room],
            at=1_763_690_000_000 + self.seq * 100,
            sender=sender,
            no=self._no[sender],
            inc=1,
            seen=self.seq - 1,
            kind=KIND_OF[type(body)],
            body=body,
        )

    def chat(self, step: int, *seats: str) -> Message:
        """A chat of *seats* opens in a room of its own."""
        opened = PhaseOpened(step=step, form="chat", what="chat", seats=seats, turns=6)
        return self(opened, room=f"chat-{step}-{'-'.join(seats)}")

    def collect(self, step: int) -> Message:
        """A sealed phase opens."""
        return self(PhaseOpened(step=step, form="collect", what="Invite"))

    def close(self, step: int) -> Message:
        """A sealed phase closes."""
        return self(PhaseClosed(step=step, why="deadline"))

    def call(
        self, id: str, seat: str, reply: Reply | None = None, **more: Any
    ) -> Message:
        """A model call: *reply*, or a time-out, and *more* of its record."""
        request = Request(model="scripted/wise", prompts=())
        if reply is None:
            more = {"error": "timeout", "detail": "cut off"} | more
        call = Call(call=id, seat=seat, request=request, reply=reply, took=0.5, **more)
        record = msgspec.Raw(msgspec.json.encode(call))
        return self(Called(call=id, record=record), sender=seat, room=LEDGER)


def terminal(width: int = 100) -> Console:
    """A console that believes it is a terminal and keeps what it writes."""
    return Console(
        file=StringIO(),
        force_terminal=True,
        force_interactive=True,
        color_system="truecolor",
        width=width,
        _environ={},
    )


def pipe() -> Console:
    """A console that writes to no terminal and keeps what it writes."""
    return Console(file=StringIO(), width=80, _environ={})


def written(console: Console) -> str:
    """What *console* has written so far."""
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
