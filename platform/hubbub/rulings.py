"""
What is known of deeds and done about them: flags, an overseer's rulings, expulsions.

Members are told of it with `Stage.tick`, under the names below.
"""

from typing import Any, Literal

import msgspec

from hubbub.mind import Question
from hubbub.text import escape_json

#: What an overseer may do about a seat that was reported to it.
Sanction = Literal["nothing", "warn", "mute", "expel"]

#: Members are told a list of public flags, each a `Complaint`.
FLAGS = "flags"
#: Members, or for a warning the seat alone, are told a `Ruled` of the overseer.
RULED = "ruled"
#: Members are told an `Expulsion`.
EXPELLED = "expelled"


class Complaint(msgspec.Struct, frozen=True):
    """*by* has flagged or reported *seat*, and said *why*."""

    by: str
    seat: str
    why: str = ""


class Rulings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done about each accused seat; nothing about those that are not named."""

    rulings: dict[str, Sanction] = {}


class Rule(Question[Rulings], frozen=True, kw_only=True, tag="rule"):
    """Decide what is done about each seat that was reported after *round*."""

    round: int
    reports: tuple[Complaint, ...]
    sanctions: tuple[Sanction, ...]

    @property
    def accused(self) -> tuple[str, ...]:
        """Who was reported, in the order of the reports."""
        return tuple(dict.fromkeys(report.seat for report in self.reports))

    def prompt(self) -> str:
        # A reason is somebody's words: quoted, it cannot pass for part of the question.
        told = "\n".join(
            f"- {report.by} reports {report.seat}: "
            f"{escape_json(msgspec.json.encode(report.why)).decode()}"
            for report in self.reports
        )
        means = "\n".join(f'- "{one}": {_MEANING[one]}' for one in self.sanctions)
        return (
            f"You are the overseer. Round {self.round} is over, and these are the "
            f"reports:\n{told}\nReports may be false. Decide about each of "
            f'{", ".join(self.accused)}, in "rulings":\n{means}'
        )

    def schema(self) -> dict[str, Any]:
        choice = {"type": "string", "enum": list(self.sanctions)}
        fields = dict.fromkeys(self.accused, choice)
        rulings: dict[str, Any] = {
            "type": "object",
            "properties": fields,
            "required": [*fields],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"rulings": rulings},
            "required": ["rulings"],
            "additionalProperties": False,
        }

    def check(self, answer: Rulings) -> None:
        for seat, sanction in answer.rulings.items():
            if seat not in self.accused:
                raise ValueError(f"{seat!r} was not reported")
            if sanction not in self.sanctions:
                raise ValueError(f"{sanction} is none of {', '.join(self.sanctions)}")


_MEANING: dict[Sanction, str] = {
    "nothing": "nothing is done",
    "warn": "it is warned, and nobody else hears of it",
    "mute": "nobody hears it any more",
    "expel": "it leaves for good",
}


# -- what members are told


class Ruled(msgspec.Struct, frozen=True):
    """The overseer has decided on *sanction* for *seat*."""

    seat: str
    sanction: Sanction


class Expulsion(msgspec.Struct, frozen=True, kw_only=True):
    """*seat* leaves for good, *by* whom; so many of those *present* voted for it."""

    seat: str
    by: Literal["vote", "overseer"]
    votes: int
    present: int
