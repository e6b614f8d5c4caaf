"""
A game whose parts let out what they know of secrets: loaded by path, as a user's would be.

What these minds *say* is data, and none of them says a secret as its answer.
"""

import logging
import os
import sys
from pathlib import Path

import msgspec
import structlog

from hubbub import Ask, Message, Mind, Question, Stage, scenario


class Guessed(msgspec.Struct, frozen=True):
    """A number, and why."""

    number: int
    why: str = ""


class Guess(Question[Guessed], frozen=True, kw_only=True):
    """Guess a number."""


def known() -> str:
    """The key if this process can have it, and all of its environment."""
    file = os.environ.get("OPENAI_API_KEY_FILE", "")
    read = Path(file).read_text() if file else os.environ.get("OPENAI_API_KEY", "")
    return f"{read} {dict(os.environ)}"


@scenario(asks=[Guess], mind="silent", seats=2)
async def leak(stage: Stage, fails: bool = True) -> None:
    """Guess a number."""
    await stage.collect(Guess(), budget=1)
    if fails:
        raise RuntimeError(known())


class Raises(Mind):
    """Tells all in its error."""

    def observe(self, event: Message) -> None:
        raise RuntimeError(known())

    async def act(self, ask: Ask) -> object:
        secret = known()
        raise RuntimeError(secret)


class Prints(Mind):
    """Tells all on every way out that Python has."""

    async def act(self, ask: Ask) -> object:
        print(known(), locals())  # noqa: T201 - what it must not come to
        print(known(), file=sys.stderr)  # noqa: T201
        logging.getLogger().error(known())
        structlog.get_logger().error("all", known=known(), environment=dict(os.environ))
        return Guessed(1)


class Returns(Mind):
    """Gives it for an answer, and it is none."""

    async def act(self, ask: Ask) -> object:
        return {"all": known()}
