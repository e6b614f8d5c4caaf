"""What every model promises; a test class for each kind of model inherits it."""

from typing import get_args

import anyio
import pytest

from hubbub.errors import ModelError, ModelErrorKind
from hubbub.models.base import Model, Prompt, Request

#: What can go wrong at a server; what is not in a cache is the cache's own affair.
KINDS: tuple[ModelErrorKind, ...] = tuple(
    kind for kind in get_args(ModelErrorKind) if kind != "not_cached"
)


def say(words: str) -> Request:
    """What a model under test answers with *words*."""
    return Request(model="fake/one", prompts=(Prompt("user", words),))


def fail(kind: ModelErrorKind) -> Request:
    """What a model under test fails at, with an error of *kind*."""
    return say(f"fail {kind}")


class ModelContract:
    """A subclass's fixture *model* echoes, and fails where it is told to."""

    async def test_a_reply_is_what_the_model_said(self, model: Model) -> None:
        """The text comes back as it is, spaces and line breaks included."""
        reply = await model.complete(say(" two\nlines 🙂 "), deadline=10)

        assert reply.text == " two\nlines 🙂 "

    async def test_calls_at_once_get_their_own_replies(self, model: Model) -> None:
        """A model is shared by all the seats of a process."""
        heard: dict[int, str] = {}

        async def call(number: int) -> None:
            reply = await model.complete(say(f"number {number}"), deadline=10)
            heard[number] = reply.text

        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(call, number)

        assert heard == {number: f"number {number}" for number in range(50)}

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_failure_is_a_typed_error(
        self, model: Model, kind: ModelErrorKind
    ) -> None:
        """Whatever goes wrong is a `ModelError` of the kind that fits."""
        with pytest.raises(ModelError) as caught:
            await model.complete(fail(kind), deadline=0.1 if kind == "timeout" else 10)

        assert caught.value.kind == kind

    async def test_a_failed_call_leaves_the_model_usable(self, model: Model) -> None:
        """One failure is one call's; the next call is answered."""
        with pytest.raises(ModelError):
            await model.complete(fail("server"), deadline=10)

        assert (await model.complete(say("again"), deadline=10)).text == "again"

    async def test_a_deadline_that_has_passed_is_a_timeout(self, model: Model) -> None:
        """The deadline is a bound, also where it leaves no time at all."""
        with pytest.raises(ModelError) as caught:
            await model.complete(say("hello"), deadline=0)

        assert caught.value.kind == "timeout"

    async def test_cancelling_a_call_is_no_error_of_the_model(
        self, model: Model
    ) -> None:
        """A scope of the caller's that ends a call stays the caller's affair."""
        with anyio.CancelScope() as scope:
            scope.cancel()
            await model.complete(say("hello"), deadline=10)

        assert scope.cancelled_caught

    async def test_a_closed_model_completes_nothing(self, model: Model) -> None:
        """After `aclose` every call fails, at once."""
        await model.aclose()

        with pytest.raises(ModelError):
            await model.complete(say("hello"), deadline=10)
