"""The tables of a run, a row each: what their columns are is said here and nowhere else."""

from typing import Annotated

from hubbub.data.columns import Of, Row

_SEQ = "Its place in the run"
_ROUND = Of("The round in which its step was; null before the first one.")


class MessageRow(Row, frozen=True, kw_only=True):
    """A message: a line of `log.jsonl`."""

    seq: Annotated[int, Of(f"{_SEQ}, from 1 without holes.")]
    room: Annotated[str, Of("Where it was said; `@L1` is the inbox of `L1`.")]
    n: Annotated[int, Of("Its place in the room, from 1 without holes.")]
    at: Annotated[int, Of("The server's time, since 1970 in UTC.", "ms")]
    sender: Annotated[str, Of("The seat that said it, or `conductor`.")]
    no: Annotated[int, Of("The sender's own number, from 1 without holes.")]
    inc: Annotated[int, Of("The sender's incarnation.")]
    seen: Annotated[int, Of("The last `seq` its sender had read when it acted.")]
    kind: Annotated[str, Of("Its kind.")]
    round: Annotated[
        int | None,
        Of(
            "The round of its step, else the last that had begun; null before the first."
        ),
    ]
    step: Annotated[int | None, Of("The conductor's step that it is part of.")]
    ask: Annotated[str | None, Of("The ask that it is, ends or was made for.")]
    turn: Annotated[str | None, Of("The chat turn that it ends or was made for.")]
    text: Annotated[str | None, Of("The words of a say, leave, memory or note.")]
    body: Annotated[
        str | None,
        Of(
            "All that it says; null where other columns or another table have it.",
            json=True,
        ),
    ]


class AskRow(Row, frozen=True, kw_only=True):
    """An ask: a phase asks one seat."""

    ask: Annotated[str, Of("The ask's id, `<step>/<seat>`.")]
    seq: Annotated[int, Of(f"{_SEQ}.")]
    at: Annotated[int, Of("The server's time, since 1970 in UTC.", "ms")]
    seat: Annotated[str, Of("Who was asked.")]
    step: Annotated[int, Of("The conductor's step.")]
    round: Annotated[int | None, _ROUND]
    form: Annotated[str | None, Of("The phase's form: collect, turns or probe.")]
    what: Annotated[str | None, Of("The name of the question's type.")]
    question: Annotated[str, Of("The question.", json=True)]
    room: Annotated[str, Of("Where the answer goes.")]
    budget: Annotated[float, Of("The time that the seat had.", "s")]


class OutcomeRow(Row, frozen=True, kw_only=True):
    """An ask or a chat turn that has ended, or an ask that nobody answered."""

    id: Annotated[str, Of("The ask, or the turn, `<step>/<seat>/<turn>`.")]
    act: Annotated[str, Of("What has ended: ask or turn.")]
    seat: Annotated[str, Of("Whose it was.")]
    step: Annotated[int | None, Of("The conductor's step.")]
    round: Annotated[int | None, _ROUND]
    outcome: Annotated[str, Of("How it counts; late if it came after the close.")]
    given: Annotated[
        str | None, Of("What the message itself says; null for one that is absent.")
    ]
    asked_seq: Annotated[int | None, Of("The `seq` of the ask; null for a turn.")]
    seq: Annotated[int | None, Of("The `seq` of the message that ended it.")]
    at: Annotated[int | None, Of("Its server time, since 1970 in UTC.", "ms")]
    tries: Annotated[int | None, Of("How often the mind was asked; null for a turn.")]
    answer: Annotated[
        str | None,
        Of("The typed answer of an ask, also of one that came late.", json=True),
    ]
    raw: Annotated[str | None, Of("What the mind gave where that is no legal answer.")]
    raw_size: Annotated[int, Of("Its full length; `raw` may be cut.", "characters")]
    note: Annotated[str | None, Of("Why it ended so, in words.")]


class CallRow(Row, frozen=True, kw_only=True):
    """A model call: a line of `calls.jsonl`."""

    call: Annotated[str, Of("The call's id, `<ask or turn>/<draw>`.")]
    seq: Annotated[int, Of("The `seq` of its message.")]
    id: Annotated[str, Of("The ask or turn that it was made for.")]
    draw: Annotated[int, Of("Which call for it, from 1.")]
    seat: Annotated[str, Of("For whom.")]
    step: Annotated[int | None, Of("The conductor's step.")]
    round: Annotated[int | None, _ROUND]
    model: Annotated[str, Of("`provider/model`.")]
    purpose: Annotated[str, Of("What its memory asked for; answer where it was none.")]
    request_sha256: Annotated[
        str, Of("The SHA-256 of the request: the same for calls that asked the same.")
    ]
    prompt_size: Annotated[int, Of("The length of its prompts.", "characters")]
    shown: Annotated[int, Of("How many messages the prompts show.")]
    dropped: Annotated[int, Of("How many were left out to make room.")]
    reply: Annotated[str | None, Of("What the model said; null where the call failed.")]
    finish: Annotated[str | None, Of("Why it stopped, in the server's words.")]
    error: Annotated[str | None, Of("The kind of failure; null where there was none.")]
    detail: Annotated[str | None, Of("The failure in words.")]
    cached: Annotated[bool, Of("Whether the reply cache had it, and nobody was asked.")]
    tokens_in: Annotated[int | None, Of("Tokens of the prompts, as the server says.")]
    tokens_out: Annotated[int | None, Of("Tokens of the reply, as the server says.")]
    cost: Annotated[float | None, Of("What it cost; null without a price.", "US$")]
    estimated: Annotated[bool, Of("Whether the server has not counted what it cost.")]
    seconds: Annotated[float, Of("How long it took.", "s")]


class MembershipRow(Row, frozen=True, kw_only=True):
    """A stretch of the run in which a seat heard a room."""

    seat: Annotated[str, Of("Who.")]
    room: Annotated[str, Of("Where.")]
    from_seq: Annotated[int, Of("The first `seq` that it could hear there.")]
    to_seq: Annotated[
        int | None, Of("The last one; null where it was inside at the log's end.")
    ]


class ExposureRow(Row, frozen=True, kw_only=True):
    """A message and a seat that heard it."""

    seq: Annotated[int, Of("The message.")]
    seat: Annotated[str, Of("Who heard it.")]
    sender: Annotated[str, Of("Who said it.")]
    room: Annotated[str, Of("Where.")]
    kind: Annotated[str, Of("The message's kind.")]
    own: Annotated[bool, Of("Whether the seat said it itself.")]


class EdgeRow(Row, frozen=True, kw_only=True):
    """What one seat did towards another in one round."""

    source: Annotated[str, Of("Who: the inviter, host, opener or speaker.")]
    target: Annotated[str, Of("Towards whom.")]
    kind: Annotated[
        str,
        Of("invite, accept (an invitation), talk (of two, opened) or say (in one)."),
    ]
    round: Annotated[int | None, Of("In which round; null before the first one.")]
    weight: Annotated[int, Of("How often.")]
    first_seq: Annotated[int, Of("The `seq` of the first time.")]
    last_seq: Annotated[int, Of("The `seq` of the last time.")]
    first_at: Annotated[int, Of("The server's time of the first time.", "ms")]
    last_at: Annotated[int, Of("The server's time of the last time.", "ms")]


class SeatRow(Row, frozen=True, kw_only=True):
    """A seat; what the population file does not say of it is null."""

    seat: Annotated[str, Of("Its name.")]
    place: Annotated[int, Of("Its place in the population, from 1.")]
    group: Annotated[int | None, Of("Its group in the population file, from 1.")]
    mind: Annotated[str | None, Of("What fills it.")]
    model: Annotated[str | None, Of("The model it uses.")]
    memory: Annotated[str | None, Of("The policy of its memory.")]
    memory_settings: Annotated[str | None, Of("The policy's settings.", json=True)]
    context: Annotated[int | None, Of("What its model's prompts may have.", "tokens")]
    temperature: Annotated[float | None, Of("How its model draws.")]
    top_p: Annotated[float | None, Of("How its model draws.")]
    max_tokens: Annotated[int | None, Of("What a reply may have.", "tokens")]
    persona: Annotated[str | None, Of("Who it is, in words.")]
    attributes: Annotated[str | None, Of("The attributes of its persona.", json=True)]
    options: Annotated[str | None, Of("The options of its mind.", json=True)]
    adversarial: Annotated[
        bool | None, Of("Whether it is an adversary; null where that is not on record.")
    ]


class ResultRow(Row, frozen=True, kw_only=True):
    """A result that the scenario declares."""

    seq: Annotated[int, Of(f"{_SEQ}.")]
    step: Annotated[int, Of("The conductor's step.")]
    round: Annotated[int | None, _ROUND]
    name: Annotated[str, Of("What it is called.")]
    value: Annotated[str, Of("What it is.", json=True)]


class RunRow(Row, frozen=True, kw_only=True):
    """The run itself, from its manifest."""

    scenario: Annotated[str, Of("What was played.")]
    seed: Annotated[int, Of("Its seed.")]
    parameters: Annotated[str, Of("The scenario's parameters.", json=True)]
    seats: Annotated[int, Of("How many.")]
    state: Annotated[str, Of("running, stopped or complete.")]
    why: Annotated[str | None, Of("Why it has stopped.")]
    messages: Annotated[int, Of("Lines of the log that were read.")]
    created: Annotated[str, Of("When it was made, UTC.")]
    ended: Annotated[str | None, Of("When it was completed, UTC.")]
    wall: Annotated[float | None, Of("What its last sitting took.", "s")]
    hubbub: Annotated[str, Of("The version that made it.")]
    log_sha256: Annotated[str, Of("The hash of the last line that was read.")]
