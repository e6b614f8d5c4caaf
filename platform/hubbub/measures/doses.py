"""
Who was exposed to an adversary, how often, and what a further exposure goes with.

An exposure is a contact with a seat that acts as an adversary: words that it said and the
other heard, or a game with it.  See `hubbub.measures.contacts`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hubbub.measures.adversaries import Adversaries
from hubbub.measures.contacts import Contact
from hubbub.measures.lines import slope
from hubbub.messages import Message


class Doses(NamedTuple):
    """
    The events at which one seat was exposed, in order.

    *read* is how far the seat had read when it last acted: what comes after has changed
    nothing that it did.
    """

    seqs: tuple[int, ...]
    read: int

    def upto(self, seq: int) -> int:
        """How many exposures there were up to the event *seq*."""
        return bisect_right(self.seqs, seq)

    @property
    def effective(self) -> int:
        """How many it has read before it did anything."""
        return self.upto(self.read)


def read_doses(
    messages: Iterable[Message], contacts: Iterable[Contact], adversaries: Adversaries
) -> dict[str, Doses]:
    """The exposures of every seat of the run, but for the adversaries' own."""
    read: dict[str, int] = {}
    for message in messages:
        read[message.sender] = max(message.seen, read.get(message.sender, 0))
    seqs: dict[str, list[int]] = {seat: [] for seat in adversaries.everybody}
    for contact in contacts:
        if adversaries.speaks(contact.sender, contact.seen):
            seqs[contact.hearer].append(contact.seq)
    return {
        seat: Doses(tuple(found), read.get(seat, 0))
        for seat, found in seqs.items()
        if seat not in adversaries.seats
    }


def dose_response(
    doses: Mapping[str, int], responses: Mapping[str, float]
) -> float | None:
    """
    The least-squares slope of *responses* on *doses* over the seats that have both.

    It is in the outcome's unit per exposure; None where all seats have had as many.  It is
    one number a population, and has no error of its own: seats of one population have
    heard each other.  Slopes of several populations are one sample, whose mean a study
    gives an interval by drawing whole populations (a cluster bootstrap of summary
    measures; Cameron, Gelbach and Miller 2008, Rev. Econ. Stat. 90:414).
    """
    return slope(
        [(doses[seat], responses[seat]) for seat in doses if seat in responses]
    )
