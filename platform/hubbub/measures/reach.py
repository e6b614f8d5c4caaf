"""
How far from an adversary each seat is: by how many hands its influence can have come.

A seat is at distance 1 that was in contact with an adversary, at 2 that was in contact with
one at distance 1 which had read what reached it before it spoke, and so on: paths that
respect time (Holme and Saramäki 2012, Phys. Rep. 519:97), of which the shortest counts.
Whoever spoke to somebody before that one was reached is not reached by it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hubbub.measures.adversaries import Adversaries
from hubbub.measures.contacts import Contact


class Reached(NamedTuple):
    """At which *distance* a seat is, since the event *seq*, and *by* whom it came."""

    distance: int
    seq: int
    by: str


def read_reach(
    contacts: Iterable[Contact], adversaries: Adversaries
) -> dict[str, Reached]:
    """
    Every seat that an adversary has reached; the others are not.

    *contacts* come in the order of their events.  The adversaries are at distance 0, each
    from its onset on and for good.
    """
    ways: dict[str, list[Reached]] = {}
    for each in adversaries.all.values():
        for seat in each.seats:
            ways.setdefault(seat, [Reached(0, each.onset, "")])
    for contact in contacts:
        if (distance := _at(ways.get(contact.sender, []), contact.seen)) is None:
            continue
        known = ways.setdefault(contact.hearer, [])
        if not known or distance + 1 < known[-1].distance:
            known.append(Reached(distance + 1, contact.seq, contact.sender))
    return {seat: found[-1] for seat, found in ways.items()}


def _at(ways: list[Reached], seen: int) -> int | None:
    """The distance of a seat that had read up to *seen*; None if it was not reached."""
    return next((way.distance for way in reversed(ways) if way.seq <= seen), None)
