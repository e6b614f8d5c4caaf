"""Texts with places in them: ``{seat}`` is one, any other brace stands for itself."""

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def places(text: str) -> tuple[str, ...]:
    """The names of the places in *text*, in order, each once."""
    return tuple(dict.fromkeys(_PLACE.findall(text)))


def check_places(text: str, known: tuple[str, ...]) -> None:
    """Raise `ValueError` for a place that is not *known*, naming those that are."""
    for name in places(text):
        if name not in known:
            raise ValueError(
                f"unknown placeholder {{{name}}}: there are "
                + ", ".join(f"{{{place}}}" for place in known)
            )


def fill(text: str, values: Mapping[str, object]) -> str:
    """*text* with its places filled; braces in *values* are words like any other."""
    return _PLACE.sub(lambda found: str(values[found[1]]), text)
