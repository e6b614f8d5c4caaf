"""The tables that are not of messages alone: the seats, and the run."""

from collections.abc import Iterable
from typing import Any

import msgspec

from hubbub.cohort import Persona
from hubbub.data.columns import Row
from hubbub.data.course import Course
from hubbub.data.fold import Fold
from hubbub.data.rows import RunRow, SeatRow
from hubbub.folder import Manifest
from hubbub.groups import Group, context_of
from hubbub.messages import Joined, Message, Started
from hubbub.names import CONDUCTOR
from hubbub.population import Population

_encode = msgspec.json.Encoder().encode


class Seats(Fold):
    """Every seat of *population*, then those that came into the run besides."""

    row = SeatRow
    kinds = ("start", "join")

    def __init__(self, population: Population) -> None:
        self._known = dict.fromkeys(population.names())
        self._rows = list(_seats(population))

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        if isinstance(message.body, Started | Joined):
            self._known |= dict.fromkeys(message.body.seats)
        return ()

    def end(self, course: Course) -> Iterable[Row]:
        self._known.pop(CONDUCTOR, None)
        yield from self._rows
        for place, seat in enumerate(self._known, 1):
            if place > len(self._rows):
                yield _stranger(seat, place)


def _seats(population: Population) -> Iterable[SeatRow]:
    place = 0
    for number, group in enumerate(population.seats, 1):
        personas = _personas(group)
        for seat, persona in zip(group.seats(), personas, strict=True):
            place += 1
            yield _seat(seat, place, number, group, persona)


def _personas(group: Group) -> list[Persona | None]:
    count = len(group.seats())
    if group.cohort is None:
        return [None] * count
    return [*group.cohort.personas[group.cohort_from :][:count]]


def _seat(
    seat: str, place: int, number: int, group: Group, persona: Persona | None
) -> SeatRow:
    memory: dict[str, Any] = msgspec.to_builtins(group.memory)
    policy: str = memory.pop("policy")
    asks_a_model = bool(group.model)
    return SeatRow(
        seat=seat,
        place=place,
        group=number,
        mind=group.mind or None,
        model=group.model or None,
        memory=policy if asks_a_model else None,
        memory_settings=_json(memory) if asks_a_model else None,
        context=context_of(group) if asks_a_model else None,
        temperature=group.sampling.temperature if asks_a_model else None,
        top_p=group.sampling.top_p if asks_a_model else None,
        max_tokens=group.sampling.max_tokens if asks_a_model else None,
        persona=persona.text if persona else None,
        attributes=_json(persona.attributes) if persona else None,
        options=_json(group.options) if group.options else None,
        adversarial=None,
    )


def _stranger(seat: str, place: int) -> SeatRow:
    """A seat that the population file does not have."""
    return SeatRow(
        seat=seat,
        place=place,
        group=None,
        mind=None,
        model=None,
        memory=None,
        memory_settings=None,
        context=None,
        temperature=None,
        top_p=None,
        max_tokens=None,
        persona=None,
        attributes=None,
        options=None,
        adversarial=None,
    )


def _json(value: object) -> str:
    return _encode(value).decode()


def run_row(manifest: Manifest, messages: int, digest: str) -> RunRow:
    """The run of *manifest*, of which so many *messages* were read, up to *digest*."""
    return RunRow(
        scenario=manifest.scenario,
        seed=manifest.seed,
        parameters=_json(manifest.parameters),
        seats=manifest.seats,
        state=manifest.state,
        why=manifest.why or None,
        messages=messages,
        created=manifest.created,
        ended=manifest.ended or None,
        wall=manifest.wall or None,
        hubbub=manifest.hubbub,
        log_sha256=digest,
    )
