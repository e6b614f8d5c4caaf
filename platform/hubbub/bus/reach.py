"""Who can come in to a server, and do what there: what ``hubbub doctor`` says of it."""

from ipaddress import ip_address
from typing import Any

import msgspec
from redis import exceptions

from hubbub.text import safe_text

_PLACES = ("port", "tls-port", "bind", "protected-mode", "unixsocketperm")
_USERS = "give each role its own user, and nobody else: see 'hubbub acl --help'"


class Reach(msgspec.Struct, frozen=True):
    """
    As whom we come in, and who else does.

    *ok* is False where strangers may, None where it cannot be known or is others of this
    machine's; then *mend* says what would help.
    """

    words: str
    ok: bool | None = True
    mend: str = ""


async def find_reach(client: Any) -> Reach:
    """Who comes in to *client*'s server; asks nothing that changes it."""
    try:
        us = f"we are {safe_text(await client.acl_whoami(), 60)}"
    except exceptions.ResponseError:
        us = "the server does not say who we are"
    try:
        default = await client.acl_getuser("default")
    except exceptions.ResponseError:
        mend = "ask as its admin"
        return Reach(f"{us}; whether others may come in it does not say", None, mend)
    flags = set(default["flags"])
    if "on" not in flags:
        return _closed(us, default)
    if "nopass" not in flags:
        return Reach(f"{us}; nobody comes in without a password")
    return await _open(us, client)


def _closed(us: str, default: Any) -> Reach:
    if "+@all" in default["categories"] and "~*" in default["keys"]:
        return Reach(f"{us}; nobody comes in without a password")
    # Fixed in 2026 only: redis/redis#14541, valkey-io/valkey#3983.
    return Reach(
        f"{us}; the default user is off and has no rights, and servers have dropped "
        "what scripts wrote when they were started again with such a user",
        False,
        "ACL SETUSER default off resetpass ~* &* +@all, which lets nobody in",
    )


async def _open(us: str, client: Any) -> Reach:
    """The default user needs no password: who reaches the server at all?"""
    words = f"{us}; no password is needed"
    try:
        places: dict[str, str] = await client.config_get(*_PLACES)
    except exceptions.ResponseError:
        return Reach(f"{words} by whoever reaches it", False, _USERS)
    if _is_public(places):
        return Reach(f"{words}, and other machines reach it", False, _USERS)
    listens = any(places.get(name, "0") != "0" for name in ("port", "tls-port"))
    mode = int(places.get("unixsocketperm", "0"), 8)
    if listens or mode == 0 or mode & 0o007:
        return Reach(f"{words} by whoever is on that machine", None, _USERS)
    return Reach(f"{words} by whoever may open its socket")


def _is_public(places: dict[str, str]) -> bool:
    """Whether it listens for other machines and serves them."""
    listens = any(places.get(name, "0") != "0" for name in ("port", "tls-port"))
    if not listens or places.get("protected-mode") == "yes":
        return False
    addresses = places.get("bind", "").split()
    return not addresses or not all(map(_is_here, addresses))


def _is_here(address: str) -> bool:
    # A dash says that the address may be missing.
    try:
        return ip_address(address.removeprefix("-")).is_loopback
    except ValueError:
        return address == "localhost"
