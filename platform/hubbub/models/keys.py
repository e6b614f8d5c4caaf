"""A provider's key: from a file or a variable, and from there to its server alone."""

import os
from collections.abc import Mapping
from pathlib import Path

from hubbub.errors import UsageError
from hubbub.secrets import keep_secret, keep_secrets
from hubbub.text import safe_text

#: Bytes of a file with a key.
MAX_FILE = 1 << 14


def read_key(prefix: str, environment: Mapping[str, str]) -> str:
    """
    The key of the provider whose variables begin with *prefix*; empty if it has none.

    It is in the file that ``<PREFIX>_API_KEY_FILE`` names, else in ``<PREFIX>_API_KEY``;
    `hubbub.secrets.mask` knows it from then on.  Raises `UsageError` for a file that
    cannot be read or holds no key.
    """
    keep_secrets(environment)
    if not (path := environment.get(f"{prefix}_API_KEY_FILE")):
        return environment.get(f"{prefix}_API_KEY", "").strip()
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(MAX_FILE + 1)
        key = data.decode().strip()
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        # In a container it is not the user that has made the file.
        denied = isinstance(error, PermissionError)
        who = f": let user {os.getuid()} read it" if denied else ""
        raise _unusable(prefix, path, f"cannot be read: {why}{who}") from None
    if len(data) > MAX_FILE or len(key.split()) > 1:
        raise _unusable(prefix, path, "is no file with one key and nothing else")
    keep_secret(key)
    return key


def _unusable(prefix: str, path: str, why: str) -> UsageError:
    return UsageError(f"{prefix}_API_KEY_FILE: {safe_text(path, 200)} {why}")
