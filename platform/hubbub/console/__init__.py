"""What people see of a run: its talk, its state, its tables."""

from hubbub.console.calls import Usage
from hubbub.console.filters import Filter
from hubbub.console.live import LiveView
from hubbub.console.picture import Member, Picture
from hubbub.console.tables import show, summary
from hubbub.console.transcript import is_talk, line, write

__all__ = [
    "Filter",
    "LiveView",
    "Member",
    "Picture",
    "Usage",
    "is_talk",
    "line",
    "show",
    "summary",
    "write",
]
