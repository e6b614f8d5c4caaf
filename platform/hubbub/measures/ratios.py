"""
Distinct conversation and distinct invitation ratio: do circles narrow?

Source: arXiv 2402.12590, section 2: the average over agents of the unique agents that
one interacted with (or invited), divided by one's interactions (or invitations), over a
rolling window of 10 rounds.  Let ``m(i)`` be how often seat i interacted in a window and
``u(i)`` with how many others.  The text defines ``u/m``; the points in the figures lie on
multiples of 0.1, which is ``u/10``.  Both readings are here, neither is preferred:

* ``total``:  ``u(i) / m(i)``; undefined for a seat with ``m(i) = 0``, which is left out
  of the mean.  The mean is undefined if that leaves nobody.
* ``window``: ``u(i) / w`` with w the window's length in rounds; 0 for a seat that did
  not interact, which counts.  Unlike the first it also falls when seats interact less.

All are shares without a unit.  ``total`` lies in (0, 1]; ``window`` may pass 1 where a
seat has several conversations in a round.
"""

from typing import Literal

import numpy as np

from hubbub.measures.arrays import Counts, Ratio, add, add_defined

Reading = Literal["total", "window"]


def distinct_by_seat(windows: Counts, reading: Reading, width: int) -> Ratio:
    """
    Each seat's unique others, and by what the *reading* divides them.

    *windows* is one half of `arrays.Contacts`, summed over *width* rounds.
    """
    unique = add(windows > 0)
    if reading == "window":
        return Ratio(unique, np.full(unique.shape, float(width)))
    return Ratio(unique, add(windows))


def distinct(windows: Counts, reading: Reading, width: int) -> Ratio:
    """
    The distinct ratio of the population in each window.

    Its numerator is the sum of the seats' ratios, its denominator the number of seats
    that have one.  To count a seat without interactions as 0, divide by all seats.
    """
    return add_defined(distinct_by_seat(windows, reading, width).value)
