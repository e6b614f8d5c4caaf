"""
The mind whose thoughts are elsewhere: it passes on what is asked, and waits.

What comes back is on record, as a model's reply is, before it is used.  So whoever takes
the seat over finds it there and asks for nothing twice, and a replay needs no client.
"""

from hubbub.errors import BadPopulation
from hubbub.gateway.asks import Answer
from hubbub.gateway.desk import Desk
from hubbub.groups import REMOTE
from hubbub.messages import Message
from hubbub.mind import Ask, Mind, Part, Unparsed
from hubbub.models.base import Model, Reply, Request, Sampling

#: How a reply is finished that is none: the client passes.
PASSED = "passed"


class Remote(Mind):
    """A seat taken from outside, at *desk*; without one, only the record answers."""

    def __init__(self, part: Part, desk: Desk | None = None) -> None:
        super().__init__(part)
        if part.model or part.options:
            raise BadPopulation(f"the mind {REMOTE} takes neither model nor options")
        self._desk = desk or Desk(part.seat)
        self._desk.clear()
        # What is asked is in the log already, and costs no token.
        self._request = Request(
            model=f"{REMOTE}/{part.seat}",
            prompts=(),
            sampling=Sampling(temperature=None, max_tokens=1),
        )

    def observe(self, event: Message) -> None:
        self._desk.hear(event)

    async def act(self, ask: Ask) -> object:
        with self._desk.asking(ask):
            reply = await ask.complete(self._request)
            text = None if reply.finish == PASSED else reply.text
            self._desk.take(Answer(text))
        return None if text is None else Unparsed(text)


class Line(Model):
    """What a remote mind reaches its clients by, at *desk*."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """Wait until somebody answers, or the act is cut off: who is late is late."""
        answer = await self._desk.answer()
        text, finish = answer.text or "", PASSED if answer.text is None else "answered"
        return Reply(text=text, finish=finish, tokens_in=0, tokens_out=0)
