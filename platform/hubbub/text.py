"""What keeps agents' text inert: on a terminal, in a line of JSON, in a name."""

import re

from hubbub.secrets import mask

#: Raw in JSON, and not harmless in a terminal or to a reader of lines: DEL, C1,
#: line and paragraph separators, bidirectional controls, invisible format characters.
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"


def escape_json(line: bytes) -> bytes:
    """
    Escape what JSON lets through and a terminal does not: still the same JSON value.

    *line* is UTF-8 JSON; the characters in question can only stand inside strings.
    """
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE_IN_JSON.sub(_escape, line.decode()).encode()


def escape_toml(text: str) -> str:
    """The same for *text* that is TOML, with all of its strings in double quotes."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\U{ord(match.group()):08x}", text)


def visible(text: str) -> str:
    """*text* with its control characters, but for tabs and line breaks, as escapes."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def safe_text(text: str, limit: int = 2_000, *, newlines: bool = False) -> str:
    """
    *text* as it may be shown to a person: control characters become visible escapes.

    Secrets that we know are masked.  Cut at *limit* characters with an ellipsis; line
    breaks become spaces unless *newlines* is true.
    """
    text = mask(text)
    cut = len(text) > limit
    shown = visible(text[:limit])
    if not newlines:
        shown = shown.replace("\n", " ").replace("\t", " ")
    return shown + ("…" if cut else "")


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which are no Unicode text and no UTF-8, by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
