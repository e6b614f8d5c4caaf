"""Groups of seats that are filled alike: by which mind, with what of it in their files."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from hubbub.cohort import Cohort
from hubbub.errors import BadPopulation
from hubbub.latency import Latency
from hubbub.models.base import Sampling
from hubbub.models.local import CONTEXT
from hubbub.policies import Full, Memory
from hubbub.templates import check_places
from hubbub.text import safe_text

#: Seats of one run.
MAX_SEATS = 100_000
#: The largest whole number that every reader of JSON reads exactly.
MAX_SEED = (1 << 53) - 1
#: Tokens of a model's context where a group says nothing.
USUAL_CONTEXT = 8_192
#: The same for a model on this machine's processor: what that reads in seconds.
LOCAL_CONTEXT = 2_048
#: Characters of a template.
MAX_TEMPLATE = 20_000
#: The mind of a seat that is taken from outside, through a gateway.
REMOTE = "remote"
#: What a system prompt's template may have places for.
PLACES = ("seat", "count", "rules", "persona")


Seed = Annotated[int, msgspec.Meta(ge=-MAX_SEED, le=MAX_SEED)]


class Template(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """
    A system prompt with `PLACES` in it; without *text*, the mind's own.

    Raises `ValueError` for any other place.
    """

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEMPLATE)] = ""

    def __post_init__(self) -> None:
        check_places(self.text, PLACES)


class Group(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """
    Seats that are filled alike.

    They are called *names*, or *prefix* and a number from 1 to *count*.  The first one
    is the persona that comes after *cohort_from* others of *cohort*.  *memory* and
    *context*, in tokens, `USUAL_CONTEXT` where it is None, are for minds that are models.
    *latency* is what they take on the virtual clock.
    """

    count: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEATS)] = 0
    prefix: str = "L"
    names: tuple[str, ...] = ()
    mind: str = ""
    model: str = ""
    sampling: Sampling = Sampling()
    memory: Memory = Full()
    context: Annotated[int, msgspec.Meta(ge=256, le=10_000_000)] | None = None
    system: Template = Template()
    cohort: Cohort | None = None
    cohort_from: Annotated[int, msgspec.Meta(ge=0)] = 0
    latency: Latency = Latency()
    options: dict[str, Any] = {}

    def seats(self) -> tuple[str, ...]:
        """The seats' names; raises `BadPopulation` where *count* says another number."""
        if not self.names:
            return tuple(f"{self.prefix}{i}" for i in range(1, self.count + 1))
        if self.count not in (0, len(self.names)):
            raise BadPopulation(
                f"{len(self.names)} names for {self.count} seats: leave count out"
            )
        return self.names

    def personas(self) -> tuple[str, ...]:
        """Each seat's persona, "" without a cohort; `BadPopulation` for too few."""
        names = self.seats()
        if self.cohort is None:
            if self.cohort_from:
                raise BadPopulation("a cohort_from needs a cohort: name its file")
            return ("",) * len(names)
        taken = self.cohort.personas[self.cohort_from :][: len(names)]
        if len(taken) < len(names):
            raise BadPopulation(
                f"{len(names)} seats have a cohort of {len(self.cohort.personas)} "
                f"personas, of which {self.cohort_from} are left out: make a larger one"
            )
        return tuple(persona.text for persona in taken)


def context_of(group: Group) -> int:
    """The tokens that a prompt and its reply may have together."""
    if group.model.startswith("local/"):
        return min(group.context or LOCAL_CONTEXT, CONTEXT)
    return group.context or USUAL_CONTEXT


def read_template(path: Path) -> str:
    """The text in the file *path*; raises `BadPopulation`."""
    try:
        with path.open("rb") as file:
            text = file.read(4 * MAX_TEMPLATE + 1).decode("utf-8-sig")
        text = text.replace("\r\n", "\n")
        if not text.strip() or len(text) > MAX_TEMPLATE:
            raise ValueError(f"a template has from 1 to {MAX_TEMPLATE:,} characters")
        check_places(text, PLACES)
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadPopulation(f"{path} is not UTF-8: byte {error.start}") from None
    except ValueError as error:
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None
    return text
