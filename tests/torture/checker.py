"""Client-side journals against the log: what is missing, twice, changed or from nobody."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path

from hubbub.bus.base import concerns
from hubbub.errors import HubbubError
from hubbub.folder import RunFolder
from hubbub.log import read_log
from hubbub.messages import Asked, Contributed, Message

from ..game import Record, Report
from .crowd import LISTENED
from .journals import Heard, Kept, Tried, digest, read_journal
from .place import Place
from .tally import Tally

Key = tuple[str, int, int]


def key_of(message: Message) -> Key:
    """The draft that *message* was."""
    return message.sender, message.inc, message.no


def check_run(
    tally: Tally,
    place: Place,
    wanted: Record,
    seen: Sequence[Message],
    cut_off: Collection[str],
) -> None:
    """
    Add to *tally* what is wrong with the complete run at *place*.

    *wanted* is the game when nothing happens, *seen* what somebody saw live; listeners
    that were *cut_off* have not heard the end.
    """
    tally.runs += 1
    try:
        _check_game(tally, place, wanted)
        log = list(read_log(place.folder / "log.jsonl"))
    except (HubbubError, OSError) as error:
        tally.wrong("log", str(error))
        return
    _check_posts(tally, log, place)
    _check_outcomes(tally, log)
    _check_live(tally, log, seen)
    for path in sorted(place.journals.glob("*.heard")):
        _check_ear(tally, log, path, whole=path.stem not in cut_off)


def _check_game(tally: Tally, place: Place, wanted: Record) -> None:
    """Numbers, hashes, incarnations, counts; and the game came to the same."""
    report = Report()
    report.check(place.folder, wanted)
    tally.expect(RunFolder(place.folder).manifest.state == "complete", "state", "")
    tally.wrong("lost", "what the undisturbed game has", report.lost)
    tally.wrong("twice", "in the log", report.twice)
    tally.wrong("holes", "in the log", report.holes)
    tally.wrong("changed", "the game is another", report.changed)
    for fault in report.faults:
        tally.wrong("log", fault)


def _check_posts(tally: Tally, log: Sequence[Message], place: Place) -> None:
    tried, kept = _posts(place.journals)
    tally.operations += len(kept)
    placed: dict[Key, Message] = {}
    for message in log:
        if key_of(message) in placed:
            tally.wrong("twice", f"{key_of(message)} at {message.seq}")
        placed[key_of(message)] = message
        known = tried.get(key_of(message))
        if known is None:
            tally.wrong("phantom", f"{key_of(message)} at {message.seq}: nobody's")
        elif known.digest != digest(message.room, message.body):
            tally.wrong("phantom", f"{key_of(message)} at {message.seq}: other words")
    _check_kept(tally, kept, placed)
    _check_order(tally, tried.values(), kept, placed)


def _posts(journals: Path) -> tuple[dict[Key, Tried], list[Kept]]:
    tried: dict[Key, Tried] = {}
    kept: list[Kept] = []
    for path in journals.iterdir():
        for entry in read_journal(path):
            match entry:
                case Tried():
                    tried[entry.key] = entry
                case Kept():
                    kept.append(entry)
                case Heard():
                    pass
    return tried, kept


def _check_kept(
    tally: Tally, kept: Iterable[Kept], placed: Mapping[Key, Message]
) -> None:
    for ack in kept:
        message = placed.get(ack.key)
        if message is None:
            tally.wrong("missing", f"{ack.key}, acknowledged at {ack.seq}")
        elif message.seq != ack.seq:
            tally.wrong("missing", f"{ack.key} at {message.seq}, not {ack.seq}")


def _check_order(
    tally: Tally,
    tried: Iterable[Tried],
    kept: Iterable[Kept],
    placed: Mapping[Key, Message],
) -> None:
    """What was sent after something had been acknowledged stands after it."""
    highest = 0
    entries: list[Tried | Kept] = [*tried, *kept]
    for entry in sorted(entries, key=lambda entry: entry.at):
        if isinstance(entry, Kept):
            highest = max(highest, entry.seq)
        elif entry.key in placed and placed[entry.key].seq <= highest:
            tally.wrong("order", f"{entry.key} stands before what came before it")


def _check_outcomes(tally: Tally, log: Sequence[Message]) -> None:
    """Every ask that was put has come to exactly one end."""
    asked = {m.body.ask for m in log if isinstance(m.body, Asked)}
    ended = Counter(m.body.ask for m in log if isinstance(m.body, Contributed))
    for ask in asked:
        tally.expect(ended[ask] > 0, "outcome", f"ask {ask} has none")
        tally.expect(ended[ask] < 2, "outcome", f"ask {ask} has {ended[ask]}")


def _check_live(tally: Tally, log: Sequence[Message], seen: Sequence[Message]) -> None:
    """What somebody saw is the log's beginning: nothing was taken back."""
    for place, message in enumerate(seen):
        # The record of a model call is not in the log itself.
        same = place < len(log) and (message.seq, key_of(message)) == (
            log[place].seq,
            key_of(log[place]),
        )
        if not same:
            tally.wrong("phantom", f"{message.seq} was seen and is not in the log")


def _check_ear(
    tally: Tally, log: Sequence[Message], path: Path, *, whole: bool
) -> None:
    """A listener has heard its rooms: everything, once, in order."""
    heard = [e.seq for e in read_journal(path) if isinstance(e, Heard)]
    upto = inf if whole else max(heard, default=0)
    due = [m.seq for m in log if concerns(m, set(LISTENED)) and m.seq <= upto]
    missed = set(due) - set(heard)
    tally.wrong("unheard", f"by {path.stem}", len(missed))
    tally.wrong("heard twice", f"by {path.stem}", len(heard) - len(set(heard)))
    tally.expect(heard == sorted(heard), "order", f"as {path.stem} has heard it")
    strange = set(heard) - set(due)
    tally.wrong("phantom", f"heard by {path.stem}", len(strange))
