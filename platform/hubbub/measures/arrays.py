"""
Who turned to whom, as numbers: counts by round, summed over rolling windows.

Arrays have any number of leading axes, such as the draws of a null; the last three are
round (or window), seat, other seat.  What is undefined is NaN inside and None in tables.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hubbub.measures.party import Party

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Truths = NDArray[np.bool_]


class Contacts(NamedTuple):
    """
    How often each seat turned to each other.

    *invitations* ``[…, t, i, j]``: i invited j, accepted or not.  *conversations*: i and
    j held a conversation, whoever invited; symmetric.  The diagonals are zero.
    """

    invitations: Counts
    conversations: Counts


class Ratio(NamedTuple):
    """Numerators and denominators, kept apart: a value may be undefined."""

    numerator: Floats
    denominator: Floats

    @property
    def value(self) -> Floats:
        """The quotients; NaN where the denominator is 0."""
        return divide(self.numerator, self.denominator)


def contacts(party: Party) -> Contacts:
    """The contacts of *party* by round, ``[rounds, seats, seats]``."""
    place = {seat: i for i, seat in enumerate(party.seats)}
    shape = (party.rounds, len(place), len(place))
    invitations, conversations = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for each in party.invited:
        if each.invitee is not None:
            invitations[each.round - 1, place[each.inviter], place[each.invitee]] += 1
    for talk in party.held:
        one, other = place[talk.inviter], place[talk.partner]
        conversations[talk.round - 1, one, other] += 1
        conversations[talk.round - 1, other, one] += 1
    return Contacts(invitations, conversations)


def rolling(counts: Counts, width: int) -> Counts:
    """
    Sums of *counts*, ``[…, rounds, seats, seats]``, over every *width* rounds in a row.

    The window that ends with round t, from *width* on, is at index t - *width*.  Shorter
    windows at the beginning are left out, so fewer rounds than *width* have none.
    """
    rounds = counts.shape[-3]
    if rounds < width:
        return counts[..., :0, :, :]
    sums = np.cumsum(counts, axis=-3)
    windows = sums[..., width - 1 :, :, :].copy()
    windows[..., 1:, :, :] -= sums[..., : rounds - width, :, :]
    return windows


def windows(contacts: Contacts, width: int) -> Contacts:
    """*contacts* summed over rolling windows of *width* rounds, see `rolling`."""
    return Contacts(
        rolling(contacts.invitations, width), rolling(contacts.conversations, width)
    )


def add(values: NDArray[Any], axis: int | tuple[int, int] = -1) -> Floats:
    """The sum of *values*, which may be truths, along *axis*; by default the last."""
    return np.asarray(np.sum(values, axis=axis, dtype=np.float64))


def add_defined(values: Floats) -> Ratio:
    """Of the last axis: the sum of what is defined, and how many that are."""
    defined = ~np.isnan(values)
    return Ratio(add(np.where(defined, values, 0.0)), add(defined))


def divide(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """*numerator* / *denominator*, NaN where the denominator is 0 or undefined."""
    top, bottom = np.asarray(numerator, float), np.asarray(denominator, float)
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    quotient = np.full(shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom != 0)
    return quotient


def number(value: float) -> float | None:
    """*value* for a table: None where it is undefined."""
    return None if np.isnan(value) else float(value)
