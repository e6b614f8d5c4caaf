"""What is adversarial in a run, since when and how: a fold of the room nobody is in."""

import re
from typing import Literal

import msgspec

from hubbub.errors import UsageError
from hubbub.messages import (
    Ejected,
    Injected,
    Lifted,
    Message,
    Onset,
    PhaseOpened,
    RoundBegan,
    Switched,
    Toggled,
)

State = Literal["waiting", "on", "paused", "over"]

_TRIGGER = re.compile(r"(seq|round):([1-9][0-9]{0,14})|phase:[^\s:]{1,64}")


def check_trigger(trigger: str) -> str:
    """Return *trigger*; raise `UsageError` unless it is empty or can be met."""
    if trigger and not _TRIGGER.fullmatch(trigger):
        raise UsageError(
            f"{trigger!r} is no trigger: write seq:N, round:R or phase:NAME"
        )
    return trigger


class Entry(msgspec.Struct):
    """
    One injection so far; *requested*, *onset* and *lifted* are ``seq``, 0 for not yet.

    *began* is when, in ms.  *paused* is the ``seq`` from which it holds no longer for a
    while, 0 unless it does.  *due* says that its onset is to come, or, while it is on, its
    end.
    """

    what: Injected
    requested: int
    onset: int = 0
    began: int = 0
    lifted: int = 0
    paused: int = 0
    due: bool = False
    #: The trigger of its ejection, None while nobody has asked for it.
    eject: str | None = None
    ejecting: bool = False
    #: Whether it is to be on, and the trigger of that, as far as none has been met.
    switches: list[Switched] = []
    #: What it is to be made now, in this order.
    turns: list[bool] = []

    @property
    def state(self) -> State:
        """Whether it is yet to begin, holds, or is over."""
        if self.lifted or (self.ejecting and not self.onset):
            return "over"
        if self.paused:
            return "paused"
        return "on" if self.onset else "waiting"

    @property
    def begun(self) -> bool:
        """Whether it has begun and is not over; it may be paused."""
        return bool(self.onset) and not self.lifted

    @property
    def wanted(self) -> bool:
        """Whether it is on, or not paused, when all that is due now is done."""
        return self.turns[-1] if self.turns else not self.paused


class Truth:
    """
    All injections of a run, as far as its log has been read.

    It must be given every message for the triggers to be met; for what holds and has
    held, those of the room are enough.
    """

    def __init__(self) -> None:
        #: Every injection by its id, in the order of the requests.
        self.entries: dict[str, Entry] = {}
        #: When the last message was said, in ms.
        self.at = 0
        self._round = 0
        # Those of which a trigger may still be met.
        self._open: dict[str, Entry] = {}

    @property
    def present(self) -> tuple[str, ...]:
        """The participants that have come and were not ejected, in order."""
        on = [entry for entry in self.entries.values() if entry.begun]
        on.sort(key=lambda entry: entry.onset)
        return tuple(
            seat
            for entry in on
            if entry.what.surface == "participant"
            for seat in entry.what.seats
        )

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        self.at = message.at
        match message.body:
            case Injected() as what:
                # Whoever asks twice for the same has not known that it was heard.
                if what.id not in self.entries:
                    entry = Entry(what, message.seq)
                    self.entries[what.id] = self._open[what.id] = entry
            case Ejected(id=id, at=at):
                found = self.entries.get(id)
                # What is to end later may still be wished to end at once.
                if found and (found.eject is None or not at):
                    found.eject = at
            case Onset(what=what):
                self._begin(message, what)
            case Lifted(id=id):
                if found := self.entries.get(id):
                    found.lifted = message.seq
                    self._open.pop(id, None)
            case Switched(id=id) as switch:
                if found := self.entries.get(id):
                    found.switches.append(switch)
            case Toggled(id=id, on=on):
                if found := self.entries.get(id):
                    found.paused = 0 if on else message.seq
                    # Of the turns due this was the first, or it was nobody's wish.
                    del found.turns[:1]
            case RoundBegan(round=round):
                self._round = round
            case _:
                pass
        for entry in self._open.values():
            self._look(entry, message)

    def _begin(self, message: Message, what: Injected) -> None:
        entry = self.entries.get(what.id)
        if entry is None:
            entry = self.entries[what.id] = Entry(what, message.seq)
            self._open[what.id] = entry
        entry.onset, entry.began, entry.due = message.seq, message.at, False

    def _look(self, entry: Entry, message: Message) -> None:
        """See whether *message* meets what *entry* waits for."""
        if entry.eject is not None and not entry.ejecting:
            entry.ejecting = self.meets(entry.eject, message)
        if not entry.onset:
            entry.due = entry.due or self.meets(entry.what.at, message)
        elif entry.ejecting or (
            entry.what.until and self.meets(entry.what.until, message)
        ):
            entry.due = True
        for switch in [*entry.switches]:
            if self.meets(switch.at, message):
                entry.switches.remove(switch)
                if switch.on != entry.wanted:
                    entry.turns.append(switch.on)

    def meets(self, trigger: str, message: Message) -> bool:
        """Whether *message*, which was folded last, meets *trigger*."""
        kind, _, value = trigger.partition(":")
        match kind, message.body:
            case "", _:
                return True
            case "seq", _:
                return message.seq >= int(value)
            case "round", _:
                return self._round >= int(value)
            case "phase", PhaseOpened(form=form, what=what):
                return value in (form, message.room, *what.split())
            case _:
                return False

    def turning(self) -> list[tuple[Injected, bool]]:
        """The injections that are to be paused now, or to go on, in this order."""
        return [
            (entry.what, on)
            for entry in self._open.values()
            if entry.state != "over"
            for on in entry.turns
        ]

    def beginning(self) -> list[Injected]:
        """The injections whose onset is to come now; of those that are paused, none."""
        return [
            entry.what
            for entry in self._open.values()
            if entry.due and entry.wanted and not entry.onset and entry.state != "over"
        ]

    def ending(self) -> list[Injected]:
        """The injections that are to end now."""
        return [
            entry.what for entry in self._open.values() if entry.due and entry.begun
        ]

    def strays(self) -> list[str]:
        """Who was ejected before its onset; a conductor that died may have let it in."""
        return [
            seat
            for entry in self._open.values()
            if entry.state == "over" and entry.what.surface == "participant"
            for seat in entry.what.seats
        ]
