"""The conductor: plays the scenario under a lease; a standby waits to go on with it."""

import anyio
import msgspec
import structlog

from hubbub.bus.base import Bus, Claim, Voice
from hubbub.errors import Fenced, HubbubError, ScenarioFailed, first_error
from hubbub.journal import Journal
from hubbub.messages import Ended, Started
from hubbub.names import CONDUCTOR, PHASES
from hubbub.phases import Phases
from hubbub.population import Cast
from hubbub.stage import Stage
from hubbub.steps import Steps
from hubbub.worker import TTL, new_holder, role_of

log = structlog.get_logger()

#: Seconds the run's end waits for the ends of what was cut off.
STRAGGLERS = 2.0


class Conductor:
    """
    Plays a scenario to its end, from wherever the log says it is.

    Run as many as you like: one plays, the others stand by.
    """

    def __init__(self, bus: Bus, cast: Cast, *, ttl: float = TTL) -> None:
        self.holder = new_holder("conductor")
        self._bus = bus
        self._cast = cast
        self._ttl = ttl

    async def run(self) -> None:
        """
        Return when the run has ended, whoever conducted it.

        Raises `ScenarioFailed` or `ScenarioChanged`, in an exception group: then the run
        has not ended, and goes on where it stopped once the scenario is mended.
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
        while True:
            await self._bus.beat(self.holder, role_of("conductor"), self._ttl)
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
        journal = Journal()
        known = int((await self._bus.meta())["seq"])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, journal)
            await self._play(Voice(self._bus, CONDUCTOR, claim), journal, known)
            tasks.cancel_scope.cancel()

    async def _follow(self, journal: Journal) -> None:
        while not journal.ended:
            journal.extend(await self._bus.read(journal.cursor, wait=5.0))

    async def _play(self, voice: Voice, journal: Journal, known: int) -> None:
        cast = self._cast
        steps = Steps(voice, journal, known)
        phases = Phases(steps, journal, cast.scenario, grace=3 * self._ttl)
        stage = Stage(steps, phases, seats=cast.names, seed=cast.population.seed)
        await steps.tell(0, PHASES, self._started())
        try:
            await cast.scenario(stage, **cast.parameters)
        except Exception as error:
            raise self._failure(error, steps.count) from error
        await steps.finish()
        if not journal.ended:
            with anyio.move_on_after(STRAGGLERS):
                while journal.unanswered:
                    await journal.move()
            await voice.say(PHASES, Ended(steps=steps.count), seen=journal.cursor)

    def _failure(self, raised: Exception, steps: int) -> HubbubError:
        error = first_error(raised)
        if isinstance(error, HubbubError):
            return error
        return ScenarioFailed(
            f"{self._cast.scenario.name} raised {type(error).__name__} after step "
            f"{steps}: {error}"
        )

    def _started(self) -> Started:
        encode = msgspec.json.encode
        return Started(
            scenario=self._cast.scenario.name,
            seed=self._cast.population.seed,
            seats=self._cast.names,
            parameters={
                name: msgspec.Raw(encode(value))
                for name, value in self._cast.parameters.items()
            },
        )
