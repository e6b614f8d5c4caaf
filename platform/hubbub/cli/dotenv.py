"""``.env``: variables for a command that are not in its environment."""

import re
from collections.abc import Mapping, MutableMapping
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from hubbub.errors import UsageError
from hubbub.secrets import DOTENV

#: Bytes of a file of variables.
MAX_FILE = 1 << 16

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_dotenv(environment: MutableMapping[str, str]) -> None:
    """
    Add to *environment* what ``.env`` in the current folder has and it has not.

    ``HUBBUB_DOTENV`` names another file, or with no value none.  Values are taken as they
    stand: ``$`` is a character like others.  A key and the file of a key are one thing,
    and so are the server's address and its file: where the environment has either, the
    file gives neither.

    Raises `UsageError` for a file that cannot be read or is no such file; a ``.env`` that
    is not there, or is a folder, is none.
    """
    named = environment.get(DOTENV)
    if named == "":
        return
    path = Path(named or ".env")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        if named:
            raise _unusable(path, error.strerror) from None
        return
    except OSError as error:
        raise _unusable(path, error.strerror) from None
    _add(environment, _parse(path, data))


def _add(environment: MutableMapping[str, str], found: Mapping[str, str]) -> None:
    said = {_subject(name) for name in environment}
    for name, value in found.items():
        if _subject(name) not in said:
            environment[name] = value


def _subject(name: str) -> str:
    """What the variable *name* is about."""
    of_a_file = name.endswith("_API_KEY_FILE") or name == "REDIS_URL_FILE"
    return name.removesuffix("_FILE") if of_a_file else name


def _parse(path: Path, data: bytes) -> dict[str, str]:
    if len(data) > MAX_FILE:
        raise _unusable(path, f"over {MAX_FILE:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _unusable(path, f"byte {error.start} is not UTF-8") from None
    found: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        # Its words are not quoted: they may be a key.
        if binding.error or not _is_sound(binding):
            skipped = len(binding.original.string) - len(
                binding.original.string.lstrip()
            )
            line = binding.original.line + binding.original.string.count(
                "\n", 0, skipped
            )
            raise _unusable(path, f"line {line} is no NAME=value")
        if binding.key and binding.value is not None:
            found[binding.key] = binding.value
    return found


def _is_sound(binding: Binding) -> bool:
    """Whether an environment can hold it."""
    if binding.key is None:
        return True
    return bool(_NAME.fullmatch(binding.key)) and "\0" not in (binding.value or "")


def _unusable(path: Path, why: str | None) -> UsageError:
    return UsageError(
        f"{path}: {why}: mend it, or set {DOTENV} to another file, or to nothing for none"
    )
