"""Which messages of a run somebody wants to see."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from hubbub.messages import Message


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to keep: from a ``seq`` on, by shell globs on rooms, kinds and senders.

    A message must match one glob of every field; a field without globs lets all
    through.  Globs tell upper from lower case: ``chat-7-*``, ``phase.*``, ``@L[1-3]``.
    """

    from_seq: int = 1
    rooms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    def keeps(self, message: Message) -> bool:
        """Whether *message* is wanted."""
        return (
            message.seq >= self.from_seq
            and _matches(message.room, self.rooms)
            and _matches(message.kind, self.kinds)
            and _matches(message.sender, self.senders)
        )


def _matches(name: str, globs: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)
