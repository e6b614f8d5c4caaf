"""
When a sentence is a valid answer, by a rule that is declared and not judged.

Lai et al. (arXiv 2402.12590, section 3) count a sentence that is coherent, unique, has
all given words and no more than 40 words.  Which forms of a word count is not said
there; both readings are here, and coherence is a judge's affair.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

#: ``exact``: the word itself.  ``inflected``: also its regular inflections, of the noun
#: (plural, possessive) or of the verb (concealed: conceal, conceals, concealing).
Forms = Literal["exact", "inflected"]
#: What may be wrong with a sentence, in the order in which it is looked for.
Fault = Literal["", "empty", "words missing", "too long", "repeated", "incoherent"]

#: The five questions of the paper.
SETS = (
    ("moonlight", "murmured", "timeless", "ocean", "enigma", "concealed", "journey"),
    ("twilight", "sighed", "medieval", "meadow", "riddle", "veiled", "trail"),
    ("sunbeam", "echoed", "eternal", "mountain", "secret", "buried", "route"),
    ("dawn", "breathed", "old", "river", "puzzle", "cloaked", "way"),
    ("dusk", "hummed", "archaic", "valley", "conundrum", "obscured", "track"),
)

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_VOWELS = "aeiou"


def faults(
    sentences: Sequence[str],
    words: Collection[str],
    *,
    limit: int,
    forms: Forms,
    before: Collection[str] = (),
) -> list[Fault]:
    """
    What is wrong with each of *sentences*; empty for a valid one.

    *before* are the `key`s of sentences that were given earlier to the same question: of
    sentences that are the same the first one is valid.
    """
    accepted = {
        word: forms_of(word) if forms == "inflected" else {word} for word in words
    }
    seen = set(before)
    found: list[Fault] = []
    for sentence in sentences:
        tokens = tokens_of(sentence)
        fault: Fault = ""
        if not tokens:
            fault = "empty"
        elif any(own.isdisjoint(tokens) for own in accepted.values()):
            fault = "words missing"
        elif len(tokens) > limit:
            fault = "too long"
        elif key(sentence) in seen:
            fault = "repeated"
        seen.add(key(sentence))
        found.append(fault)
    return found


def tokens_of(sentence: str) -> list[str]:
    """The words of *sentence*, in small letters; a hyphenated one is one word."""
    plain = sentence.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return _TOKEN.findall(plain)


def key(sentence: str) -> str:
    """What makes *sentence* the same as another: its words, and nothing else."""
    return " ".join(tokens_of(sentence))


def forms_of(word: str) -> set[str]:
    """*word* and its regular inflections, found from every base it may be a form of."""
    return {form for base in _bases(word) for form in _inflect(base)} | {word}


def _bases(word: str) -> Iterator[str]:
    yield word
    if not word.endswith("ed") or len(word) < 5:
        return
    stem = word[:-2]
    yield stem
    if stem.endswith("i"):
        yield stem[:-1] + "y"
    elif stem[-1] == stem[-2]:
        yield stem[:-1]
    else:
        yield stem + "e"


def _inflect(base: str) -> Iterator[str]:
    yield base
    yield base + "'s"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        yield from (base[:-1] + "ies", base[:-1] + "ied", base + "ing")
    elif base.endswith("e"):
        yield from (base + "s", base + "d", base[:-1] + "ing")
    else:
        plural = "es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else "s"
        yield from (base + "s", base + plural, base + "ed", base + "ing")
    if len(base) > 2 and base[-1] not in "aeiouwxy" and base[-2] in _VOWELS:
        yield from (base + base[-1] + "ed", base + base[-1] + "ing")
