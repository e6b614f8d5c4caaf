"""The table of model calls."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from hubbub.data.columns import Row
from hubbub.data.course import Course, step_of
from hubbub.data.fold import Fold
from hubbub.data.rows import CallRow
from hubbub.messages import Called, Message
from hubbub.models.base import Call, Reply
from hubbub.seat import ask_of

_decode = msgspec.json.Decoder(Call).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
#: What stands for a reply where there is none.
_NONE = Reply(text="")


class Calls(Fold):
    """Every call that the log has."""

    row = CallRow
    kinds = ("call",)
    calls = True

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        assert isinstance(message.body, Called)
        call = _decode(message.body.record)
        reply, step = call.reply or _NONE, step_of(call.call)
        draw = call.call.rpartition("/")[2]
        row = CallRow(
            call=call.call,
            seq=message.seq,
            id=ask_of(call.call),
            draw=int(draw) if draw.isascii() and draw.isdigit() else 1,
            seat=call.seat,
            step=step,
            round=course.round_of(step),
            model=call.request.model,
            purpose=call.view.form or "answer",
            request_sha256=sha256(_encode(call.request)).hexdigest(),
            prompt_size=sum(len(prompt.content) for prompt in call.request.prompts),
            shown=len(call.view.messages),
            dropped=call.view.dropped,
            reply=call.reply.text if call.reply else None,
            finish=reply.finish or None,
            error=call.error,
            detail=call.detail or None,
            cached=reply.cached,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost=call.cost,
            estimated=call.estimated,
            seconds=call.took,
        )
        return (row,)
