"""The seam to time: how long an act takes, and a model call in it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import msgspec

from hubbub.errors import ModelError
from hubbub.models.base import Call, Model
from hubbub.models.shelf import Shelf
from hubbub.purse import may_be_charged


class Clock(ABC):
    """What seats go by; all that a run does with models goes through it."""

    @abstractmethod
    async def think(self, seat: str, act: str, since: float) -> None:
        """Return when *act*, which *seat* began at *since* without a call, may end."""

    @abstractmethod
    async def call(self, call: Call, limit: float) -> Call:
        """
        *call*, which has not been made yet, as it ended within *limit* seconds.

        One that failed is `Call.estimated` where it may have cost something.
        """


class WallClock(Clock):
    """The time on the wall: everything takes as long as it takes."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._shelf = models if isinstance(models, Shelf) else Shelf(models)

    async def think(self, seat: str, act: str, since: float) -> None:
        return

    async def call(self, call: Call, limit: float) -> Call:
        return await completed(self._shelf, call, limit)


async def completed(shelf: Shelf, call: Call, limit: float) -> Call:
    """*call*, made of *shelf*'s model; it has *limit* seconds."""
    try:
        model = await shelf.find(call.request.model)
        reply = await model.complete(call.request, deadline=limit)
    except ModelError as error:
        return msgspec.structs.replace(
            call,
            error=error.kind,
            detail=error.detail,
            estimated=may_be_charged(error),
        )
    return msgspec.structs.replace(call, reply=reply)
