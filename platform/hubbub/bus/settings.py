"""
What a server must be and be set to, so that nothing acknowledged is lost.

The embedded server is started that way; every role checks whatever server it gets.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from redis import exceptions
from redis.asyncio import Redis

from hubbub.errors import BusRefused, BusUnavailable, BusUnsafe
from hubbub.text import safe_text

#: The settings that durability rests on.
DURABLE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
}
#: The oldest version of each server that has all that the bus uses.
OLDEST = {"redis": (7, 0), "valkey": (7, 2)}

_REQUIRED = DURABLE | {"role": "master", "aof_last_write_status": "ok"}
_MENDS = {name: f"CONFIG SET {name} {value}" for name, value in DURABLE.items()} | {
    "role": "give the address of its primary",
    "aof_last_write_status": "free space on the server's disk",
}
#: What INFO calls the things that it tells; it is open where CONFIG often is not.
_FIELDS = {
    "role": "role",
    "aof_last_write_status": "aof_last_write_status",
    "maxmemory": "maxmemory",
    "maxmemory-policy": "maxmemory_policy",
}


class Fault(msgspec.Struct, frozen=True):
    """Something that is wrong, and what mends it."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}"


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a server says about itself.

    *name* is ``redis`` or ``valkey``, *settings* are those that could be read, and
    *unknown* names what could not, ``version`` included: it may be right or wrong.
    """

    name: str
    version: str
    settings: dict[str, str]
    unknown: tuple[str, ...]


async def check_server(client: Redis) -> ServerFacts:
    """
    The facts about *client*'s server, when nothing known of it loses messages.

    Raises `BusUnsafe` with every fault and its mend, `BusUnavailable` when the server
    does not answer and `BusRefused` when it does not let *client* in.
    """
    facts = await read_server(client)
    if faults := find_faults(facts):
        words = map(str, faults)
        raise BusUnsafe("\n  ".join(["the server would lose messages:", *words]))
    return facts


async def read_server(client: Redis) -> ServerFacts:
    """The facts about *client*'s server, as they are; raises as `check_server` does."""
    try:
        return read_facts(await _info(client), await _config(client))
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        said = safe_text(str(error), 200)
        # The client wraps whatever the server answers to its greeting.
        if isinstance(error.__cause__ or error, exceptions.AuthenticationError):
            raise BusRefused(f"the server wants other credentials: {said}") from error
        raise BusUnavailable(f"the server does not answer: {said}") from error


async def _info(client: Any) -> Mapping[str, object]:
    try:
        told: dict[str, object] = await client.info()
    except exceptions.NoPermissionError:
        return {}
    return told


async def _config(client: Any) -> Mapping[str | None, str | None]:
    # Denied, renamed or absent on managed servers, and of one name alone before 7.0.
    try:
        read: dict[str | None, str | None] = await client.config_get(
            *DURABLE, "maxmemory"
        )
    except exceptions.ResponseError:
        return {}
    return read


def read_facts(
    info: Mapping[str, object], config: Mapping[str | None, str | None]
) -> ServerFacts:
    """The facts in the replies to INFO and CONFIG GET, either of which may be empty."""
    settings = {n: str(info[field]) for n, field in _FIELDS.items() if field in info}
    if "aof_enabled" in info:
        settings["appendonly"] = "yes" if info["aof_enabled"] else "no"
    settings |= {name: value for name, value in config.items() if name and value}
    name = next((n for n in ("valkey", "redis") if f"{n}_version" in info), "")
    missing = [n for n in _REQUIRED if n not in settings]
    return ServerFacts(
        name=name,
        version=str(info.get(f"{name}_version", "")),
        settings=settings,
        unknown=tuple(missing if name else ["version", *missing]),
    )


def find_faults(facts: ServerFacts) -> list[Fault]:
    """Everything that is known and wrong."""
    faults: list[Fault] = []
    if facts.name and _release(facts.version) < OLDEST[facts.name]:
        version = f"{facts.name} {safe_text(facts.version, 20)}"
        mend = "use Redis 7.0 or Valkey 7.2, or later"
        faults.append(Fault(f"{version} is too old", mend))
    wrong = {n: v for n, v in facts.settings.items() if v != _REQUIRED.get(n, v)}
    if facts.settings.get("maxmemory") == "0":
        wrong.pop("maxmemory-policy", None)
    faults += [Fault(f"{n} is {safe_text(v, 40)}", _MENDS[n]) for n, v in wrong.items()]
    return faults


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
