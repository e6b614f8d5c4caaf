"""A rule mind that watches: it uses all its powers against who does wrong."""

from typing import get_args

from hubbub.regulation import Power
from hubbub_agents.givers import Conditional, GiverOptions


class WatchfulOptions(GiverOptions, frozen=True, forbid_unknown_fields=True):
    """As those of a giver; what it uses is everything, and it heeds two flags."""

    uses: tuple[Power, ...] = get_args(Power)
    heeds: int = 2


class Watchful(Conditional):
    """
    Gives as `Conditional` does and talks as `Uniform` does, and lets nothing pass.

    What it holds to be wrong, and the rest of what it does, is said in
    `hubbub_agents.watching`.
    """

    options = WatchfulOptions
