"""A worker's models: those of the population, and whatever else is wanted meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager

import anyio

from hubbub.errors import HubbubError, ModelError, first_error
from hubbub.models.base import Model

#: Opens one model by its name.
Opening = Callable[[str], AbstractAsyncContextManager[Mapping[str, Model]]]


class Shelf(Mapping[str, Model]):
    """
    The models that are open, by name.

    `find` opens any other with *opening* while `run` is at work; where that fails, it
    fails every call of it.
    """

    def __init__(
        self, models: Mapping[str, Model], opening: Opening | None = None
    ) -> None:
        self._models = dict(models)
        self._opening = opening
        self._failed: dict[str, str] = {}
        self._wanted: list[str] = []
        self._changed = anyio.Event()

    def __getitem__(self, name: str) -> Model:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    async def find(self, name: str) -> Model:
        """The model called *name*, opened if need be; `ModelError` where it cannot be."""
        if name not in self._models and self._opening is None:
            raise ModelError("bad_request", f"the model {name} is not open here")
        if name not in self._models and name not in self._wanted:
            self._wanted.append(name)
            self._ring()
        while name not in self._models:
            if name in self._failed:
                raise ModelError("bad_request", self._failed[name])
            await self._changed.wait()
        return self._models[name]

    async def run(self) -> None:
        """Open what is wanted and keep it open."""
        begun = 0
        async with anyio.create_task_group() as tasks:
            while True:
                for name in self._wanted[begun:]:
                    tasks.start_soon(self._hold, name)
                begun = len(self._wanted)
                await self._changed.wait()

    async def _hold(self, name: str) -> None:
        assert self._opening is not None
        try:
            async with self._opening(name) as models:
                self._models |= models
                self._ring()
                await anyio.sleep_forever()
        except Exception as raised:
            error = first_error(raised)
            if not isinstance(error, HubbubError):
                raise
            self._failed[name] = str(error)
            self._ring()

    def _ring(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
