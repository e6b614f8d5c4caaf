"""
What there is to measure of a party: who invited whom, who accepted, what was said.

`hubbub.measures.reading.read_party` has it from a log; it can be written by hand too.
"""

import msgspec

from hubbub.messages import Outcome


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one seat's ask to invite ended in one round, and what came of it.

    *outcome* is that of the ask.  *invitee* is None where nobody was invited in time;
    then *reply* is too, as it is where the invitee was not asked to accept.  *reply* is
    how that ask ended, and *accepted* whether this *inviter* was in its answer.
    *others* are those who could have been invited.
    """

    round: int
    inviter: str
    outcome: Outcome
    invitee: str | None = None
    reply: Outcome | None = None
    accepted: bool = False
    others: tuple[str, ...]


class Utterance(msgspec.Struct, frozen=True):
    """Words in a conversation; *seq* is their place in the run."""

    seq: int
    sender: str
    text: str


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation between two, opened in *round* by *inviter*.

    *left* are those who ended it of their own will, in order.  Blank words and words
    after the close are no utterances.
    """

    round: int
    room: str
    inviter: str
    partner: str
    utterances: tuple[Utterance, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether anything was said: a conversation without words is not counted."""
        return bool(self.utterances)

    @property
    def pair(self) -> frozenset[str]:
        """The two, in no order."""
        return frozenset((self.inviter, self.partner))

    @property
    def text(self) -> str:
        """All that was said, an utterance a line."""
        return "\n".join(utterance.text for utterance in self.utterances)


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """
    What happened at a party in its *rounds*, those that are over, counted from 1.

    *seats* are all that were asked to invite, could be invited or held a conversation,
    in the order of the run's seats.
    """

    seats: tuple[str, ...]
    rounds: int
    invited: tuple[Invited, ...] = ()
    conversations: tuple[Conversation, ...] = ()

    @property
    def held(self) -> tuple[Conversation, ...]:
        """The conversations in which something was said."""
        return tuple(c for c in self.conversations if c.held)
