"""
Cohorts: personas that are drawn once, frozen, and used over arms.

A cohort is a JSON file with a SHA-256 over its own content; one that was changed since
cannot be read.
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec

from hubbub.errors import BadPopulation
from hubbub.text import escape_json, safe_text

#: Bytes of a cohort's file.
MAX_COHORT = 1 << 23
#: Characters of one persona.
MAX_PERSONA = 4_000

_MAKE = ": a cohort is a file that 'hubbub cohort make' has made"


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who somebody is: in words, and the attributes that the words are made from."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PERSONA)]
    attributes: dict[str, str] = {}


class Cohort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Personas in their order; *sha256* is that of everything else in it.

    *seed* and *spec*, the SHA-256 of the specification's file, say what it was drawn
    from.  Raises `ValueError` where the hash is another one.
    """

    sha256: str
    personas: tuple[Persona, ...]
    seed: int = 0
    spec: str = ""

    def __post_init__(self) -> None:
        found = digest(self.personas, self.seed, self.spec)
        if found != self.sha256:
            raise ValueError(
                f"the cohort says that its SHA-256 is {safe_text(self.sha256, 64)!r}, "
                f"and it is {found}: it was changed after it had been made; take it as "
                "it was, or change what it is drawn from and make another one"
            )


def digest(personas: tuple[Persona, ...], seed: int, spec: str) -> str:
    """The SHA-256 of a cohort with this content, in hexadecimal."""
    content = msgspec.json.encode((seed, spec, personas), order="deterministic")
    return sha256(content).hexdigest()


def seal(personas: tuple[Persona, ...], seed: int = 0, spec: str = "") -> Cohort:
    """The cohort of *personas*."""
    return Cohort(
        sha256=digest(personas, seed, spec), personas=personas, seed=seed, spec=spec
    )


def as_json(cohort: Cohort) -> bytes:
    """*cohort* as its file has it, laid out for people."""
    return (
        escape_json(msgspec.json.format(msgspec.json.encode(cohort), indent=1)) + b"\n"
    )


def read_cohort(path: Path) -> Cohort:
    """The cohort in the file *path*; `BadPopulation` says what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_COHORT + 1)
        if len(data) > MAX_COHORT:
            raise BadPopulation(f"{path} is no cohort: over {MAX_COHORT:,} bytes")
        return msgspec.json.decode(data, type=Cohort)
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = safe_text(str(error), 500)
        mend = "" if isinstance(error, msgspec.ValidationError) else _MAKE
        raise BadPopulation(f"{path}: {why}{mend}") from None
