"""Where everything of one tortured run lies, and what its processes are told."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from hubbub.bus.acl import url_file

from ..sitting import ROLES

#: All that have a proxy before the server.
CLIENTS = ("worker", "conductor", "logger", "crowd", "reader")
#: All whose disk and clock are tampered with.
TAMPERED = (*ROLES, "launcher")


@dataclass(frozen=True)
class Place:
    """One tortured run below *base*; *plant* is the fault that is planted in it."""

    base: Path
    plant: str = ""

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.base / "run"

    @property
    def journals(self) -> Path:
        """Where every process says what it sends and is told."""
        return self.base / "journals"

    @property
    def synced(self) -> Path:
        """Where the shim says what a power cut would leave."""
        return self.base / "synced"

    @property
    def server(self) -> Path:
        """The server's socket."""
        return self.folder / "server" / "valkey.sock"

    def proxy(self, role: str) -> Path:
        """The socket that *role* takes for the server's."""
        return self.base / f"{role}.sock"

    def url(self, role: str) -> str:
        """The server's address for *role*; who is at its side has a worker's rights."""
        user = "worker" if role in ("crowd", "reader") else role
        return url_file(self.server.parent, user).read_text().strip()

    def knobs(self, role: str) -> Path:
        """The file that the shim in *role* reads."""
        return self.base / f"{role}.knobs"

    def prepare(self) -> None:
        """Make what must be there before anything starts."""
        self.base.mkdir()
        self.journals.mkdir()
        self.synced.mkdir()

    def environment(self, role: str) -> dict[str, str]:
        """What a process that plays *role* is told besides."""
        told = {"TORTURE_BASE": str(self.base), "TORTURE_PLANT": self.plant}
        if role in CLIENTS:
            told["REDIS_URL"] = self.url(role).replace(
                str(self.server), str(self.proxy(role))
            )
        if role in TAMPERED:
            told |= {
                "LD_PRELOAD": str(self.base.parent / "shim.so"),
                "TORTURE_KNOBS": str(self.knobs(role)),
                "TORTURE_SYNCED": str(self.synced),
                "TORTURE_FOLDER": str(self.folder),
            }
        return told


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs our module *name*."""
    return [sys.executable, "-m", f"tests.torture.{name}", *arguments]


def read_place() -> Place:
    """The place that this process was told."""
    return Place(Path(os.environ["TORTURE_BASE"]), os.environ["TORTURE_PLANT"])
