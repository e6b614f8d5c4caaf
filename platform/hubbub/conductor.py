"""The conductor: plays the scenario under a lease; a standby waits to go on with it."""

import anyio
import msgspec
import structlog

from hubbub.budget import Budget
from hubbub.bus.base import Bus, Claim, Voice
from hubbub.chaos import Strike
from hubbub.errors import (
    BudgetSpent,
    Fenced,
    HubbubError,
    ScenarioFailed,
    first_error,
)
from hubbub.journal import Journal
from hubbub.leases import TTL, new_holder, role_of
from hubbub.messages import Ended, Started, Stopped
from hubbub.names import CONDUCTOR, PHASES
from hubbub.phases import Phases
from hubbub.population import Cast
from hubbub.stage import Stage
from hubbub.steps import Steps
from hubbub.terms import Terms, terms_in
from hubbub.usher import Usher

log = structlog.get_logger()

#: Seconds the run's end waits for the ends of what was cut off.
STRAGGLERS = 2.0
#: Seconds that a run which stops waits for a logger to have written all of it.
LOGGED = 10.0
#: Seconds between two looks at what the logger has written.
LOOK = 0.05


class Conductor:
    """
    Plays a scenario to its end, from wherever the log says it is.

    Run as many as you like: one plays, the others stand by.  A dead host's seats may take
    *grace* seconds to be hosted again, by default three times *ttl*.  What is to come
    over its process comes by *strike*, None where that plays other roles too.
    """

    def __init__(
        self,
        bus: Bus,
        cast: Cast,
        *,
        ttl: float = TTL,
        grace: float | None = None,
        strike: Strike | None = None,
    ) -> None:
        self.holder = new_holder("conductor")
        self._bus = bus
        self._cast = cast
        self._strike = strike
        self._ttl = ttl
        self._grace = 3 * ttl if grace is None else grace

    async def run(self) -> None:
        """
        Return when the run has ended, whoever conducted it.

        Raises `ScenarioFailed` or `ScenarioChanged`, in an exception group: then the run
        has not ended, and goes on where it stopped once the scenario is mended.  Raises
        `BudgetSpent` likewise: the run goes on where it stopped with a higher budget.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat)
            try:
                while not await self._ended():
                    await self._try()
            finally:
                with anyio.move_on_after(2, shield=True):
                    await self._bus.rest(self.holder)
            tasks.cancel_scope.cancel()

    async def _ended(self) -> bool:
        return "ended" in await self._bus.meta()

    async def _beat(self) -> None:
        role = role_of("conductor", alone=self._strike is not None)
        while True:
            await self._bus.beat(self.holder, role, self._ttl)
            await anyio.sleep(self._ttl / 3)

    async def _try(self) -> None:
        claims = await self._bus.claim(self.holder, [CONDUCTOR])
        if CONDUCTOR not in claims:
            await anyio.sleep(self._ttl / 3)
            return
        log.info("conducting", inc=claims[CONDUCTOR].inc)
        try:
            await self._conduct(claims[CONDUCTOR])
        except* Fenced:
            log.warning("another conductor has taken over")

    async def _conduct(self, claim: Claim) -> None:
        journal, facts = Journal(), await self._bus.meta()
        known, terms = int(facts["seq"]), terms_in(facts)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, journal)
            voice = Voice(self._bus, CONDUCTOR, claim)
            declared = self._cast.declared
            usher = Usher(voice, journal, known, declared, self._bus, self._strike)
            tasks.start_soon(usher.run)
            await self._play(voice, journal, known, terms)
            tasks.cancel_scope.cancel()

    async def _follow(self, journal: Journal) -> None:
        while not journal.ended:
            journal.extend(await self._bus.read(journal.cursor, wait=5.0))

    async def _play(
        self, voice: Voice, journal: Journal, known: int, terms: Terms
    ) -> None:
        cast = self._cast
        steps = Steps(voice, journal, known)
        budget = Budget(self._bus, steps, journal, terms)
        phases = Phases(steps, journal, cast.scenario, budget, grace=self._grace)
        stage = Stage(
            steps,
            phases,
            seats=cast.names,
            seed=cast.population.seed,
            newcomers=cast.scenario.newcomers,
        )
        await steps.tell(0, PHASES, started(cast))
        try:
            await cast.scenario(stage, **cast.parameters)
        except Exception as error:
            failure = self._failure(error, steps.count)
            if isinstance(failure, BudgetSpent):
                await self._stop(str(failure), voice, journal)
            raise failure from error
        await steps.finish()
        if not journal.ended:
            await _await_stragglers(journal)
            await voice.say(PHASES, Ended(steps=steps.count), seen=journal.cursor)

    async def _stop(self, why: str, voice: Voice, journal: Journal) -> None:
        """Say in the log that the run stops, unless it does already, and have it kept."""
        await _await_stragglers(journal)
        # First of all: there the other roles see whether it still holds.
        await self._bus.note(stopped=why)
        if not journal.stopped:
            await voice.say(PHASES, Stopped(why=why), seen=journal.cursor)
        seq = int((await self._bus.meta())["seq"])
        with anyio.move_on_after(LOGGED):
            while int((await self._bus.meta()).get("logged", "0")) < seq:
                await anyio.sleep(LOOK)

    def _failure(self, raised: Exception, steps: int) -> HubbubError:
        error = first_error(raised)
        if isinstance(error, HubbubError):
            return error
        return ScenarioFailed(
            f"{self._cast.scenario.name} raised {type(error).__name__} after step "
            f"{steps}: {error}"
        )


def started(cast: Cast) -> Started:
    """The first message of a run of *cast*."""
    encode = msgspec.json.encode
    return Started(
        scenario=cast.scenario.name,
        seed=cast.population.seed,
        seats=cast.names,
        parameters={
            name: msgspec.Raw(encode(value)) for name, value in cast.parameters.items()
        },
    )


async def _await_stragglers(journal: Journal) -> None:
    with anyio.move_on_after(STRAGGLERS):
        while journal.unanswered:
            await journal.move()
