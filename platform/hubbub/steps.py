"""The numbered steps of a scenario: each is in the log once, and is found there again."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from hubbub.bus.base import Voice
from hubbub.errors import ScenarioChanged
from hubbub.journal import Journal, Step
from hubbub.messages import (
    KIND_OF,
    Body,
    Joined,
    Left,
    Message,
    Muted,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Ticked,
    encode_body,
)
from hubbub.names import check_room
from hubbub.text import safe_text

B = TypeVar("B", bound=Body)


class Steps:
    """
    Counts the steps of one play and brings each into the log, unless it is there.

    *known* is how far the log went when this play began: what is not in it by then will
    not come, for the conductors before have been fenced.
    """

    def __init__(self, voice: Voice, journal: Journal, known: int) -> None:
        self.count = 0
        self._voice = voice
        self._journal = journal
        self._known = known

    def next(self) -> int:
        """The number of one more step, from 1."""
        self.count += 1
        return self.count

    async def find(self, number: int, room: str, body: Body) -> Step:
        """
        What the log has of step *number*, which is to begin with *body* in *room*.

        Waits until the log is known to have it or not; raises `ScenarioChanged`, and
        what `checked` raises.
        """
        body = checked(room, body)
        step = self._journal.step(number)
        single = not isinstance(body, PhaseOpened)
        while self._journal.cursor < self._known and not (
            step.settled or (single and step.made)
        ):
            await self._journal.move()
        if step.made is not None:
            _compare(number, step.made, room, body)
        return step

    async def tell(self, number: int, room: str, body: Body) -> Step:
        """Make step *number*, which is *body* in *room* and nothing else."""
        step = await self.find(number, room, body)
        if step.made is None:
            await self.say(room, body)
        self._journal.forget(number)
        return step

    async def say(self, room: str, body: Body) -> None:
        """Post, and wait until the journal has read it."""
        await self.say_all([(room, body)])

    async def say_all(self, posts: Sequence[tuple[str, Body]]) -> None:
        """Post all, and wait until the journal has read them."""
        if posts:
            receipts = await self._voice.say_all(posts, seen=self._journal.cursor)
            await self._journal.reach(receipts[-1].seq)

    async def finish(self) -> None:
        """The play is over: raise `ScenarioChanged` if the log goes on after its end."""
        await self._journal.reach(self._known)
        if further := self._journal.beyond(self.count):
            recorded = _outline(further.room, further.body)
            raise ScenarioChanged(self.count + 1, recorded, "the end")


def checked(room: str, body: B) -> B:
    """
    *body* as readers of the log will see it.

    Raises `BadName`, `MessageTooLarge`, or `msgspec.ValidationError` for what they
    could not read.
    """
    check_room(room)
    return msgspec.json.decode(encode_body(body), type=type(body))


def digest(*parts: bytes) -> str:
    """A short name for what *parts* hold."""
    return sha256(b"\n".join(parts)).hexdigest()[:16]


def _compare(number: int, made: Message, room: str, body: Body) -> None:
    """Raise `ScenarioChanged` unless *made* is how a step with *body* in *room* begins."""
    if isinstance(made.body, Joined) and isinstance(body, PhaseOpened):
        # Its conductor died between the joining and the opening of a chat.
        same = made.room == room and set(made.body.seats) <= set(body.seats)
    else:
        same = made.room == room and made.body == body
    if not same:
        recorded, found = _outline(made.room, made.body), _outline(room, body)
        raise ScenarioChanged(number, recorded, found)


def _outline(room: str, body: Body) -> str:
    return f"{_words(room, body)} [{digest(encode_body(body))[:8]}]"


def _words(room: str, body: Any) -> str:
    match body:
        case PhaseOpened(form="chat", seats=seats):
            return f"chat of {len(seats)} seats in {room}"
        case PhaseOpened(form=form, what=what, seats=seats):
            return f"{form} {what} of {len(seats)} seats"
        case Started(scenario=scenario, seed=seed, seats=seats):
            return f"start of {scenario} with {len(seats)} seats and seed {seed}"
        case RoundBegan(round=round, of=of):
            return f"round {round} of {of}"
        case Said(text=text):
            return f"post {safe_text(text, 60)!r} in {room}"
        case Ticked(name=name):
            return f"tick {safe_text(name, 60)} in {room}"
        case Muted(seat=seat, on=on):
            return f"{'unmute' if on else 'mute'} {seat} in {room}"
        case Resulted(name=name):
            return f"result {safe_text(name, 60)}"
        case Joined(seats=seats) | Left(seats=seats):
            return f"{KIND_OF[type(body)]} of {len(seats)} seats in {room}"
        case _:
            return KIND_OF[type(body)]
