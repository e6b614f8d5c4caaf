"""
Communities: which seats keep to themselves, and by how much.

Of the weighted undirected network ``a(i,j) = w(i,j) + w(j,i)`` with strengths ``s`` and sum
of weights ``A = Σ a``: Newman's modularity ``Q = Σ (a(i,j) - s(i) s(j) / A) / A`` over seats
in one community (Newman 2004, Phys. Rev. E 69:066133; resolution 1).  It is the share of
weight inside communities, less what strengths alone would give.

The best partition is searched for as by Blondel et al. (2008, arXiv 0803.0476): from every
seat alone, seats move one by one, in a seeded order, to the community that gains most;
when none gains, the two communities that gain most by it merge, and seats move again.  It
is a heuristic, so Q is a lower bound of the greatest, and that of chance must be searched
in the same way.  Many networks are searched at once, each as it would be alone.
"""

import numpy as np

from hubbub.measures.arrays import Counts, Floats, Ratio, Truths, add, divide
from hubbub.measures.nulls import rng

#: A smaller gain may be one of rounding, and could be sought for ever.
_LEAST = 1e-12


def modularity(weights: Counts, seed: int) -> Ratio:
    """
    ``Q`` of the best communities that are found, ``[…]``.

    Its denominator is ``A``; a network without edges has none.
    """
    found = communities(weights, seed)
    same = found[..., :, None] == found[..., None, :]
    gain = _gains(weights)
    total = add(weights, (-2, -1)) * 2
    return Ratio(add(np.where(same, gain, 0.0), (-2, -1)) * total, total)


def communities(weights: Counts, seed: int) -> Counts:
    """
    The community of each seat, ``[…, seats]``: the place of its first member, from 1.

    A seat without edges is a community of its own.
    """
    size = weights.shape[-1]
    gains = _gains(weights).reshape(-1, size, size)
    # Where a seat is, its bond with itself is.
    gains[:, np.arange(size), np.arange(size)] = 0.0
    members = np.tile(np.eye(size), (len(gains), 1, 1))
    chance, going = rng(seed, "communities"), np.arange(len(gains))
    while going.size:
        part, order = members[going], chance.permutation(size)
        changed = _move(part, gains[going], order)
        resting = np.flatnonzero(~changed)
        merged, changed[resting] = _merge(part[resting], gains[going[resting]])
        part[resting] = merged
        members[going] = part
        going = going[changed]
    first = np.argmax(members, axis=-2)
    label = np.take_along_axis(first, np.argmax(members, axis=-1), axis=-1) + 1
    return label.reshape(weights.shape[:-1])


def _move(part: Floats, gains: Floats, order: Counts) -> Truths:
    """Let each seat of each network move once, in *part*; which networks changed."""
    every = np.arange(len(part))
    changed = np.zeros(len(part), bool)
    for seat in order:
        gain = (gains[:, None, seat] @ part)[:, 0]
        own, best = np.argmax(part[:, seat], axis=-1), np.argmax(gain, axis=-1)
        better = gain[every, best] > gain[every, own] + _LEAST
        part[better, seat] = 0.0
        part[better, seat, best[better]] = 1.0
        changed |= better
    return changed


def _merge(part: Floats, gains: Floats) -> tuple[Floats, Truths]:
    """Merge the two communities of each network that gain most by it, if any do."""
    size = part.shape[-1]
    between = np.swapaxes(part, -1, -2) @ gains @ part
    between[:, np.arange(size), np.arange(size)] = 0.0
    flat = between.reshape(-1, size * size)
    one, other = np.divmod(np.argmax(flat, axis=-1), size)
    better = np.max(flat, axis=-1, initial=0.0) > _LEAST
    where, one, other = np.flatnonzero(better), one[better], other[better]
    part[where, :, one] += part[where, :, other]
    part[where, :, other] = 0.0
    return part, better


def _gains(weights: Counts) -> Floats:
    """What two seats add to ``Q`` by being together, ``[…, seats, seats]``."""
    both = weights + np.swapaxes(weights, -1, -2)
    own, total = add(both), add(both, (-2, -1))[..., None, None]
    share = divide(both, total) - divide(
        own[..., :, None] * own[..., None, :], total**2
    )
    return np.nan_to_num(share, nan=0.0)
