"""What a model said to us, out of all that its server takes for its words."""

import re
from typing import Any

#: A template's token at the end; spaces are bounded so that the search is linear.
_LEAK = re.compile(r"\s{0,8}(?:<\|\w{1,32}\|>|</s>|<eos>|<end_of_turn>)\s{0,8}$")
_LONGEST_LEAK = 52
#: What a template puts before an answer, with the speaker's name.
_OPENING = re.compile(
    r"\s{0,8}(?:<\|(?:im_start|start_header_id)\|>assistant(?:<\|end_header_id\|>)?"
    r"|<start_of_turn>model|<\|assistant\|>|\[/INST\]|<s>|<bos>)\s{0,8}"
)
_THINKING = re.compile(r"\s*<think(?:ing)?>")
#: Where thinking ends; some templates begin it themselves, and only its end is sent.
_THOUGHT = re.compile(r"</think(?:ing)?>\s*")
_THOUGHT_ALONE = re.compile(r"^</think(?:ing)?>\s*", re.MULTILINE)


def spoken(content: str | list[Any] | None) -> str | None:
    """
    The words in *content*, which may be a list of parts; None if there are none.

    A block of thinking before them is dropped, and so are tokens of the chat template
    at both ends; a block without an end has no words after it.
    """
    text = _joined(content) if isinstance(content, list) else content
    if text is None:
        return None
    answer = _after_thinking(_without_openings(text))
    return None if answer is None else _without_leaks(_without_openings(answer))


def _joined(parts: list[Any]) -> str | None:
    """The text of *parts*, those of reasoning aside."""
    texts: list[str] = []
    for part in parts:
        match part:
            case str(text):
                texts.append(text)
            case {"type": "text" | "output_text", "text": str(text)}:
                texts.append(text)
            case _:
                pass
    return "".join(texts) if texts else None


def _after_thinking(text: str) -> str | None:
    if opened := _THINKING.match(text):
        ended = _THOUGHT.search(text, opened.end())
        return text[ended.end() :] if ended else None
    ended = _THOUGHT_ALONE.search(text)
    return text[ended.end() :] if ended else text


def _without_openings(text: str) -> str:
    start = 0
    while opening := _OPENING.match(text, start):
        start = opening.end()
    return text[start:]


def _without_leaks(text: str) -> str:
    end = len(text)
    while leak := _LEAK.search(text, max(0, end - _LONGEST_LEAK), end):
        end = leak.start()
    return text[:end]
