"""Servers that keep no protocol, on real sockets."""

import traceback
from asyncio import StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from hubbub.errors import ModelError
from hubbub.models.limits import Limits
from hubbub.models.openai import OpenAIModel
from hubbub.models.pressure import Pressure
from hubbub.models.retries import TRIES

from .contract import say
from .fake import CANARY, Deed, SocketServer, Still, listening


@asynccontextmanager
async def attacked(deed: Deed) -> AsyncGenerator[tuple[OpenAIModel, SocketServer]]:
    """A model, and its server that does *deed*."""
    async with listening(deed) as server:
        model = OpenAIModel(server.url, rng=Still(), api_key=CANARY)
        try:
            yield model, server
        finally:
            await model.aclose()


async def drip(writer: StreamWriter) -> None:
    """A reply of which there is always one more byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await anyio.lowlevel.checkpoint()


async def cut(writer: StreamWriter) -> None:
    """A reply that ends in its middle."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"choices":')
    await writer.drain()


async def hang_up(writer: StreamWriter) -> None:
    """No reply at all."""


async def talk_nonsense(writer: StreamWriter) -> None:
    """Something, but not HTTP."""
    writer.write(b"220 mail.test ESMTP\r\n")
    await writer.drain()


async def flood(writer: StreamWriter) -> None:
    """A reply without an end, as fast as it goes."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def test_a_dripping_reply_ends_at_the_deadline() -> None:
    """Bytes that keep coming do not put the deadline off."""
    async with attacked(drip) as (model, _):
        began = monotonic()
        with pytest.raises(ModelError) as caught:
            await model.complete(say("hello"), deadline=0.2)

    assert caught.value.kind == "timeout"
    assert 0.2 <= monotonic() - began < 5


@pytest.mark.parametrize("deed", [cut, hang_up, talk_nonsense])
async def test_a_broken_reply_is_tried_again_and_then_a_network_error(
    deed: Deed,
) -> None:
    """A connection that breaks may hold the next time; one that never does is typed."""
    async with attacked(deed) as (model, server):
        with pytest.raises(ModelError) as caught:
            await model.complete(say("hello"), deadline=10)

    assert caught.value.kind == "network"
    assert len(server.heads) == TRIES
    assert CANARY not in "".join(traceback.format_exception(caught.value))


async def test_an_endless_reply_is_cut_off() -> None:
    """The bound holds where no length is announced."""
    async with attacked(flood) as (model, server):
        with pytest.raises(ModelError, match="more than") as caught:
            await model.complete(say("hello"), deadline=10)

    assert (caught.value.kind, len(server.heads)) == ("bad_reply", 1)


async def test_closing_a_model_ends_the_calls_in_flight_and_in_the_queue() -> None:
    """Neither waits for its deadline, and neither fails in a way of its own."""
    ended, asked = list[str](), anyio.Event()

    async def keep_silent(writer: StreamWriter) -> None:
        asked.set()
        await anyio.sleep_forever()

    async def call(model: OpenAIModel) -> None:
        with pytest.raises(ModelError) as caught:
            await model.complete(say("hello"), deadline=60)
        ended.append(caught.value.kind)

    async with listening(keep_silent) as server:
        pressure = Pressure(Limits(concurrency=1))
        model = OpenAIModel(server.url, rng=Still(), pressure=pressure)
        async with anyio.create_task_group() as group:
            group.start_soon(call, model)
            group.start_soon(call, model)
            await asked.wait()
            await model.aclose()

    assert ended == ["network", "network"]


async def test_nobody_there_is_a_network_error() -> None:
    """A server that is not running is named by its address."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
    model = OpenAIModel(f"http://127.0.0.1:{port}/v1", rng=Still())

    with pytest.raises(ModelError, match=f"network: http://127.0.0.1:{port}: Connect"):
        await model.complete(say("hello"), deadline=10)
    await model.aclose()
