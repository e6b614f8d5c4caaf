"""
Texts that stand for a history: what of having been at a party makes a difference.

Whoever was there has a partner it knows, a long context, and the manner in which people
talk there.  Each text has some of these and lacks others.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Literal

from hubbub_scenarios.cocktail_party import Talk

Account = Literal["foreign", "shuffled", "nameless", "filler"]


def account(
    kind: Account,
    hero: str,
    talks: Sequence[Talk],
    readers: Mapping[str, str],
    rng: random.Random,
) -> list[str]:
    """
    The lines that the reader in *hero*'s place is told, made from what *hero* heard.

    ``foreign`` is the conversations as they were, with the names of *readers* (hero to
    reader) in place of their heroes'.  ``shuffled`` is the same lines in an order drawn
    by lot.  ``nameless`` has them in their order, and somebody for every name.
    ``filler`` is neutral prose, line by line as long as they are.
    """
    own = [line for talk in talks if hero in talk.pair for line in talk.lines]
    everybody = {name for talk in talks for name in talk.pair}
    match kind:
        case "foreign" | "shuffled":
            lines = [f"{line.seat}: {line.text}" for line in own]
            if kind == "shuffled":
                rng.shuffle(lines)
            return [renamed(line, readers) for line in lines]
        case "nameless":
            nobody = dict.fromkeys(everybody, "somebody")
            return [renamed(line.text, nobody) for line in own]
        case "filler":
            prose = _prose()
            return [_cut(prose, len(f"{line.seat}: {line.text}")) for line in own]


def renamed(text: str, names: Mapping[str, str]) -> str:
    """*text* with each of *names*, where it stands as a word, made what it maps to."""
    if not names:
        return text
    known = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{known})(?!\w)", lambda found: names[found[0]], text)


def _prose() -> Iterator[str]:
    """Words about rocks and weather, for ever."""
    words = (
        (resources.files("hubbub_scenarios.poisoning") / "filler.txt")
        .read_text("utf-8")
        .split()
    )
    while True:
        yield from words


def _cut(words: Iterator[str], size: int) -> str:
    """The next *words*, *size* characters of them."""
    line = ""
    while len(line) < size:
        line += " " * bool(line) + next(words)
    return line[:size]
