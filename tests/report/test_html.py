"""Markup that is inert by construction."""

import pytest

from hubbub.report.html import Html, el, number, quoted

from ..console.feed import HOSTILE

MARKUP = "<script>alert(1)</script>"


def test_text_is_escaped_and_markup_is_not() -> None:
    """What is a piece of markup stands as it is, everything else as text."""
    page = el("p", MARKUP, el("b", "&"), 1_000, None)

    assert page == ("<p>&lt;script&gt;alert(1)&lt;/script&gt;<b>&amp;</b>1,000</p>")


def test_an_attribute_cannot_be_left() -> None:
    """Quotes and brackets in a value stay in it."""
    page = el("p", class_='" onclick="x', aria_label="<b>", hidden=None)

    assert page == '<p class="&quot; onclick=&quot;x" aria-label="&lt;b&gt;"></p>'


def test_markup_that_is_cut_up_is_text_again() -> None:
    """Only `el` makes markup: what is joined by hand is escaped."""
    piece = el("b", "x")

    assert not isinstance(piece + MARKUP, Html)
    assert el("p", f"{piece}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"


@pytest.mark.parametrize("raw", HOSTILE)
def test_control_characters_become_visible(raw: str) -> None:
    """As they do on a terminal."""
    page = el("p", raw, quoted(raw), class_=raw)

    assert not set(page) & set("\x1b\x9b\u202e\x07")


def test_a_quotation_is_cut_and_keeps_its_direction_to_itself() -> None:
    """Letters that run from right to left do not turn what stands around them."""
    assert quoted("x" * 10, 4) == "<bdi>xxxx…</bdi>"


@pytest.mark.parametrize(
    ("value", "told"), [(1.04, "1"), (1.26, "1.3"), (-0.01, "0"), (-2.0, "-2")]
)
def test_a_coordinate_is_short(value: float, told: str) -> None:
    """To a tenth of a unit, so that rounding does not make another page."""
    assert number(value) == told
