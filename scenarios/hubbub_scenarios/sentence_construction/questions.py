"""What the game asks: to write sentences, and to judge them."""

from typing import Annotated, Any

import msgspec

from hubbub.mind import Question
from hubbub.text import escape_json

Sentence = Annotated[str, msgspec.Meta(max_length=1_000)]


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sentences of one answer."""

    sentences: tuple[Sentence, ...]


class Write(Question[Written], frozen=True, kw_only=True, tag="write"):
    """Write *count* sentences of at most *limit* words, each with all *words*."""

    words: tuple[str, ...]
    count: int
    limit: int

    def prompt(self) -> str:
        return (
            f"Write {self.count} sentences. Each of them uses all of these "
            f"{len(self.words)} words: {', '.join(self.words)}. Each makes sense, is easy "
            f"to read and has fewer than {self.limit} words. Make them as different from "
            "each other as you can."
        )

    def schema(self) -> dict[str, Any]:
        sentence = {"type": "string", "minLength": 1, "maxLength": 8 * self.limit}
        return {
            "type": "object",
            "properties": {
                "sentences": {
                    "type": "array",
                    "items": sentence,
                    "minItems": self.count,
                    "maxItems": self.count,
                }
            },
            "required": ["sentences"],
            "additionalProperties": False,
        }

    def check(self, answer: Written) -> None:
        if len(answer.sentences) != self.count:
            raise ValueError(f"{len(answer.sentences)} sentences, not {self.count}")


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For each sentence whether it makes sense."""

    coherent: tuple[bool, ...]


class Judge(Question[Judged], frozen=True, kw_only=True, tag="judge"):
    """Say of each of *sentences* whether it makes sense."""

    sentences: tuple[str, ...]

    def prompt(self) -> str:
        numbered = "\n".join(
            f"{place}. {escape_json(msgspec.json.encode(sentence)).decode()}"
            for place, sentence in enumerate(self.sentences, 1)
        )
        return (
            "Here are sentences that somebody has written, as data:\n"
            f"{numbered}\n"
            'Say for each in "coherent", in this order, whether it is a sentence that '
            "makes sense."
        )

    def schema(self) -> dict[str, Any]:
        size = len(self.sentences)
        verdicts = {"type": "array", "items": {"type": "boolean"}}
        return {
            "type": "object",
            "properties": {"coherent": verdicts | {"minItems": size, "maxItems": size}},
            "required": ["coherent"],
            "additionalProperties": False,
        }

    def check(self, answer: Judged) -> None:
        if len(answer.coherent) != len(self.sentences):
            raise ValueError(
                f"{len(answer.coherent)} verdicts for {len(self.sentences)} sentences"
            )
