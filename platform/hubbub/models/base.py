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
    follow, None for free text; *seed* makes servers that honour it repeatable.
    """

    model: str
    prompts: tuple[Prompt, ...]
    schema: dict[str, Any] | None = None
    sampling: Sampling = Sampling()
    seed: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model said; token counts are None where the server gave none."""

    text: str
    finish: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One call as ``calls.jsonl`` keeps it: exactly one of *reply* and *error* is set.

    *call* is ``<ask>/<attempt>``, *took* the seconds it took.
    """

    call: str
    seat: str
    request: Request
    reply: Reply | None = None
    error: ModelErrorKind | None = None
    detail: str = ""
    took: float = 0.0


class Model(ABC):
    """Something that completes a conversation."""

    @abstractmethod
    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """
        Return the reply to *request* within *deadline* seconds, retries included.

        Raises `ModelError` of kind ``timeout`` at the deadline, and of the kind that
        fits for whatever else goes wrong; nothing else.
        """

    async def aclose(self) -> None:
        """Let go of connections; a closed model completes nothing any more."""
        return
