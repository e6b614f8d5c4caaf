"""``hubbub run``, whose children are started so that they can be tortured."""

import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubbub import supervise
from hubbub.bus import server
from hubbub.children import start_child
from hubbub.cli import main
from hubbub.secrets import without_secrets

from .journals import replace
from .place import Place, module, read_place
from .planted import plant


def tamper(place: Place) -> None:
    """Have roles speak through their proxies, and everybody's disk be ours."""

    async def start_role(
        command: Sequence[str | Path], *, environment: dict[str, str], **how: Any
    ) -> Process:
        role = str(command[3])
        told = {**environment, **place.environment(role)}
        words = module("role", *map(str, command[3:]))
        return await start_child(words, environment=told, **how)

    async def start_server(command: Sequence[str | Path], **how: Any) -> Process:
        told = without_secrets(os.environ) | place.environment("server")
        return await start_child(command, environment=told, **how)

    replace(supervise, "start_child", start_role)
    replace(server, "start_child", start_server)


if __name__ == "__main__":
    here = read_place()
    plant(here.plant)
    tamper(here)
    main(sys.argv[1:])
