"""Model calls as people count them: how many, how good, how many tokens."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from hubbub.errors import ModelErrorKind
from hubbub.messages import Called
from hubbub.models.base import Call

_decode = msgspec.json.Decoder(Call).decode


def record_of(called: Called) -> Call | None:
    """
    The record that *called* holds; None where only its digest is left.

    ``log.jsonl`` keeps digests; the records are in ``calls.jsonl``.  Raises
    `msgspec.DecodeError` or `msgspec.ValidationError` for what is no record.
    """
    return None if bytes(called.record) == b"null" else _decode(called.record)


@dataclass(slots=True)
class Usage:
    """
    The calls of one model: *seconds* and tokens are sums over all of them.

    *again* counts the calls for an ask or turn that had had a reply before.  Tokens that
    a server did not report count as none.
    """

    calls: int = 0
    replies: int = 0
    again: int = 0
    errors: Counter[ModelErrorKind] = field(default_factory=Counter[ModelErrorKind])
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0

    def add(self, call: Call) -> None:
        """Count *call*."""
        self.calls += 1
        self.seconds += call.took
        if call.error is not None:
            self.errors[call.error] += 1
        if call.reply is not None:
            self.replies += 1
            self.tokens_in += call.reply.tokens_in or 0
            self.tokens_out += call.reply.tokens_out or 0
