"""A model that only an injection names is opened when it is first wanted."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest

from hubbub.errors import ModelError, UsageError
from hubbub.models.base import Model, Reply, Request
from hubbub.models.shelf import Shelf


class Named(Model):
    """Says nothing but its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        return Reply(text=self.name)


async def test_a_model_is_opened_once_for_all_who_want_it() -> None:
    """And stays open as long as the shelf is at work."""
    opened: list[str] = []

    @asynccontextmanager
    async def opening(name: str) -> AsyncGenerator[Mapping[str, Model]]:
        opened.append(name)
        yield {name: Named(name)}
        opened.append("closed")

    shelf = Shelf({"a/b": Named("a/b")}, opening)
    found: list[Model] = []

    async def want(name: str) -> None:
        found.append(await shelf.find(name))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shelf.run)
        async with anyio.create_task_group() as seats:
            for name in ("a/b", "c/d", "c/d", "c/d"):
                seats.start_soon(want, name)
        assert opened == ["c/d"]
        tasks.cancel_scope.cancel()

    assert sorted(shelf) == ["a/b", "c/d"]
    assert len(set(map(id, found))) == 2


async def test_a_model_that_cannot_be_opened_fails_every_call() -> None:
    """Acts end as model errors, and the worker goes on."""

    @asynccontextmanager
    async def opening(name: str) -> AsyncGenerator[Mapping[str, Model]]:
        raise UsageError("there is no key")
        yield {}

    shelf = Shelf({}, opening)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shelf.run)
        for _ in range(2):
            with pytest.raises(ModelError, match="no key"):
                await shelf.find("c/d")
        tasks.cancel_scope.cancel()


async def test_without_an_opening_there_is_what_there_is() -> None:
    """Nobody waits for a model that nobody will open."""
    with pytest.raises(ModelError, match="not open"):
        await Shelf({}).find("c/d")
