"""A table as a fold of a run's messages."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from hubbub.data.columns import Row
from hubbub.data.course import Course
from hubbub.messages import KINDS, Message


class Fold(ABC):
    """
    Gives each row of a table as soon as nothing can change it any more.

    A new one is for one run; its memory does not grow with messages unless it says so.
    """

    #: What its rows are.
    row: ClassVar[type[Row]]
    #: The kinds of messages that it takes.
    kinds: ClassVar[tuple[str, ...]] = tuple(KINDS)
    #: Whether it wants the records of calls.
    calls: ClassVar[bool] = False

    @abstractmethod
    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        """The rows that the next message of `kinds` makes certain."""

    def end(self, course: Course) -> Iterable[Row]:
        """The rows that are left when the log ends."""
        return ()
