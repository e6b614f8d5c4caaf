"""Disks that are slow, full or without power, and clocks that are wrong."""

import mmap
import os
import random
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from struct import Struct

import click

_SOURCE = Path(__file__).with_name("shim.c")
_NUMBER = Struct("=q")
_SLOWNESS, _ROOM, _SKEW = range(3)


def compile_shim(folder: Path) -> None:
    """Make ``shim.so`` in *folder*; a usage error where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise click.UsageError(
            "there is no C compiler, which tampering with disks and clocks needs: "
            "apt-get install gcc libc6-dev"
        )
    shim = folder / "shim.so"
    command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", shim, _SOURCE, "-ldl"], check=True)


class Knobs:
    """What is wrong with the disk and the clock of the processes that share *path*."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(b"".join(map(_NUMBER.pack, (0, -1, 0))))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def _turn(self, which: int, value: int) -> None:
        _NUMBER.pack_into(self._map, which * _NUMBER.size, value)

    def slow_down(self, seconds: float) -> None:
        """Every fsync takes *seconds* longer."""
        self._turn(_SLOWNESS, int(seconds * 1e6))

    def fill(self, room: int) -> None:
        """*room* bytes are left on the disk."""
        self._turn(_ROOM, room)

    def empty(self) -> None:
        """There is room on the disk."""
        self._turn(_ROOM, -1)

    def step(self, seconds: int) -> None:
        """The clock is wrong by *seconds*."""
        self._turn(_SKEW, seconds)


def cut_power(files: Iterable[Path], synced: Path, rng: random.Random) -> int:
    """
    Do to *files* what a power cut does, and return how many lost something.

    Each keeps what was fsynced, as the shim has noted in *synced*, and of what was
    written after that a random part.  Nobody may have them open.
    """
    torn = 0
    for path in files:
        if path.is_symlink() or not path.is_file():
            continue
        stat = path.stat()
        note = synced / f"{stat.st_dev}-{stat.st_ino}"
        safe = min(int(note.read_text()), stat.st_size) if note.exists() else 0
        kept = rng.randint(safe, stat.st_size)
        if kept < stat.st_size:
            os.truncate(path, kept)
            torn += 1
    return torn
