"""
Secrets: which variables hold them, who gets them, and that nobody writes them.

A secret is an ``…_API_KEY``, or a name or password within the address of a server.  This
process remembers those that it has seen, so that whatever it writes for people goes
through `mask`.  What an agent says is data and is not touched.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote, unquote

#: What stands in a secret's place.
MASK = "[key]"
#: Characters of the shortest secret.  Shorter keys are words that servers want and do not
#: check, like ``ollama``: in their place a mask would only hide what went wrong.
SHORTEST = 10
#: Names the file of variables that a command reads at its start; empty for none.
DOTENV = "HUBBUB_DOTENV"

_LOGIN = re.compile(r"://([^/?#\s@]+(?:@[^/?#\s@]+)*)@")

_known: dict[str, re.Pattern[str]] = {}


def keep_secret(value: str) -> None:
    """From now on `mask` hides *value*, also in quotes within quotes and in URLs."""
    value = value.strip()
    if len(value) < SHORTEST or value in _known:
        return
    for form in (value, quote(value, safe="")):
        _known[form] = re.compile("".join(map(_spelling, form)))
    # The longest first: one may be the beginning of another.
    for form in sorted(_known, key=len, reverse=True):
        _known[form] = _known.pop(form)


def _spelling(character: str) -> str:
    """A pattern for *character* as it may stand in JSON or ``repr``, however deep."""
    escaped = r"\\*" if character in "\"'\\/" else ""
    return escaped + re.escape(character)


def keep_secrets(environment: Mapping[str, str]) -> None:
    """`keep_secret` for every key in *environment*, and for logins in its addresses."""
    for name, value in environment.items():
        if name.endswith("_API_KEY"):
            keep_secret(value)
        for login in _LOGIN.findall(value):
            # As a server is sent it, too.
            keep_secret(b64encode(unquote(login).encode()).decode())
            for part in login.split(":", 1):
                keep_secret(part)
                keep_secret(unquote(part))


def mask(text: str) -> str:
    """*text* with `MASK` in the place of every secret that this process has seen."""
    for secret in _known.values():
        text = secret.sub(MASK, text)
    return text


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """*environment* for a process that asks no model: without keys, nor a way to one."""
    public = {
        name: value
        for name, value in environment.items()
        if "_API_KEY" not in name and not (name.endswith("_BASE_URL") and "@" in value)
    }
    return public | {DOTENV: ""}
