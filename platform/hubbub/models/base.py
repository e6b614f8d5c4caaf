"""The seam to language models: one request, one reply, or one typed error."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

import msgspec

from hubbub.errors import ModelErrorKind


class Prompt(msgspec.Struct, frozen=True):
    """One entry of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How a model draws its words; what is None is left to the server."""

    temperature: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = 1.0
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 256


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    Everything a reply depends on.

    *model* is ``provider/model``.  *schema* is the JSON schema that the reply must
    follow, None for free text, in which *pattern* is the regular expression that the
    prompts ask for, if any.  *seed* makes servers that honour it repeatable.  *draw*
    tells apart requests that are otherwise the same within one ask, from 1; the platform
    sets it.  Servers are sent neither the pattern nor the draw.
    """

    model: str
    prompts: tuple[Prompt, ...]
    schema: dict[str, Any] | None = None
    pattern: str | None = None
    sampling: Sampling = Sampling()
    seed: int | None = None
    draw: int = 1


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What of a seat's past was in a request, for the record.

    *messages* by ``seq``, *memories* by their ids (see `messages.Remembered`), and how
    many messages that the seat had heard were *dropped* to make room.  *form* is what
    a memory asked for, for its own upkeep; empty where it was the seat's answer.
    """

    messages: tuple[int, ...] = ()
    memories: tuple[str, ...] = ()
    dropped: int = 0
    form: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a model said; token counts are None where the server gave none.

    *cached*: it was said before and nobody was asked again.
    """

    text: str
    finish: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One call as ``calls.jsonl`` keeps it: exactly one of *reply* and *error* is set.

    *call* is ``<ask>/<draw>``, *took* the seconds it took.  *cost* is in US dollars, None
    where the model has no price; *estimated* says that the server did not count tokens
    for us, or that the call was cut off and may have been charged in full.
    """

    call: str
    seat: str
    request: Request
    view: View = View()
    reply: Reply | None = None
    error: ModelErrorKind | None = None
    detail: str = ""
    took: float = 0.0
    cost: float | None = None
    estimated: bool = False


class Model(ABC):
    """Something that completes a conversation."""

    @abstractmethod
    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """
        Return the reply to *request* within *deadline* seconds, retries included.

        Raises `ModelError` of kind ``timeout`` at the deadline, and of the kind that
        fits for whatever else goes wrong; nothing else.
        """

    def share(self, workers: int) -> None:
        """
        This process is one of *workers* that use the same servers; may be said often.

        Fixed limits of an account are divided among them; by default nothing changes.
        """
        return

    async def aclose(self) -> None:
        """Let go of connections; a closed model completes nothing any more."""
        return
