"""Everything that is measured of a run, as tidy tables: a pure function of its log."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hubbub.folder import RunFolder
from hubbub.log import read_log
from hubbub.measures import network
from hubbub.measures.arrays import Counts, Floats, Ratio, contacts, number, windows
from hubbub.measures.communities import communities
from hubbub.measures.curves import (
    Curve,
    Settings,
    contact_curves,
    distance_curves,
    pair_distances,
    widths,
    word_curves,
)
from hubbub.measures.nulls import Band
from hubbub.measures.pairs import Vectors, find_pairs
from hubbub.measures.party import Party
from hubbub.measures.ratios import distinct_by_seat
from hubbub.measures.reading import read_party
from hubbub.measures.rows import (
    Chance,
    Held,
    Measures,
    PairDistance,
    SeatValue,
    Value,
)
from hubbub.measures.words import vader
from hubbub.messages import Message


def measure(
    source: Path | Iterable[Message] | Party,
    *,
    run: str = "",
    settings: Settings | None = None,
    vectors: Vectors | None = None,
) -> Measures:
    """
    Measure a run: its folder, its messages from the first on, or its party.

    *vectors* are those of `pairs.texts`; without them nothing semantic is measured.  The
    same arguments give the same numbers.  Raises `NotARun` or `LogDamaged` for a folder
    that is none, and `UsageError` for settings with too few draws.
    """
    settings = settings or Settings()
    party = read(source)
    if isinstance(source, Path):
        run = run or RunFolder(source).run
    lexicon, score = vader()
    curves = contact_curves(party, settings)
    curves += word_curves(party, settings, lexicon, score)
    if vectors is not None:
        curves += distance_curves(party, settings, vectors)
    return Measures(
        run=run,
        seats=party.seats,
        rounds=party.rounds,
        settings=settings,
        embedder=vectors.embedder if vectors else "",
        values=tuple(row for curve in curves for row in _values(curve)),
        chances=tuple(row for curve in curves for row in _chances(curve)),
        seat_values=tuple(_seat_values(party, settings)),
        pairs=find_pairs(party, settings.tight),
        distances=tuple(_distances(party, settings, vectors)) if vectors else (),
        invitations=party.invited,
        conversations=tuple(_held(party)),
    )


def read(source: Path | Iterable[Message] | Party) -> Party:
    """The party in a run's folder or messages."""
    if isinstance(source, Party):
        return source
    if isinstance(source, Path):
        source = read_log(RunFolder(source).log)
    return read_party(source)


def _values(curve: Curve) -> Iterable[Value]:
    value, top, bottom = curve.ratio.value, *curve.ratio
    for i, round in enumerate(curve.rounds):
        yield Value(
            round=round,
            rounds=curve.width,
            measure=curve.measure,
            value=number(value[i]),
            numerator=number(top[i]),
            denominator=number(bottom[i]),
            instrument=curve.instrument,
        )
    if curve.rounds != (None,):
        yield Value(
            round=None,
            rounds=curve.width,
            measure=f"{curve.measure}.slope",
            value=number(curve.slope),
            instrument=curve.instrument,
        )


def _chances(curve: Curve) -> Iterable[Chance]:
    for null, band in curve.bands.items():
        yield from _rows(curve, null, band, curve.measure, curve.rounds)
    if curve.rounds != (None,):
        for null, band in curve.slope_bands.items():
            yield from _rows(curve, null, band, f"{curve.measure}.slope", (None,))


def _rows(
    curve: Curve, null: str, band: Band, measure: str, rounds: Iterable[int | None]
) -> Iterable[Chance]:
    for i, round in enumerate(rounds):
        yield Chance(
            round=round,
            rounds=curve.width,
            measure=measure,
            null=null,
            mean=number(band.mean[i]),
            sd=number(band.sd[i]),
            low=number(band.low[i]),
            high=number(band.high[i]),
            draws=band.draws,
        )


def _seat_values(party: Party, settings: Settings) -> Iterable[SeatValue]:
    seen = contacts(party)
    for width, rounds in widths(party, settings):
        sums = windows(seen, width)
        for name, ratio in _by_seat(*sums, width, settings.seed).items():
            value = ratio.value
            for t, round in enumerate(rounds):
                for i, seat in enumerate(party.seats):
                    yield SeatValue(
                        round=round,
                        rounds=width,
                        measure=name,
                        seat=seat,
                        value=number(value[t, i]),
                        numerator=number(ratio.numerator[t, i]),
                        denominator=number(ratio.denominator[t, i]),
                    )


def _by_seat(sent: Counts, talked: Counts, width: int, seed: int) -> dict[str, Ratio]:
    received: Counts = np.swapaxes(sent, -1, -2)
    return {
        "distinct_conversation_total": distinct_by_seat(talked, "total", width),
        "distinct_conversation_window": distinct_by_seat(talked, "window", width),
        "distinct_invitation_total": distinct_by_seat(sent, "total", width),
        "distinct_invitation_window": distinct_by_seat(sent, "window", width),
        "invitations_sent": _plain(network.strength(sent)),
        "invitations_received": _plain(network.strength(received)),
        "seats_invited": _plain(network.degree(sent)),
        "seats_invited_by": _plain(network.degree(received)),
        "conversations": _plain(network.strength(talked)),
        "partners": _plain(network.degree(talked)),
        "invitation_hub": _plain(network.hubs_by_seat(sent)),
        "conversation_hub": _plain(network.hubs_by_seat(talked)),
        "conversation_community": _plain(communities(talked, seed)),
    }


def _plain(values: Floats | Counts) -> Ratio:
    return Ratio(values.astype(np.float64), np.ones(values.shape))


def _distances(
    party: Party, settings: Settings, vectors: Vectors
) -> Iterable[PairDistance]:
    found, width = pair_distances(party, settings, vectors), settings.window
    for i, row in enumerate(found.values):
        for j, pair in enumerate(found.pairs):
            yield PairDistance(
                round=width + i,
                rounds=width,
                one=pair.one,
                other=pair.other,
                tight=pair.tight,
                distance=number(row[j]),
                embedder=vectors.embedder,
            )


def _held(party: Party) -> Iterable[Held]:
    for talk in party.conversations:
        yield Held(
            round=talk.round,
            room=talk.room,
            inviter=talk.inviter,
            partner=talk.partner,
            utterances=len(talk.utterances),
            characters=sum(len(said.text) for said in talk.utterances),
            first_to_leave=talk.left[0] if talk.left else None,
        )
