"""
What chance alone would give, beside every curve.

* ``uniform``: every seat invites as often as it did, in the same rounds, but each time
  whom it invites is drawn evenly from those it could have invited.  An invitation that
  led to a conversation still does, with its new partner; two who then meet each other
  twice in a round meet once, as the party's rules have it.
* ``shuffled``: whole rounds in random order.  Everybody keeps all partners and words of
  the run; only when goes.  So it tells narrowing over time from steady preferences, and
  says nothing about the run as a whole.

A band has the mean, the standard deviation and the limits between which a further draw
from the null lies with probability `LEVEL` or more.  They are exact where a formula is
known (``draws`` is 0), else from ranks among ``draws`` seeded Monte Carlo draws: with D
draws, and k = ⌊(D + 1) (1 - `LEVEL`) / 2⌋, the k-th lowest and the k-th highest.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from hubbub.chance import generator
from hubbub.errors import UsageError
from hubbub.measures.arrays import Contacts, Counts, Floats, add, add_defined, divide
from hubbub.measures.party import Party

Null = Literal["uniform", "shuffled", "words"]

#: The share of further draws that a band holds.
LEVEL = 0.95
#: The fewest draws from which ranks can hold that share.
FEWEST = round(2 / (1 - LEVEL)) - 1
#: 97.5 % of a normal distribution lie below this many standard deviations.
_Z = 1.959963984540054
#: Numbers that one batch of draws may hold.
_BATCH = 4_000_000


class Band(NamedTuple):
    """A null's *mean*, *sd* and limits at each point of a curve, NaN if undefined."""

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    draws: int


def rng(seed: int, *place: str) -> np.random.Generator:
    """The generator of a null's draws, which depends on *seed* and *place* alone."""
    return np.random.default_rng(generator(seed, "null", *place).getrandbits(64))


def uniform(party: Party, draws: int, seed: int) -> Iterator[Contacts]:
    """Batches of *draws* parties with partners drawn evenly: ``[draws, round, i, j]``."""
    slots, chance = _Slots(party), rng(seed, "uniform")
    for size in batches(draws, party.rounds * len(party.seats) ** 2):
        yield slots.draw(size, chance)


def shuffled(contacts: Contacts, draws: int, seed: int) -> Iterator[Contacts]:
    """Batches of *draws* parties with their rounds in random order."""
    rounds, seats = contacts.invitations.shape[0], contacts.invitations.shape[-1]
    every, done = orders(rounds, draws, seed), 0
    for size in batches(draws, rounds * seats**2):
        order = every[done : done + size]
        yield Contacts(contacts.invitations[order], contacts.conversations[order])
        done += size


def orders(rounds: int, draws: int, seed: int) -> Counts:
    """Random orders of *rounds*, ``[draws, rounds]``: which round is put where."""
    chance = rng(seed, "shuffled")
    return np.array([chance.permutation(rounds) for _ in range(draws)], np.int64)


def batches(draws: int, size: int) -> Iterator[int]:
    """*draws* in parts that hold no more than a batch may, at *size* numbers a draw."""
    step = max(1, _BATCH // max(1, size))
    for first in range(0, draws, step):
        yield min(step, draws - first)


class _Slots:
    """Every invitation of a party, to be sent anew."""

    def __init__(self, party: Party) -> None:
        place = {seat: i for i, seat in enumerate(party.seats)}
        held = {(talk.round, talk.pair) for talk in party.held}
        slots: list[tuple[int, int, bool, bool, list[int]]] = []
        for each in party.invited:
            if each.invitee is not None:
                meeting = each.round, frozenset((each.inviter, each.invitee))
                led = each.accepted and meeting in held
                others = [place[seat] for seat in each.others]
                slots.append((each.round, place[each.inviter], True, led, others))
        by_invitation = {each.round for each in party.invited}
        for talk in party.held:
            if talk.round not in by_invitation:
                # Nobody invited: the scenario brought the two together.
                others = [place[s] for s in party.seats if s != talk.inviter]
                slots.append((talk.round, place[talk.inviter], False, True, others))
        self._shape = (party.rounds, len(place), len(place))
        self._round = np.array([slot[0] - 1 for slot in slots], int)
        self._ego = np.array([slot[1] for slot in slots], int)
        self._invites = np.array([slot[2] for slot in slots], bool)
        self._leads = np.array([slot[3] for slot in slots], bool)
        self._sizes = np.array([len(slot[4]) for slot in slots], int)
        self._others = np.zeros((len(slots), max(self._sizes, default=0)), int)
        for row, slot in zip(self._others, slots, strict=True):
            row[: len(slot[4])] = slot[4]

    def draw(self, size: int, chance: np.random.Generator) -> Contacts:
        invitations = np.zeros((size, *self._shape), np.int64)
        conversations = np.zeros((size, *self._shape), np.int64)
        picks = (chance.random((size, len(self._ego))) * self._sizes).astype(int)
        alter = self._others[np.arange(len(self._ego)), picks]
        draw = np.arange(size)[:, None]
        sent = self._invites
        where = draw, self._round[sent], self._ego[sent], alter[:, sent]
        np.add.at(invitations, where, 1)
        led = self._leads
        round, one, other = self._round[led], self._ego[led], alter[:, led]
        conversations[draw, round, one, other] = 1
        conversations[draw, round, other, one] = 1
        return Contacts(invitations, conversations)


def band(draws: Floats) -> Band:
    """
    The band of Monte Carlo *draws*, ``[draws, points]``.

    Draws in which a point is undefined do not count for it; with fewer than `FEWEST`
    that do, it has no limits.
    """
    points = [_band(column[~np.isnan(column)]) for column in draws.T]
    columns = np.array(points, float).reshape(-1, 4).T
    return Band(columns[0], columns[1], columns[2], columns[3], len(draws))


def _band(draws: Floats) -> tuple[float, float, float, float]:
    if not draws.size:
        return np.nan, np.nan, np.nan, np.nan
    low = high = np.nan
    if draws.size >= FEWEST:
        rank = int((draws.size + 1) * (1 - LEVEL) / 2)
        ordered = np.sort(draws)
        low, high = ordered[rank - 1], ordered[-rank]
    return float(draws.mean()), float(draws.std()), float(low), float(high)


def check_draws(draws: int) -> None:
    """Raise `UsageError` unless *draws* suffice for a band."""
    if draws < FEWEST:
        raise UsageError(f"a band takes {FEWEST} draws or more, not {draws}")


def occupancy(sent: Floats | Counts, others: int) -> tuple[Floats, Floats]:
    """
    Mean and variance of how many of *others* get any of *sent* even invitations.

    With k = *others* and m = *sent*, each mean is ``k (1 - (1 - 1/k)^m)``: 6.2 for ten
    invitations of nine, a distinct ratio of 0.62.  The variance is
    ``k (k - 1) (1 - 2/k)^m + k (1 - 1/k)^m - k² (1 - 1/k)^(2m)``.
    """
    k, m = float(others), np.asarray(sent, float)
    one, two = (1 - 1 / k) ** m, (1 - 2 / k) ** m
    # With one other, 1 - 2/k is -1 and nothing is left to chance.
    variance = np.zeros(m.shape)
    if others > 1:
        variance = np.maximum(0.0, k * (k - 1) * two + k * one - (k * one) ** 2)
    return k * (1 - one), variance


def expected_distinct(windows: Counts, party: Party, width: int | None) -> Band | None:
    """
    The uniform null of the distinct invitation ratio, by formula.

    *windows* are of invitations; *width* is that of the reading ``window``, None for the
    reading ``total``.  Means and standard deviations are exact, as seats draw on their
    own; the limits take the mean over seats as normal.  None where seats could not
    always invite all others: then only drawing helps.
    """
    others = len(party.seats) - 1
    if others < 1 or any(len(set(i.others)) != others for i in party.invited):
        return None
    sent = add(windows)
    mean, variance = occupancy(sent, others)
    by = sent if width is None else np.full(sent.shape, float(width))
    centre = add_defined(divide(mean, by)).value
    spread = add_defined(divide(variance, by**2))
    sd = divide(np.sqrt(spread.numerator), spread.denominator)
    return Band(centre, sd, centre - _Z * sd, centre + _Z * sd, 0)
