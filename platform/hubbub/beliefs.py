"""
Beliefs: the question that asks for one in private, and the facts that bear on them.

A scenario tells members such facts with `Stage.tick`, under the names below; minds that
read see their words, minds that are rules know them by name.
"""

import json
from typing import Annotated, Any, Literal

import msgspec

from hubbub.mind import Question

#: A statement that may be claimed: one sentence without its full stop.
Claim = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^.\s][^.\n]*$")]
#: Which statement is asked about: the claim itself, the same in other words, or another
#: one that stands near it and that nobody has claimed.
Aspect = Literal["claim", "rephrased", "nearby"]

#: A member is told, in words that contain it, what it is convinced of.
CONVICTION = "conviction"
#: Members are told that what they hear may be false.
WARNING = "warning"
#: Members are told a `Minute` of a conversation that they may not have been in.
MINUTE = "minute"


#: What a model may answer.  Servers that decode by a schema hold to a list, and not all
#: of them to the bounds of a number; rules answer with any number from 0 to 1.
STEPS = [step / 20 for step in range(21)]


class Minute(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of an earlier conversation, and *by* whom, where that is passed on."""

    text: str
    by: str = ""


class Belief(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How likely a statement is held to be true, from 0 to 1."""

    belief: float


class Believe(Question[Belief], frozen=True, kw_only=True, tag="believe"):
    """
    Say how likely a statement is: the *claim*, or the *statement* in its place.

    *aspect* says how the two are related; minds that read do not see it.
    """

    claim: str
    aspect: Aspect = "claim"
    statement: str = ""

    def prompt(self) -> str:
        return (
            "Nobody else will hear your answer to this. How likely do you think it is "
            "that the following statement is true?\n"
            f"{json.dumps(self.statement or self.claim, ensure_ascii=False)}\n"
            'Give a number from 0 (certainly false) to 1 (certainly true) in "belief", in '
            "steps of 0.05."
        )

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"belief": {"enum": STEPS}},
            "required": ["belief"],
            "additionalProperties": False,
        }

    def check(self, answer: Belief) -> None:
        if not 0 <= answer.belief <= 1:
            raise ValueError(f"{answer.belief:g} is not from 0 to 1")
