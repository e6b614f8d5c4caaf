"""The body of a server's answer, read in bounded memory."""

import zlib
from collections.abc import Callable

import httpx

from hubbub.errors import ModelError

#: Bytes of one reply, decompressed, unless its reader allows more.
MAX_REPLY = 4 << 20


async def read_body(response: httpx.Response, most: int = MAX_REPLY) -> bytes:
    """
    The body of *response*, decompressed; *most* bounds it before and after.

    Raises `ModelError` ``bad_reply`` beyond that, and for what cannot be decompressed.
    """
    unpack = _decompression(response.headers.get("content-encoding") or "identity")
    body, received = bytearray(), 0
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    # The raw bytes, for httpx would decompress a chunk however large it becomes.
    async for chunk in stream:
        received += len(chunk)
        body += unpack(chunk, most + 1 - len(body))
        if max(received, len(body)) > most:
            raise ModelError("bad_reply", f"more than {most:,} bytes")
    return bytes(body)


def _decompression(encoding: str) -> Callable[[bytes, int], bytes]:
    """What turns a chunk into at most so many bytes, or the chunk itself."""
    if encoding.lower() == "identity":
        return lambda chunk, most: chunk
    if encoding.lower() not in ("gzip", "deflate"):
        raise ModelError("bad_reply", f"compressed, unasked, as {encoding}")
    inflater = zlib.decompressobj(wbits=47)

    def inflate(chunk: bytes, most: int) -> bytes:
        try:
            return inflater.decompress(chunk, most)
        except zlib.error as error:
            raise ModelError("bad_reply", f"damaged {encoding}: {error}") from None

    return inflate
