"""Who is in the first group, who goes on from it, and who was never there."""

from collections.abc import Sequence

import msgspec

from hubbub.errors import BadPopulation


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """
    The members of both groups.

    *first* begins with the *convinced* one, where there is one, and ends with the
    *guardian*; the *carriers* are the last ordinary members of it.
    """

    convinced: str
    guardian: str
    first: tuple[str, ...]
    carriers: tuple[str, ...]
    newcomers: tuple[str, ...]

    @property
    def benign(self) -> tuple[str, ...]:
        """The ordinary members of the first group."""
        apart = (self.convinced, self.guardian)
        return tuple(seat for seat in self.first if seat not in apart)

    @property
    def watched(self) -> tuple[str, ...]:
        """Everybody whose belief is asked for: all but the guardian."""
        members = tuple(seat for seat in self.first if seat != self.guardian)
        return (*members, *self.newcomers)


def gather(
    seats: Sequence[str], convinced: str, guardian: str, group: int, carriers: int
) -> Company:
    """Divide *seats*; raises `BadPopulation` where there are too few, or not those."""
    for role, name in (("convinced", convinced), ("guardian", guardian)):
        if name and name not in seats:
            raise BadPopulation(f"the {role} seat {name!r} is not in the population")
    if convinced and convinced == guardian:
        raise BadPopulation(f"the seat {convinced!r} is both convinced and guardian")
    members = [seat for seat in seats if seat not in (convinced, guardian)]
    members = [convinced] * bool(convinced) + members
    first, newcomers = members[:group], members[group:]
    ordinary = [seat for seat in first if seat != convinced]
    if not newcomers or len(ordinary) < carriers:
        raise BadPopulation(
            f"{len(members)} members are too few: a group of {group} needs one beside it "
            f"at least who was not there, and {carriers} in it who go on"
        )
    return Company(
        convinced=convinced,
        guardian=guardian,
        first=(*first, *[guardian] * bool(guardian)),
        carriers=tuple(ordinary[-carriers:]),
        newcomers=tuple(newcomers),
    )
