"""What a member of a group chat is asked when its turn has come."""

from typing import Any

from hubbub.questions import MAX_WORDS, Turn


class Say(Turn, frozen=True, kw_only=True, tag="say-in-group"):
    """
    It is your turn in a group in which one speaks after another.

    Nobody leaves such a group: who sets *leave* is asked again in the next round.
    """

    def prompt(self) -> str:
        return (
            f"Round {self.turn} of {self.turns}. You are in a group with "
            f"{', '.join(self.others)}. Say one or two sentences to all of them."
        )

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": MAX_WORDS}
        return {
            "type": "object",
            "properties": {"text": text},
            "required": ["text"],
            "additionalProperties": False,
        }
