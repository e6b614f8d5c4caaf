"""How rule minds say claims, and how they find them in what they hear."""

import re
from typing import NamedTuple

_CLAIMED = re.compile(r"\bit is (a fact|not true) that ([^.\n]+)\.", re.IGNORECASE)


class Contact(NamedTuple):
    """A *claim* that somebody has *affirmed*, or else denied."""

    claim: str
    affirmed: bool


def affirm(claim: str) -> str:
    """The sentence that says *claim*."""
    return f"It is a fact that {claim}."


def deny(claim: str) -> str:
    """The sentence that contradicts *claim*."""
    return f"It is not true that {claim}."


def contacts(text: str) -> list[Contact]:
    """The claims in *text*, in order; claims in other words are not found."""
    found = _CLAIMED.findall(text)
    return [Contact(claim, how.lower() == "a fact") for how, claim in found]
