"""How personas are drawn: weighted tables of attributes, and a sentence over them."""

import re
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Annotated

import msgspec

from hubbub.chance import generator
from hubbub.cohort import MAX_COHORT, MAX_PERSONA, Cohort, Persona, as_json, seal
from hubbub.errors import BadPopulation
from hubbub.templates import check_places, fill
from hubbub.text import safe_text

#: Bytes of a specification's file.
MAX_SPEC = 1 << 20

Weight = Annotated[float, msgspec.Meta(ge=0)]
Weights = dict[str, Weight]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Attribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One attribute: its values with their *weights*.

    Where it depends on another one, which is *given* and stands before it, *when* has
    the weights for each of that one's values.
    """

    name: str
    weights: Weights = {}
    given: str = ""
    when: dict[str, Weights] = {}

    def tables(self) -> list[Weights]:
        """Every table of weights, of which one is drawn from."""
        return list(self.when.values()) if self.given else [self.weights]

    def values(self) -> set[str]:
        """What it can be."""
        return {value for table in self.tables() for value in table}


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What a cohort is drawn from: *attributes* in the order in which they are drawn.

    *text* is each persona's sentence, with the attributes' names as its places.
    Raises `ValueError` for a specification from which nothing can be drawn.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PERSONA)]
    attributes: tuple[Attribute, ...]

    def __post_init__(self) -> None:
        drawn: dict[str, Attribute] = {}
        for attribute in self.attributes:
            if not _NAME.fullmatch(attribute.name) or attribute.name in drawn:
                raise ValueError(
                    f"{attribute.name!r} cannot name an attribute: use letters, digits "
                    "and underscores, and each name once"
                )
            _check(attribute, drawn)
            drawn[attribute.name] = attribute
        check_places(self.text, tuple(drawn))


def _check(attribute: Attribute, drawn: dict[str, Attribute]) -> None:
    """Raise `ValueError` unless *attribute* can be drawn after those *drawn*."""
    name = attribute.name
    if bool(attribute.given) != bool(attribute.when) or (
        bool(attribute.weights) == bool(attribute.when)
    ):
        raise ValueError(f"{name} has weights, or another attribute given and when")
    if attribute.given:
        if attribute.given not in drawn:
            raise ValueError(f"{name}: {attribute.given!r} is not drawn before it")
        if missing := drawn[attribute.given].values() - attribute.when.keys():
            raise ValueError(
                f"{name} has no weights when {attribute.given} is {min(missing)!r}"
            )
    for table in attribute.tables():
        if not 0 < sum(table.values()) < inf:
            raise ValueError(f"the weights of {name} do not add up to a finite number")


def read_spec(path: Path) -> tuple[Spec, str]:
    """The specification in the file *path* and its SHA-256; raises `BadPopulation`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SPEC + 1)
        if len(data) > MAX_SPEC:
            raise BadPopulation(f"{path} is no specification: over {MAX_SPEC:,} bytes")
        spec = msgspec.convert(tomllib.loads(data.decode()), Spec)
    except OSError as error:
        raise BadPopulation(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadPopulation(f"{path}: {safe_text(str(error), 500)}") from None
    return spec, sha256(data).hexdigest()


def draw(spec: Spec, count: int, seed: int, origin: str = "") -> Cohort:
    """
    A cohort of *count* personas; the first ones are the same whatever *count* is.

    *origin* is the specification's SHA-256.  Raises `BadPopulation` for a persona that
    is too long, or a cohort whose file would be.
    """
    personas = tuple(_personas(spec, count, seed))
    cohort = seal(personas, seed, origin)
    if len(as_json(cohort)) > MAX_COHORT:
        raise BadPopulation(f"{count:,} personas: a cohort has {MAX_COHORT:,} bytes")
    return cohort


def _personas(spec: Spec, count: int, seed: int) -> Iterator[Persona]:
    for number in range(count):
        values: dict[str, str] = {}
        for attribute in spec.attributes:
            weights = attribute.weights
            if attribute.given:
                weights = attribute.when[values[attribute.given]]
            rng = generator(seed, "persona", number, attribute.name)
            values[attribute.name] = rng.choices([*weights], [*weights.values()])[0]
        text = fill(spec.text, values)
        if len(text) > MAX_PERSONA:
            raise BadPopulation(
                f"persona {number + 1} has {len(text):,} characters; the limit is "
                f"{MAX_PERSONA:,}"
            )
        yield Persona(text=text, attributes=values)
