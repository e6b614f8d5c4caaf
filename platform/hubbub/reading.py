"""Answers read out of text: JSON with words around it, or words of a form."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

#: Characters of an answer in words: searching for a form may take their square.
MAX_WORDED = 10_000

_OPENING = re.compile(r"[{\[]")
#: Within brackets: others, and strings, in which brackets are none.  A string without
#: an end goes to the end of the text, so that no text is searched twice.
_MARK = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.?)*+(?:"|\Z)', re.DOTALL)
_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}
_FENCE = re.compile(r"\s*json\s*\n", re.IGNORECASE)
#: Where a match ends, or begins, and the word or number that it is in does not.
_WITHIN = re.compile(r"(?<=\w)(?=\w)|(?<=\d)(?=[.,]\d)|(?<=\d[.,])(?=\d)")


def read_json(text: str, wanted: type[Any]) -> Any:
    """
    The *wanted* answer that *text* is in JSON, or that stands in it.

    That is the one block fenced as JSON, else the one object or array; where there are
    two, nobody knows which is meant.  Raises `ValueError` that says what is wrong.
    """
    try:
        return msgspec.json.decode(text, type=wanted)
    except (msgspec.DecodeError, RecursionError):
        found = [] if _is_json(text) else _standing(text)
        if len(found) > 1:
            raise ValueError(f"{len(found)} JSON values; give only one") from None
        if not found:
            raise
    return msgspec.json.decode(found[0], type=wanted)


def _standing(text: str) -> list[str]:
    """The JSON values in *text*, fenced ones if there are any."""
    fenced = [block for block in _fenced(text) if _is_json(block)]
    return fenced or [part for part in _bracketed(text) if _is_json(part)]


def _fenced(text: str) -> Iterator[str]:
    for block in text.split("```")[1:-1:2]:
        if fence := _FENCE.match(block):
            yield block[fence.end() :]


def _bracketed(text: str) -> Iterator[str]:
    """The parts of *text* between brackets that are in no others."""
    end = 0
    while opening := _OPENING.search(text, end):
        depth, end = 0, len(text)
        for mark in _MARK.finditer(text, opening.start()):
            depth += _DEPTH.get(mark[0], 0)
            if not depth:
                end = mark.end()
                yield text[opening.start() : end]
                break


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def read_words(text: str, pattern: str, wanted: type[Any]) -> Any:
    """
    The *wanted* answer in the last match of *pattern* in *text*.

    Its named groups are fields of the answer, without the spaces around them; a field
    that is true or false says whether its group took part.  Without named groups the
    answer is the first group, or the whole match.

    Raises `ValueError` where nothing matches, or only a part of a word or a number.
    """
    if len(text) > MAX_WORDED:
        raise ValueError(
            f"the answer has {len(text):,} characters; the limit is {MAX_WORDED:,}"
        )
    match = None
    for match in re.finditer(pattern, text):  # noqa: B007 - the last one is wanted
        pass
    if match is None:
        raise ValueError(f"nothing in it matches {pattern}")
    if _WITHIN.match(text, match.start()) or _WITHIN.match(text, match.end()):
        raise ValueError(f"{match[0]!r} is only a part of what it says there")
    return msgspec.convert(_given(match, wanted), wanted, strict=False)


def _given(match: re.Match[str], wanted: type[Any]) -> object:
    if not issubclass(wanted, msgspec.Struct):
        return match[1 if match.re.groups else 0].strip()
    flags = {
        field.encode_name
        for field in msgspec.structs.fields(wanted)
        if field.type is bool
    }
    given: dict[str, object] = {}
    for name, words in match.groupdict().items():
        if name in flags:
            given[name] = words is not None
        elif words is not None:
            given[name] = words.strip()
    return given
