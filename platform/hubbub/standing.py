"""How seats stand with each other: a fold of what their reviews came to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

from hubbub.regulation import Deed, Expel, Flag, Mute, Refuse, Report, Shun
from hubbub.rulings import Complaint, Expulsion, Sanction

#: The name of the result that each review is declared as.
REVIEW = "review"


class Done(msgspec.Struct, frozen=True):
    """What *by* has done about another seat."""

    by: str
    what: Deed


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the seats *present* have done about each other after *round*, and what came of it.

    *rulings* are the overseer's, by the seat they are about; *muted* has who no longer
    hears whom from then on.
    """

    round: int
    present: tuple[str, ...]
    deeds: tuple[Done, ...] = ()
    rulings: dict[str, Sanction] = {}
    muted: tuple[tuple[str, str], ...] = ()
    expelled: tuple[str, ...] = ()


class Standing:
    """How seats stand with each other: a fold of reviews."""

    def __init__(self) -> None:
        #: Who has been expelled, in order.
        self.expelled: dict[str, None] = {}
        #: Who no longer hears whom.
        self.muted: set[tuple[str, str]] = set()
        self._shunned: set[tuple[str, str]] = set()
        self._refused: set[tuple[str, str]] = set()

    def apply(self, review: Review) -> None:
        """Fold the next review."""
        self.expelled |= dict.fromkeys(review.expelled)
        self.muted.update(review.muted)
        done = [(done.by, done.what) for done in review.deeds]
        self._refused = {(by, deed.seat) for by, deed in done if type(deed) is Refuse}
        self._shunned |= {(by, deed.seat) for by, deed in done if type(deed) is Shun}

    def declines(self, seat: str, other: str) -> bool:
        """Whether *seat* has nothing to do with *other* until the next review."""
        return (seat, other) in self._declined

    def withheld(self, seats: Collection[str]) -> list[tuple[str, str]]:
        """Those pairs of *seats* of which the first declines the second."""
        return sorted(
            pair for pair in self._declined if pair[0] in seats and pair[1] in seats
        )

    @property
    def _declined(self) -> set[tuple[str, str]]:
        return self._shunned | self._refused


def mutes(
    deeds: Iterable[Done], rulings: Mapping[str, Sanction], members: Sequence[str]
) -> list[tuple[str, str]]:
    """Who is not to hear whom: for oneself, and of all *members* by a ruling."""
    own = [(done.by, done.what.seat) for done in deeds if _is(done, Mute)]
    ruled = [
        (listener, seat)
        for seat, sanction in rulings.items()
        if sanction == "mute"
        for listener in members
        if listener != seat
    ]
    return list(dict.fromkeys(own + ruled))


def complaints(
    deeds: Iterable[Done], kind: type[Flag] | type[Report]
) -> list[Complaint]:
    """What was flagged or reported in *deeds*."""
    return [
        Complaint(done.by, done.what.seat, done.what.why)
        for done in deeds
        if isinstance(done.what, kind)
    ]


def votes(deeds: Iterable[Done]) -> dict[str, int]:
    """How many have voted for each seat's expulsion; nobody counts twice."""
    voters = {(done.what.seat, done.by) for done in deeds if _is(done, Expel)}
    counts: dict[str, int] = {}
    for seat, _ in sorted(voters):
        counts[seat] = counts.get(seat, 0) + 1
    return counts


def outvoted(
    deeds: Iterable[Done], present: Sequence[str], majority: float
) -> list[str]:
    """
    Whom more than the share *majority* of those *present* want to leave.

    Who did not vote, for whatever reason, counts as against it; so does the seat itself.
    """
    least = Fraction(str(majority)) * len(present)
    counts = votes(deeds)
    return [seat for seat in present if counts.get(seat, 0) > least]


def decide(
    standing: Standing, review: Review, members: Sequence[str], majority: float
) -> Review:
    """*review*, of which the deeds and rulings are known, with what comes of them."""
    deeds, rulings = review.deeds, review.rulings
    muted = mutes(deeds, rulings, members)
    out = outvoted(deeds, review.present, majority)
    out += [seat for seat, sanction in rulings.items() if sanction == "expel"]
    return msgspec.structs.replace(
        review,
        muted=tuple(pair for pair in muted if pair not in standing.muted),
        expelled=tuple(dict.fromkeys(out)),
    )


def expulsions(review: Review) -> list[Expulsion]:
    """What members are told of each seat that *review* expelled."""
    counts = votes(review.deeds)
    return [
        Expulsion(
            seat=seat,
            by="overseer" if review.rulings.get(seat) == "expel" else "vote",
            votes=counts.get(seat, 0),
            present=len(review.present),
        )
        for seat in review.expelled
    ]


def _is(done: Done, kind: type[Deed]) -> bool:
    return isinstance(done.what, kind)
