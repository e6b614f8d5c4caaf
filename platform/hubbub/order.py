"""The order that seats keep among themselves: reviews, and what is done by them."""

from collections.abc import Sequence

from hubbub.errors import BadPopulation
from hubbub.names import inbox
from hubbub.regulation import Flag, Flags, Power, Regulate, Report, powers_in
from hubbub.rulings import EXPELLED, FLAGS, RULED, Rule, Ruled, Sanction
from hubbub.stage import Stage
from hubbub.standing import (
    REVIEW,
    Done,
    Review,
    Standing,
    complaints,
    decide,
    expulsions,
)

#: The room in which members hear of flags and rulings where the game gives them none.
ROOM = "order"


class Order:
    """
    What a scenario holds in its hands to let seats regulate each other.

    *regulation* is a list of powers, or ``off``: then a review is nothing at all, and no
    step of the log.  The *overseer* is a seat apart: it plays no part in the game, hears
    what members are told in the order's own room, rules on reports by one of *sanctions*,
    and nobody can do anything about it.  *budget* is each seat's time in seconds for a
    review.  There is no appeal.

    Raises `BadPopulation` for an overseer that is no seat, or reports without one.
    """

    def __init__(
        self,
        stage: Stage,
        regulation: str,
        *,
        overseer: str = "",
        flags: Flags = "public",
        majority: float = 0.5,
        sanctions: Sequence[Sanction] = ("nothing", "warn", "mute", "expel"),
        budget: float = 60.0,
    ) -> None:
        self.powers: tuple[Power, ...] = powers_in(regulation)
        self.standing = Standing()
        self._stage = stage
        self._overseer = overseer
        self._public = flags == "public"
        self._majority = majority
        self._sanctions = tuple(sanctions)
        self._budget = budget
        self._admitted: dict[str, None] = {}
        if overseer and overseer not in stage.seats:
            raise BadPopulation(
                f"the overseer seat {overseer!r} is not in the population"
            )
        if "report" in self.powers and not overseer:
            raise BadPopulation("the power to report needs an overseer: say which seat")

    @property
    def seats(self) -> tuple[str, ...]:
        """Who takes part: all seats that there are, but for the overseer and the expelled."""
        gone = {*self.standing.expelled, self._overseer}
        return tuple(seat for seat in self._stage.seats if seat not in gone)

    def declines(self, seat: str, other: str) -> bool:
        """Whether *seat* has nothing to do with *other* until the next review."""
        return self.standing.declines(seat, other)

    async def review(
        self, round: int, seats: Sequence[str] | None = None, room: str = ""
    ) -> None:
        """
        After *round*, ask *seats* what they do about each other, and have it done.

        Without *seats*, all who take part.  They hear of it in *room*, which they are in
        and the expelled leave, or without one in a room of the order's own.
        """
        here = self.seats
        present = here if seats is None else tuple(s for s in seats if s in here)
        if not self.powers or len(present) < 2:
            return
        if not room:
            room = ROOM
            await self._admit(present)
        deeds = await self._ask(round, present)
        await self._tell_flags(deeds, room)
        rulings = await self._rule(round, deeds)
        review = Review(round=round, present=present, deeds=deeds, rulings=rulings)
        review = decide(self.standing, review, here, self._majority)
        await self._carry_out(review, room)
        self.standing.apply(review)
        await self._stage.result(REVIEW, review)

    async def _admit(self, present: Sequence[str]) -> None:
        known = (*present, self._overseer) if self._overseer else present
        new = [seat for seat in known if seat not in self._admitted]
        if new:
            self._admitted |= dict.fromkeys(new)
            await self._stage.open_room(ROOM, new)

    async def _ask(self, round: int, present: Sequence[str]) -> tuple[Done, ...]:
        def question(seat: str) -> Regulate:
            return Regulate(
                round=round,
                others=tuple(other for other in present if other != seat),
                powers=self.powers,
                overseer=self._overseer,
                public=self._public,
                majority=self._majority,
            )

        given = await self._stage.collect(question, present, budget=self._budget)
        done = (Done(by, deed) for by, all in given.items() for deed in all.deeds)
        # Who says it twice has done it once.
        return tuple(dict.fromkeys(done))

    async def _tell_flags(self, deeds: Sequence[Done], room: str) -> None:
        flags = complaints(deeds, Flag)
        if flags and self._public:
            await self._stage.tick(room, FLAGS, flags)

    async def _rule(self, round: int, deeds: Sequence[Done]) -> dict[str, Sanction]:
        reports = tuple(complaints(deeds, Report))
        if not reports:
            return {}
        question = Rule(round=round, reports=reports, sanctions=self._sanctions)
        given = await self._stage.collect(
            question, [self._overseer], budget=self._budget
        )
        return {s: done for each in given.values() for s, done in each.rulings.items()}

    async def _carry_out(self, review: Review, room: str) -> None:
        for seat, sanction in review.rulings.items():
            if sanction in ("warn", "mute"):
                where = inbox(seat) if sanction == "warn" else room
                await self._stage.tick(where, RULED, Ruled(seat, sanction))
        for listener, seat in review.muted:
            await self._stage.mute(listener, seat)
        for expulsion in expulsions(review):
            await self._stage.tick(room, EXPELLED, expulsion)
        if review.expelled:
            await self._stage.dismiss(room, review.expelled)
