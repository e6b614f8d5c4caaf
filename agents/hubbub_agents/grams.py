"""How alike two texts are, by the pieces of words that they share; no model is asked."""

from functools import lru_cache
from math import sqrt
from zlib import crc32

#: Characters of a piece.
PIECE = 3
#: Bits of a set of pieces; each piece is one of them, by its CRC-32.
BITS = 2_048


@lru_cache(maxsize=4_096)
def grams(text: str) -> int:
    """The set of *text*'s pieces, in lower case and with single spaces, as bits."""
    plain = " ".join(text.lower().split())
    found = 0
    for start in range(len(plain) - PIECE + 1):
        found |= 1 << crc32(plain[start : start + PIECE].encode()) % BITS
    return found


def likeness(one: int, other: int) -> float:
    """The cosine of two sets: what they share, by the mean of their sizes; 0 to 1."""
    sizes = one.bit_count() * other.bit_count()
    return (one & other).bit_count() / sqrt(sizes) if sizes else 0.0
