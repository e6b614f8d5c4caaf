"""Text stays what it is, and does nothing, wherever it is shown."""

import json
import tomllib
import unicodedata

import msgspec
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from hubbub.text import escape_json, escape_toml, safe_text, without_surrogates

#: What a terminal, a reader of lines or a reader of bidirectional text would obey.
UNSAFE = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp")
    or 0x202A <= code <= 0x202E
    or 0x2066 <= code <= 0x2069
]

_text = st.text(alphabet=st.characters(codec="utf-8"))
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _text,
    lambda inner: st.lists(inner) | st.dictionaries(_text, inner),
    max_leaves=10,
)


@given(value=_values)
def test_escaped_json_is_the_same_value(value: object) -> None:
    """Whatever was escaped, a reader gets what was written."""
    line = json.dumps(value, ensure_ascii=False).encode()

    assert json.loads(escape_json(line)) == value


@given(text=_text)
def test_escaped_json_is_one_harmless_line(text: str) -> None:
    """No character is left that a terminal or a reader of lines would obey."""
    line = escape_json(msgspec.json.encode({"text": text})).decode()

    assert not set(line) & set(UNSAFE)
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("unsafe", ["\x7f", "\x9b", "\u2028", "\u202e", "\ufeff"])
def test_an_escape_is_the_character_in_json(unsafe: str) -> None:
    """Each becomes its own escape, and nothing around it changes."""
    line = f'{{"é":"a{unsafe}b"}}'.encode()

    assert escape_json(line) == f'{{"é":"a\\u{ord(unsafe):04x}b"}}'.encode()


def test_a_character_beyond_the_first_plane_becomes_two_escapes() -> None:
    """As JSON has it; letters and emoji beyond it stay as they are."""
    line = '"\U000e0041 \U0001f600"'.encode()

    assert escape_json(line) == '"\\udb40\\udc41 \U0001f600"'.encode()


@given(text=_text)
def test_escaped_toml_is_the_same_document(text: str) -> None:
    """And is harmless to look at, also where the text is a key."""
    document = escape_toml(tomli_w.dumps({"a": text, text + "b": [text]}))

    assert tomllib.loads(document) == {"a": text, text + "b": [text]}
    assert not set(document) & (set(UNSAFE) - {"\n", "\t"})


@given(text=st.text())
def test_safe_text_is_harmless(text: str) -> None:
    """Also of what is no Unicode text; and it can always be written."""
    shown = safe_text(text)

    assert not set(shown) & set(UNSAFE)
    shown.encode()


@given(text=st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_safe_text_leaves_words_alone(text: str) -> None:
    """Letters, digits and signs of any script."""
    assert safe_text(text, 10_000) == text


def test_safe_text_is_cut() -> None:
    """At the limit, and one sees that it was."""
    assert safe_text("abcdef", 3) == "abc…"
    assert safe_text("abc", 3) == "abc"


def test_line_breaks_are_spaces_unless_asked_for() -> None:
    """One message is one line; a traceback keeps its own."""
    assert safe_text("a\r\nb\tc\nd") == "a b c d"
    assert safe_text("a\r\nb\tc", newlines=True) == "a\nb\tc"


@pytest.mark.parametrize("text", ["\r", "\x1b[2J", "\b", "\x00", "\u202e"])
def test_what_moves_a_cursor_is_shown(text: str) -> None:
    """As an escape that says which character it was."""
    assert safe_text(text).startswith(f"\\u{ord(text[0]):04x}")


@given(text=st.text())
def test_text_without_surrogates_is_unicode(text: str) -> None:
    """Pairs are joined, lone ones replaced, and the rest is as it was."""
    plain = without_surrogates(text)

    plain.encode()
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert plain == text


def test_lone_surrogates_become_the_replacement_character() -> None:
    """And a pair of them the character that they mean."""
    assert without_surrogates("a\ud800b") == "a\ufffdb"
    assert without_surrogates("\ud83d\ude00") == "\U0001f600"
