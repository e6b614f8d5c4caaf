"""
The reply cache: what was asked before, word for word, is not asked again.

One small file a reply, shared by all processes and runs on this machine.
"""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import anyio.lowlevel
import msgspec
import structlog

from hubbub.errors import ModelError, UsageError
from hubbub.models.base import Model, Reply, Request

log = structlog.get_logger()


def cache_folder(environment: Mapping[str, str]) -> Path:
    """``HUBBUB_CACHE``, else ``XDG_CACHE_HOME/hubbub``, else ``~/.cache/hubbub``."""
    if own := environment.get("HUBBUB_CACHE"):
        return Path(own)
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared, "hubbub")
    return Path.home() / ".cache" / "hubbub"


class _Key(msgspec.Struct, frozen=True):
    """All that a cached reply depends on."""

    request: Request
    replicate: int


class _Entry(msgspec.Struct, frozen=True):
    """A file of the cache; *sha256* is the reply's."""

    key: str
    sha256: str
    reply: msgspec.Raw


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_entry = msgspec.json.Decoder(_Entry).decode
_decode_reply = msgspec.json.Decoder(Reply).decode


def reply_key(request: Request, replicate: int = 0) -> str:
    """
    The name of *request*'s reply: the SHA-256 of the request's JSON and *replicate*.

    Raises `ModelError` (``bad_request``) for what is no Unicode text.
    """
    try:
        return sha256(_encode(_Key(request, replicate))).hexdigest()
    except UnicodeEncodeError as error:
        raise ModelError("bad_request", f"the prompt is no text: {error}") from None


class Replies:
    """
    The replies in *folder*, by `reply_key`; any number of processes may share them.

    A file is there whole or not at all; one that is damaged counts as missing and is
    replaced.  Files are small and are read and written without giving way to others.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `UsageError` for a folder that cannot be written to."""
        self._folder = folder
        probe = folder / f".{uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UsageError(
                f"the reply cache {folder} cannot be written to: {error.strerror}: set "
                "HUBBUB_CACHE to a folder that can, or run with --cache off"
            ) from error

    def get(self, key: str) -> Reply | None:
        """The reply called *key*, marked as cached."""
        try:
            entry = _decode_entry(self._path(key).read_bytes())
            whole = sha256(entry.reply).hexdigest() == entry.sha256
            if entry.key == key and whole:
                reply = _decode_reply(entry.reply)
                return msgspec.structs.replace(reply, cached=True)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            log.warning("cached reply cannot be read", key=key, error=str(error))
            return None
        log.warning("cached reply is damaged", key=key)
        return None

    def put(self, key: str, reply: Reply) -> None:
        """Keep *reply*; a full disk is no reason to lose what has been paid for."""
        raw = _encode(reply)
        entry = _Entry(key, sha256(raw).hexdigest(), msgspec.Raw(raw))
        path = self._path(key)
        draft = path.with_name(f".{key[:8]}-{uuid4().hex}")
        try:
            path.parent.mkdir(exist_ok=True)
            draft.write_bytes(_encode(entry))
            draft.replace(path)
        except OSError as error:
            log.warning("reply is not cached", key=key, error=str(error))
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def open_replies(environment: Mapping[str, str]) -> Replies:
    """The cache that *environment* names; `UsageError` if it cannot be written to."""
    return Replies(cache_folder(environment) / "replies")


class CachedModel(Model):
    """
    Answers from *replies* what it has, and keeps there what *inner* says to the rest.

    Failures are not kept.  *replicate* tells apart what is to be drawn anew for the
    same request, such as the repetitions of a study.
    """

    def __init__(self, inner: Model, replies: Replies, *, replicate: int = 0) -> None:
        self._inner = inner
        self._replies = replies
        self._replicate = replicate
        self._closed = False

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """As `Model.complete`; what is in the cache takes no time."""
        if self._closed:
            raise ModelError("network", "this model has been closed")
        await anyio.lowlevel.checkpoint()
        key = reply_key(request, self._replicate)
        if (reply := self._replies.get(key)) is None:
            reply = await self._inner.complete(request, deadline=deadline)
            self._replies.put(key, reply)
        return reply

    def share(self, workers: int) -> None:
        self._inner.share(workers)

    async def aclose(self) -> None:
        self._closed = True
        await self._inner.aclose()


class NoModel(Model):
    """Stands where nobody is to be asked: every call fails as ``not_cached``."""

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        raise ModelError(
            "not_cached", f"the cache has no reply of {request.model} to this request"
        )
