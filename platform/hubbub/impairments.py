"""What may be done to what comes over a link: a closed set, each with its options."""

from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec

from hubbub.errors import BadPopulation
from hubbub.messages import Injected
from hubbub.names import CONDUCTOR

Direction = Literal["in", "out", "both"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Events = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Fate(NamedTuple):
    """One copy of a message, which is heard so many *seconds* and *events* later."""

    seconds: float = 0.0
    events: int = 0


class Impairing(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
):
    """
    What is done on the links between some seats and their *peers*, by default everybody.

    ``in`` is what those seats hear, ``out`` what is heard of them.
    """

    direction: Direction = "both"
    peers: tuple[str, ...] = ()

    def between(self, seats: frozenset[str], other: str) -> bool:
        """Whether the links of *seats* with *other* are impaired."""
        return not self.peers or other in self.peers

    def fates(self, rng: Random) -> Sequence[Fate]:
        """What becomes of a message; of one that is lost, nothing."""
        return ()


class Drop(Impairing, frozen=True, kw_only=True, tag="drop"):
    """A message is lost with probability *p*."""

    p: Share

    def fates(self, rng: Random) -> Sequence[Fate]:
        return () if rng.random() < self.p else (Fate(),)


class Delay(Impairing, frozen=True, kw_only=True, tag="delay"):
    """
    A message takes *mean* seconds, by the *law*.

    ``uniform`` is between nothing and twice the mean.
    """

    mean: Seconds
    law: Literal["fixed", "uniform", "exponential"] = "fixed"

    def fates(self, rng: Random) -> Sequence[Fate]:
        match self.law:
            case "fixed":
                drawn = self.mean
            case "uniform":
                drawn = rng.uniform(0, 2 * self.mean)
            case "exponential":
                drawn = rng.expovariate(1 / self.mean)
        # In whole ms: on the last bits of a logarithm no two machines need to agree.
        return (Fate(round(drawn, 3)),)


class Duplicate(Impairing, frozen=True, kw_only=True, tag="duplicate"):
    """With probability *p* a message comes again, *within* so many further events."""

    p: Share
    within: Events = 5

    def fates(self, rng: Random) -> Sequence[Fate]:
        if rng.random() >= self.p:
            return (Fate(),)
        return (Fate(), Fate(events=rng.randint(1, self.within)))


class Reorder(Impairing, frozen=True, kw_only=True, tag="reorder"):
    """A message comes after 0 to *window* of the events that follow it."""

    window: Events

    def fates(self, rng: Random) -> Sequence[Fate]:
        return (Fate(events=rng.randint(0, self.window)),)


class Partition(Impairing, frozen=True, kw_only=True, tag="partition"):
    """The seats and their *peers*, by default all other seats, do not hear each other."""

    def between(self, seats: frozenset[str], other: str) -> bool:
        return other in self.peers if self.peers else other not in (*seats, CONDUCTOR)


class Eclipse(Impairing, frozen=True, kw_only=True, tag="eclipse"):
    """The seats hear nobody but their *peers*."""

    direction: Direction = "in"

    def __post_init__(self) -> None:
        if not self.peers:
            raise ValueError("say which peers are heard")

    def between(self, seats: frozenset[str], other: str) -> bool:
        return other not in self.peers


Impairment = Drop | Delay | Duplicate | Reorder | Partition | Eclipse
IMPAIRMENTS: dict[str, type[Impairment]] = {
    "drop": Drop,
    "delay": Delay,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "partition": Partition,
    "eclipse": Eclipse,
}

_decode = msgspec.json.Decoder(Impairment).decode


def impairment_of(what: Injected) -> Impairment:
    """What *what* does to links; raises `BadPopulation` if that is not said."""
    try:
        impairment: Impairment = _decode(what.group)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"injection {what.id}: {error}") from None
    return impairment
