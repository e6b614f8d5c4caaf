"""
A run as lines of talk.

Whatever agents wrote is shown as text and never interpreted: not by the terminal
(`hubbub.text.safe_text`), not as rich's markup (`rich.text.Text`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from zlib import crc32

import msgspec
from rich.console import Console
from rich.text import Text

from hubbub.console.calls import bounds, money, record_of
from hubbub.messages import (
    Asked,
    Body,
    Budgeted,
    Called,
    Contributed,
    Ejected,
    Ended,
    Faulted,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Muted,
    Noted,
    Onset,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Stopped,
    Switched,
    Ticked,
    Toggled,
)
from hubbub.models.base import Call
from hubbub.text import safe_text

#: Readable on dark and on light ground; red is kept for what failed.
_COLOURS = (
    "cyan",
    "green",
    "yellow",
    "blue",
    "magenta",
    "bright_cyan",
    "bright_green",
    "bright_blue",
    "bright_magenta",
    "dark_orange3",
    "deep_pink3",
    "medium_purple3",
)
_TALK = (
    Said,
    RoundBegan,
    Faulted,
    Resulted,
    Started,
    Ended,
    Budgeted,
    Stopped,
    Injected,
    Ejected,
    Switched,
    Onset,
    Toggled,
    Lifted,
)
_FAILURES = frozenset({"unparsable", "refused", "model_error", "crashed"})
#: Characters of JSON, raw replies and notes on a line.
_BRIEF = 200
#: Columns before what a second line of the same message begins with.
_INDENT = 19
#: Names listed before the rest is only counted.
_LISTED = 8
#: The year 6429 in ms: what lies beyond is no server's time.
_LAST_AT = 1 << 47
#: The year 1971 in ms: what lies before is the virtual clock's.
_FIRST_AT = 1 << 35


def is_talk(message: Message) -> bool:
    """Whether a transcript that is not verbose shows *message*."""
    match message.body:
        case Left(text=text):
            return text != ""
        case Ticked():
            return not message.room.startswith("@")
        case body:
            return isinstance(body, _TALK)


def colour(name: str) -> str:
    """The colour of a sender: the same in every run and on every machine."""
    return _COLOURS[crc32(name.encode("utf-8", "replace")) % len(_COLOURS)]


def names(seats: Sequence[str]) -> str:
    """Some of *seats*, safe to show, and how many there are besides."""
    shown = " ".join(safe_text(seat, 64) for seat in seats[:_LISTED])
    rest = len(seats) - _LISTED
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def when(at: int, zone: tzinfo | None = None, form: str = "%H:%M:%S") -> str:
    """
    The time *at*, in ms, as *zone* reads it; question marks for what is no time.

    One of the virtual clock, which begins at 0, is told in hours, minutes and seconds.
    """
    if not 0 <= at < _LAST_AT:
        return "??:??:??"
    if at < _FIRST_AT:
        minutes, seconds = divmod(at // 1000, 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return datetime.fromtimestamp(at / 1000, zone).strftime(form)


def line(message: Message, zone: tzinfo | None = None) -> Text:
    """*message* as one safe line; times are those of *zone*, by default the reader's."""
    ruled = _ruled(message.body)
    if ruled:
        return Text(f"── {ruled} ──", style="bold")
    room = safe_text(message.room, 65)
    text = Text()
    text.append(f"  {when(message.at, zone)}  #{message.seq:<5} {room}  ", "dim")
    subject, deed = _deed(message)
    text.append(subject, f"bold {colour(subject)}")
    return text.append(deed, _style(message))


def write(console: Console, lines: Iterable[Text]) -> None:
    """Print *lines* at once; they are wrapped on a terminal and nowhere else."""
    if console.is_terminal:
        lines = (part for whole in lines for part in _wrap(console, whole))
    console.print(Text("\n").join(lines), soft_wrap=True)


def _wrap(console: Console, whole: Text) -> Iterable[Text]:
    """
    The parts of *whole* as wide as *console*, all but the first one indented.

    Without the indent, text padded to the terminal's width would pass for a line of
    somebody else's.
    """
    if whole.cell_len <= console.width:
        return [whole]
    head, rest = whole.divide([_INDENT])
    parts = rest.wrap(console, max(_INDENT, console.width - _INDENT))
    return [
        Text(" " * _INDENT).append(part) if place else head.append(part)
        for place, part in enumerate(parts)
    ]


def _style(message: Message) -> str:
    match message.body:
        case Faulted():
            return "red"
        case Called() as called if (call := record_of(called)) and call.error:
            return "red"
        case Passed(outcome=outcome) | Contributed(outcome=outcome):
            return "red" if outcome in _FAILURES else "dim"
        case _:
            return "" if is_talk(message) else "dim"


def _ruled(body: Body) -> str:
    match body:
        case RoundBegan():
            return f"round {body.round} of {body.of}"
        case Started():
            scenario = safe_text(body.scenario, 64)
            return f"{scenario}, seed {body.seed}, {len(body.seats):,} seats"
        case Ended():
            return f"complete after {body.steps:,} steps"
        case Stopped():
            return safe_text(body.why, 200)
        case Budgeted():
            return f"budget: {bounds(body) or 'none'}"
        case _:
            return ""


def _deed(message: Message) -> tuple[str, str]:
    """Who did what: the subject, and the rest of the sentence."""
    sender = safe_text(message.sender, 64)
    match message.body:
        case Said(text=text):
            return sender, f": {safe_text(text)}"
        case Joined(seats=seats):
            return names(seats), " join" if len(seats) > 1 else " joins"
        case Left(seats=seats, text=text):
            verb = " leave" if len(seats) > 1 else " leaves"
            return names(seats), verb + _after(": ", text, 2_000)
        case Muted(seat=seat, on=on):
            listener = safe_text(message.room.removeprefix("@"), 64)
            hears = "hears again" if on else "no longer hears"
            return listener, f" {hears} {safe_text(seat, 64)}"
        case Asked():
            return sender, _ask(message.room, message.body)
        case Contributed():
            return sender, _contribution(message.body)
        case Passed(outcome=outcome, note=note):
            failure = "" if outcome == "passed" else f", {outcome}"
            return sender, f" passes{failure}{_after(': ', note)}"
        case Called():
            return sender, _call(message.body)
        case body:
            return sender, _stage(body)


def _stage(body: Body) -> str:
    match body:
        case PhaseOpened(step=step, form=form, what=what, seats=seats):
            return (
                f" opens step {step}, {form}{_after(' ', what)}, {len(seats):,} seats"
            )
        case PhaseClosed(step=step, why=why):
            return f" closes step {step} ({why})"
        case Ticked(name=name, value=value):
            return f": {safe_text(name, 64)} = {_json(value)}"
        case Resulted(name=name, value=value):
            return f" declares {safe_text(name, 64)} = {_json(value)}"
        case Faulted(what=what, ask=ask, raw=raw):
            where = f" in {safe_text(ask, 80)}" if ask else ""
            return f" fault{where}: {safe_text(what, 300)}{_after(' | ', raw)}"
        case Noted(text=text):
            return f" notes: {safe_text(text)}"
        case Injected() as what:
            return f" injects {_injection(what)}{_after(', at ', what.at)}"
        case Ejected(id=id, at=at):
            return f" ejects {safe_text(id, 64)}{_after(', at ', at)}"
        case Onset(what=what):
            return f": from here on {_injection(what)}"
        case Switched(id=id, on=on, at=at):
            verb = "resumes" if on else "pauses"
            return f" {verb} {safe_text(id, 64)}{_after(', at ', at)}"
        case Toggled(id=id, seats=seats, on=on):
            again = "again" if on else "for a while not"
            return f": {again} {safe_text(id, 64)}{_of(seats)}"
        case Lifted(id=id, seats=seats):
            return f": no longer {safe_text(id, 64)}{_of(seats)}"
        case Remembered(form=form, text=text):
            return f" remembers, as {safe_text(form, 64)}: {safe_text(text)}"
        case _:
            return " sends something unknown"


def _injection(what: Injected) -> str:
    return f"{safe_text(what.id, 64)}, {what.surface}{_of(what.seats)}"


def _of(seats: Sequence[str]) -> str:
    # What comes over a process need not be on a seat.
    return f" of {names(seats)}" if seats else ""


def _ask(room: str, asked: Asked) -> str:
    whom = safe_text(room.removeprefix("@"), 64)
    verb = "probes" if asked.probe else "asks"
    return f" {verb} {whom} ({asked.budget:g} s): {_json(asked.question)}"


def _contribution(body: Contributed) -> str:
    where = safe_text(body.ask, 80)
    if body.outcome == "answered":
        return f" answers {where}: {_json(body.answer)}"
    return f" on {where}, {body.outcome}{_after(': ', body.note or body.raw)}"


def _call(called: Called) -> str:
    record = record_of(called)
    if record is None:
        return f" calls a model for {safe_text(called.call, 80)}"
    model = f"{safe_text(record.request.model, 80)}, {record.took * 1000:,.0f} ms"
    if record.reply is None:
        failure = f"{record.error}{_after(': ', record.detail)}"
        return f" calls {model}{_charge(record)}, {failure}"
    if record.reply.cached:
        return f" calls {model}, cached"
    tokens = (record.reply.tokens_in, record.reply.tokens_out)
    asked, replied = ("?" if count is None else f"{count:,}" for count in tokens)
    left_out = f", {record.view.dropped:,} left out" if record.view.dropped else ""
    return f" calls {model}, {asked} + {replied} tokens{_charge(record)}{left_out}"


def _charge(call: Call) -> str:
    if call.cost is None:
        return ""
    return f", {'~' if call.estimated else ''}{money(call.cost)}"


def _json(value: msgspec.Raw) -> str:
    return safe_text(bytes(value).decode("utf-8", "replace"), _BRIEF)


def _after(mark: str, text: str, limit: int = _BRIEF) -> str:
    """*text* made safe and put after *mark*; nothing where there is no text."""
    return f"{mark}{safe_text(text, limit)}" if text else ""
