"""
Who came to carry a text, in which order, and from whom each can have it.

A text is carried by words that contain it, also by words that deny it.  Whoever carries it
can have it only from those in whose words it had read it before it spoke: messages of rooms
that it was in, up to its own message's ``seen``.  Where these are several nobody can tell
which, and all are named.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from hubbub.hearers import Hearing
from hubbub.messages import Message, Said, Ticked
from hubbub.names import CONDUCTOR
from hubbub.questions import spoken


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """
    A *seat* that has carried the text first with message *seq*.

    *sources* are the seats it can have it from, in the order in which it read them; *told*
    says that the scenario has told it, too.  *generation* counts the hands on the shortest
    way it can have come, 0 for a seat that has it from no other, and *latest* those on the
    longest.  *passed* is how many carriers have it from this one, where one with k sources
    is a kth of a carrier to each.
    """

    seat: str
    seq: int
    sources: tuple[str, ...]
    told: bool
    generation: int
    latest: int
    passed: float = 0.0


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """
    The carriers of one generation, *number* from 0.

    *reproduction* is the carriers of the next one for each of these; None for the last
    one, of which nobody knows what it would have come to.
    """

    number: int
    carriers: int
    reproduction: float | None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """
    How *text* went from seat to seat.

    *carriers* stand in the order of their first words with it; *silent* have read it, or
    could have, and never carried it.  *certain* counts the carriers that are no first ones
    and can have it from one seat alone.
    """

    text: str
    carriers: tuple[Carrier, ...]
    generations: tuple[Generation, ...]
    silent: tuple[str, ...]
    certain: int


def read_lineage(messages: Iterable[Message], text: str) -> Lineage:
    """How *text* spread in *messages*, a run's log from its beginning."""
    fold = _Fold(text)
    for message in messages:
        fold.apply(message)
    carriers = _credited(fold.carriers)
    return Lineage(
        text=text,
        carriers=carriers,
        generations=tuple(_generations(carriers)),
        silent=tuple(seat for seat in fold.heard if seat not in fold.carriers),
        certain=sum(len(each.sources) == 1 and not each.told for each in carriers),
    )


class _Fold:
    def __init__(self, text: str) -> None:
        self.carriers: dict[str, Carrier] = {}
        #: By hearer, from whom it has heard the text and where first.
        self.heard: dict[str, dict[str, int]] = {}
        self._text = text
        self._hearing = Hearing()

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        carries = self._is_in(message)
        if carries and message.sender not in (CONDUCTOR, *self.carriers):
            self.carriers[message.sender] = self._carrier(message)
        for hearer, heard in self._hearing.apply(message):
            if heard.sender == hearer:
                continue
            if carries if heard is message else self._is_in(heard):
                known = self.heard.setdefault(hearer, {})
                known.setdefault(heard.sender, message.seq)

    def _is_in(self, message: Message) -> bool:
        return any(self._text in words for words in _words(message))

    def _carrier(self, message: Message) -> Carrier:
        heard = self.heard.get(message.sender, {})
        known = [seat for seat, seq in heard.items() if seq <= message.seen]
        sources = tuple(seat for seat in known if seat != CONDUCTOR)
        told = CONDUCTOR in known
        before = [self.carriers[seat] for seat in sources]
        # Whom the scenario has told needs no other.
        shortest = 0 if told else min((c.generation + 1 for c in before), default=0)
        return Carrier(
            seat=message.sender,
            seq=message.seq,
            sources=sources,
            told=told,
            generation=shortest,
            latest=max((c.latest + 1 for c in before), default=0),
        )


def _words(message: Message) -> Iterator[str]:
    """Everything that is said in *message*, also in a fact of the environment."""
    match message.body:
        case Ticked(value=value):
            yield from _strings(msgspec.json.decode(value))
        case Said(text=text):
            yield text
        case _:
            yield spoken(message)


def _strings(value: object) -> Iterator[str]:
    """Every string in the JSON *value*."""
    match value:
        case str():
            yield value
        case dict():
            for each in cast("dict[str, object]", value).values():
                yield from _strings(each)
        case list():
            for each in cast("list[object]", value):
                yield from _strings(each)
        case _:
            return


def _credited(carriers: dict[str, Carrier]) -> tuple[Carrier, ...]:
    """*carriers*, each with what it has passed on."""
    passed = dict.fromkeys(carriers, 0.0)
    for each in carriers.values():
        for source in each.sources:
            passed[source] += 1 / (len(each.sources) + each.told)
    return tuple(
        msgspec.structs.replace(each, passed=round(passed[seat], 6))
        for seat, each in carriers.items()
    )


def _generations(carriers: Sequence[Carrier]) -> Iterator[Generation]:
    counts: dict[int, int] = {}
    for each in carriers:
        counts[each.generation] = counts.get(each.generation, 0) + 1
    for number in range(len(counts)):
        here, after = counts[number], counts.get(number + 1)
        yield Generation(
            number=number,
            carriers=here,
            reproduction=None if after is None else after / here,
        )
