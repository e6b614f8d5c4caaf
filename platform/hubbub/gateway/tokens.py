"""
Tokens of seats: whoever has one is the seat.

Of each, the server of the run keeps a digest and nobody the token.  So any gateway of the
run knows it, and none can give it away.
"""

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest
from math import inf
from secrets import token_urlsafe

import anyio

from hubbub.bus.base import Bus
from hubbub.errors import BusUnavailable

#: Random bytes of a token.
SECRET = 32
#: Seconds after which a new token is known everywhere, and an old one void.
LOOK = 0.25
#: Seconds for which a look may take.
PATIENCE = 2.0
#: Requests a second of one seat, and how many of them at once.
RATE, BURST = 20.0, 40.0

_FACT = "token."
#: In the place of a digest that there is not, so that both take as long.
_NONE = "0" * 64


async def issue_tokens(bus: Bus, seats: Iterable[str]) -> dict[str, str]:
    """A new token for each of *seats*; those that they had are void."""
    tokens = {seat: f"{seat}.{token_urlsafe(SECRET)}" for seat in seats}
    if tokens:
        await bus.note(**{_FACT + seat: _digest(t) for seat, t in tokens.items()})
    return tokens


class Tokens:
    """The tokens of a run, as *bus* knows them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._digests: dict[str, str] = {}
        self._looked = -inf
        self._looking = anyio.Lock()

    async def seat_of(self, token: str) -> str:
        """Whose *token* it is; empty for nobody's."""
        async with self._looking:
            if anyio.current_time() >= self._looked + LOOK:
                # While the server is away, those that are known are good.
                with anyio.move_on_after(PATIENCE), suppress(BusUnavailable):
                    self._digests = await self._look()
                self._looked = anyio.current_time()
        seat = token.partition(".")[0]
        known = self._digests.get(seat, _NONE)
        return seat if compare_digest(_digest(token), known) else ""

    def keep(self) -> None:
        """The run is over: what is known of it stays."""
        self._looked = inf

    async def _look(self) -> dict[str, str]:
        return {
            name.removeprefix(_FACT): digest
            for name, digest in (await self._bus.meta()).items()
            if name.startswith(_FACT)
        }


class Bucket:
    """Lets through *rate* things a second, and *burst* at once."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._seen = anyio.current_time()

    def wait(self) -> float:
        """Take one; or the seconds after which there will be one."""
        now = anyio.current_time()
        gained = (now - self._seen) * self._rate
        self._left, self._seen = min(self._burst, self._left + gained), now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
