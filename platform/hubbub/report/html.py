"""
Markup that is inert by construction: what is not markup already is escaped.

`el` is the only way to markup.  Its children are `Html`, which is taken as it is, or
text, which goes through `hubbub.text.safe_text` and is escaped.  Whatever is done to an
`Html` but handing it to `el` makes it text again, and so it is escaped.
"""

from collections.abc import Iterable
from html import escape

from hubbub.text import safe_text

#: Characters of one text; what is longer is cut by who knows what it is.
LONGEST = 100_000
_VOID = frozenset({"br", "col", "meta"})


class Html(str):
    """A piece of markup."""

    __slots__ = ()


Child = Html | str | int | None


def el(name: str, /, *children: Child, **attributes: str | float | None) -> Html:
    """
    An element; a child or attribute that is None is left out.

    Attributes are named as in HTML, ``_`` for ``-``, and a last ``_`` is dropped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """*children*, one after the other."""
    return Html("".join(map(_child, children)))


def quoted(text: str, limit: int = 600) -> Html:
    """What an agent wrote, cut at *limit* characters, its direction kept to itself."""
    return el("bdi", safe_text(text, limit, newlines=True))


def number(value: float) -> str:
    """*value* as a coordinate: to a tenth of a unit, without a sign before 0."""
    short = f"{value:.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def _child(child: Child) -> str:
    if isinstance(child, Html):
        return child
    if child is None:
        return ""
    if isinstance(child, int):
        return f"{child:,}"
    return escape(safe_text(child, LONGEST, newlines=True))


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(safe_text(value, LONGEST))
    return number(value)
