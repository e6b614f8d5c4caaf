"""
Who may do what on a server: a user for each role, with the rights that it needs.

A script has no rights but its caller's.  So whoever may post also has each right of the
script that posts: what that leaves open is in ``docs/security.md``.
"""

import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit, urlunsplit

#: Random bytes of a password.
SECRET = 32
#: The file from which a server takes its users.
USERS = "users.acl"

_PASSWORD = re.compile(f"[0-9a-f]{{{2 * SECRET}}}")

# A command goes through if the first rules allow it with all of its keys and channels,
# or if those in one pair of parentheses do.
_READ = "%R~hub:* +ping +info +get +mget +hgetall +xrange +xread"
_CHECK = "+config|get"
_SCRIPTS = "+exists +time"
_HEAR = "&hub:* +subscribe +unsubscribe"
_LIVE = "(~hub:{*}:lease:* +set +del) (~hub:{*}:roles +hset +hdel)"
_CLAIM = "(~hub:{*}:seats +evalsha +eval +hget +hset)"
_POST = (
    "(~hub:{*}:log ~hub:{*}:rooms ~hub:{*}:seats ~hub:{*}:meta &hub:* "
    "+evalsha +eval +hget +hincrby +xadd +xrevrange +publish)"
)
_NOTE = "(~hub:{*}:meta +hset)"
_PAY = "(~hub:{*}:spent ~hub:{*}:reserved +evalsha +eval +hget +hset +hincrby +hdel)"
_BEGIN = "(~hub:current ~hub:runs +evalsha +eval +set +hset)"
_RESTORE = "(~hub:{*}:rooms +hset)"

# What is done most comes first: a server tries the groups in this order.
_HOST = (_READ, _SCRIPTS, _HEAR, _POST, _CLAIM, _NOTE, _LIVE, _PAY)
_CONDUCT = (_READ, _CHECK, _SCRIPTS, _POST, _CLAIM, _NOTE, _LIVE, _PAY, _BEGIN)

#: What each role may do; a name here is the name of its user.
RIGHTS: Mapping[str, tuple[str, ...]] = {
    "worker": _HOST,
    "conductor": _CONDUCT,
    "logger": (_READ, _SCRIPTS, _LIVE, _CLAIM, _NOTE),
    "console": (_READ,),
    "operator": (_READ, _SCRIPTS, _CLAIM, _POST),
    "gateway": _HOST,
    "health": ("+ping",),
    "launcher": (*_CONDUCT, _HEAR, _RESTORE),
    "admin": ("~* &* +@all",),
}


def make_access(folder: Path, url: str) -> dict[str, str]:
    """
    Users for the server at *url*, one a role: their addresses, passwords within.

    Writes to *folder* what the server is to read, `USERS`, which has no password in it,
    and each role's address as ``ROLE.url``; all of it is for its owner alone.  Whoever
    has a password there keeps it, so that clients outlive a server that is started again.
    """
    passwords = {role: _known(folder, role) or token_hex(SECRET) for role in RIGHTS}
    urls = {role: _login(url, role, password) for role, password in passwords.items()}
    for role, address in urls.items():
        _write(url_file(folder, role), f"{address}\n")
    _write(folder / USERS, "".join(f"{line}\n" for line in _users(passwords)))
    return urls


def _known(folder: Path, role: str) -> str:
    """The password that *role* has in *folder*; empty for none."""
    try:
        password = urlsplit(url_file(folder, role).read_text()).password or ""
    except (OSError, ValueError):
        return ""
    return password if _PASSWORD.fullmatch(password) else ""


def same_access(url: str) -> dict[str, str]:
    """The addresses of a server that knows no roles: *url* for each."""
    return dict.fromkeys(RIGHTS, url)


def url_file(folder: Path, role: str) -> Path:
    """Where `make_access` puts the address of *role*."""
    return folder / f"{role}.url"


def _users(passwords: Mapping[str, str]) -> Iterator[str]:
    # Off, nobody comes in as it.  It keeps its rights, because Redis 7.0 reads its
    # append-only file as this user and drops each transaction that it may not do.
    yield "user default off resetpass ~* &* +@all"
    for role, password in passwords.items():
        digest = sha256(password.encode()).hexdigest()
        rights = " ".join(RIGHTS[role])
        yield f"user {role} on #{digest} resetkeys resetchannels -@all {rights}"


def _login(url: str, user: str, password: str) -> str:
    """*url* for *user*, and for no other that it named."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))


def _write(path: Path, text: str) -> None:
    """Make or replace the file at *path*, which nobody else can read at any time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
