"""Filters keep what matches one glob of every field."""

import pytest

from hubbub.console import Filter
from hubbub.messages import Said

from .feed import Feed


def test_a_filter_without_globs_keeps_everything() -> None:
    """Nothing asked for is everything."""
    assert Filter().keeps(Feed()(Said(text="hi")))


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (Filter(rooms=("chat-*",)), True),
        (Filter(rooms=("lobby", "chat-7-*")), True),
        (Filter(rooms=("CHAT-*",)), False),
        (Filter(kinds=("s?y",)), True),
        (Filter(kinds=("phase.*",)), False),
        (Filter(senders=("L[1-3]",)), True),
        (Filter(senders=("L[1-3]",), rooms=("lobby",)), False),
        (Filter(from_seq=1), True),
        (Filter(from_seq=2), False),
    ],
)
def test_every_field_must_match(wanted: Filter, kept: bool) -> None:
    """One glob of each field that has any must match, and case counts."""
    message = Feed()(Said(text="hi"), sender="L3", room="chat-7-L3-L4")

    assert wanted.keeps(message) is kept
