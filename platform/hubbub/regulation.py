"""
Self-regulation: the powers that seats may have over each other, and how they are asked.

A scenario switches powers on.  What comes of their use is said in `hubbub.order`, and an
overseer's part in it in `hubbub.rulings`.
"""

from typing import Annotated, Any, Literal, get_args

import msgspec

from hubbub.mind import Question

#: What a seat may be given the power to do about another.
Power = Literal["flag", "refuse", "shun", "mute", "report", "expel"]
#: Whether all members hear a flag, or the reader of the log alone.
Flags = Literal["public", "private"]
#: Of those present more than this share must vote for an expulsion.
Majority = Annotated[float, msgspec.Meta(ge=0, lt=1)]
#: Why somebody is flagged or reported.
Why = Annotated[str, msgspec.Meta(max_length=200)]

#: Deeds that a model may do at once, and characters of each reason: they fit its 256
#: tokens even where a token is a character.
MOST_DEEDS, MOST_WHY = 3, 40


class _Against(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="deed"
):
    seat: str


class Flag(_Against, frozen=True, tag="flag"):
    """Say that *seat* does wrong, and *why*."""

    why: Why = ""


class Refuse(_Against, frozen=True, tag="refuse"):
    """Have nothing to do with *seat* until the next review."""


class Shun(_Against, frozen=True, tag="shun"):
    """Have nothing to do with *seat* from now on."""


class Mute(_Against, frozen=True, tag="mute"):
    """Hear *seat* no longer."""


class Report(_Against, frozen=True, tag="report"):
    """Tell the overseer that *seat* does wrong, and *why*."""

    why: Why = ""


class Expel(_Against, frozen=True, tag="expel"):
    """Vote that *seat* leaves for good."""


Deed = Flag | Refuse | Shun | Mute | Report | Expel

_POWERS: dict[type, Power] = {
    Flag: "flag",
    Refuse: "refuse",
    Shun: "shun",
    Mute: "mute",
    Report: "report",
    Expel: "expel",
}
_TELLING: tuple[Power, ...] = ("flag", "report")


def power_of(deed: Deed) -> Power:
    """The power that *deed* makes use of."""
    return _POWERS[type(deed)]


def deed(power: Power, seat: str, why: str = "") -> Deed:
    """The deed against *seat* by *power*; *why* is told where reasons are."""
    match power:
        case "flag":
            return Flag(seat, why)
        case "refuse":
            return Refuse(seat)
        case "shun":
            return Shun(seat)
        case "mute":
            return Mute(seat)
        case "report":
            return Report(seat, why)
        case "expel":
            return Expel(seat)


def among(*powers: Power) -> msgspec.Meta:
    """What a parameter may say where *powers* can be switched on: ``off``, or a list."""
    one = f"(?:{'|'.join(powers)})"
    return msgspec.Meta(pattern=f"^(?:off|{one}(?:,{one})*)$")


def powers_in(text: str) -> tuple[Power, ...]:
    """The powers that a parameter switches on, each once; none for ``off``."""
    named = text.split(",")
    return tuple(power for power in get_args(Power) if power in named)


# -- what a seat is asked


class Deeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a seat does about others, in order; nothing, more often than not."""

    deeds: tuple[Deed, ...] = ()


class Regulate(Question[Deeds], frozen=True, kw_only=True, tag="regulate"):
    """
    Do something about any of *others*, by the *powers* that are switched on, or nothing.

    *round* is the one that has been played.  Reports go to the *overseer*; flags are
    *public* or for the record alone; who has the votes of more than the share *majority*
    of all who are asked leaves for good.
    """

    round: int
    others: tuple[str, ...]
    powers: tuple[Power, ...]
    overseer: str = ""
    public: bool = True
    majority: float = 0.5

    def prompt(self) -> str:
        means = "\n".join(f'- "{power}": {self._words(power)}' for power in self.powers)
        return (
            f"Round {self.round} is over. If one of the others "
            f"({', '.join(self.others)}) does wrong, you may do something about it:\n"
            f'{means}\nList in "deeds" what you do, each with the name of the "seat", '
            f"{MOST_DEEDS} at most. If nobody does wrong, the list is empty."
        )

    def _words(self, power: Power) -> str:
        match power:
            case "flag":
                whom = "to all" if self.public else "for the record"
                return f'say {whom} that it does wrong, and "why"'
            case "refuse":
                return "have nothing to do with it in the next round"
            case "shun":
                return "have nothing to do with it from now on"
            case "mute":
                return "no longer hear what it says"
            case "report":
                return f'tell {self.overseer}, who decides, and "why"'
            case "expel":
                return (
                    "vote that it leaves for good, which it does if more than "
                    f"{self.majority:.0%} of all vote so"
                )

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "deeds": {
                    "type": "array",
                    "items": {"anyOf": [self._form(power) for power in self.powers]},
                    "maxItems": MOST_DEEDS,
                }
            },
            "required": ["deeds"],
            "additionalProperties": False,
        }

    def _form(self, power: Power) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "deed": {"type": "string", "enum": [power]},
            "seat": {"type": "string", "enum": list(self.others)},
        }
        if power in _TELLING:
            fields["why"] = {"type": "string", "maxLength": MOST_WHY}
        return {
            "type": "object",
            "properties": fields,
            "required": [*fields],
            "additionalProperties": False,
        }

    def check(self, answer: Deeds) -> None:
        for done in answer.deeds:
            if power_of(done) not in self.powers:
                raise ValueError(
                    f"you may not {power_of(done)}; you may {', '.join(self.powers)}"
                )
            if done.seat not in self.others:
                raise ValueError(f"{done.seat!r} is none of {', '.join(self.others)}")
