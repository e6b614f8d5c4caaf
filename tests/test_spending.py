"""A hundred seats with half of the money they need, on a server, with three workers."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from hubbub.bus import RedisBus, open_bus
from hubbub.conductor import Conductor
from hubbub.errors import BudgetSpent, first_error
from hubbub.folder import RunFolder, make_folder
from hubbub.log import audit_log, read_log
from hubbub.logger import Logger
from hubbub.messages import Contributed, Message
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Model, Prompt, Reply, Request
from hubbub.population import Group, Population
from hubbub.purse import count_spent
from hubbub.restore import restore
from hubbub.scenario import scenario
from hubbub.stage import Stage
from hubbub.terms import NANO, Price, Terms, on_terms
from hubbub.worker import Worker

from .playing import Guess, Player, Troupe, seats
from .servers import running_server

SEATS, ROUNDS, WORKERS = 100, 6, 3
#: What a call costs in dollars, and all of them.
EACH = (400 * 0.15 + 50 * 0.60) / 1_000_000
NEED = EACH * SEATS * ROUNDS

POPULATION = Population(scenario="game", seats=(Group(count=SEATS),))


class Counted(Model):
    """A model that counts what it is asked."""

    def __init__(self) -> None:
        self.calls = self.flying = self.most = 0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        self.calls += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        await anyio.lowlevel.checkpoint()
        self.flying -= 1
        return Reply(text='{"value":1}', tokens_in=400, tokens_out=50)


@scenario(asks=[Guess])
async def game(stage: Stage) -> None:
    """Everybody guesses, some times."""
    async for _ in stage.rounds(ROUNDS):
        await stage.collect(Guess())


async def consult(player: Player, ask: Ask) -> object:
    """Answer with what a model says."""
    request = Request(model="a/b", prompts=(Prompt("user", "x" * 900),))
    return Unparsed((await ask.complete(request)).text)


class Run:
    """The run, in its folder and on its server, and the model that is paid."""

    def __init__(self, folder: RunFolder, url: str) -> None:
        self.model = Counted()
        self.folder = folder
        self.url = url

    async def sit(self, money: float) -> str:
        """Go on with this budget; why it stopped, empty when it is complete."""
        prices = {"a/b": Price(input=0.15, output=0.60)}
        terms = Terms(money=money, prices=prices)
        cast, models = Troupe(game, seats(SEATS, consult)), {"a/b": self.model}
        why = ""
        async with AsyncExitStack() as stack:
            bus = await self._bus(stack)
            await bus.note(**on_terms(terms))
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(Logger(bus, self.folder.path).run)
                    for _ in range(WORKERS):
                        worker = Worker(
                            await self._bus(stack), cast, models, terms=terms
                        )
                        tasks.start_soon(worker.run)
                    tasks.start_soon(Conductor(await self._bus(stack), cast).run)
            except* BudgetSpent as spent:
                why = str(first_error(spent))
        return why

    async def spent(self) -> int:
        """What the server counts as spent, in nano-dollars."""
        async with AsyncExitStack() as stack:
            return (await (await self._bus(stack)).spent())["money"]

    def outcomes(self) -> Counter[str]:
        """How the asks in the folder's log, which is whole, have ended."""
        audit_log(self.folder.log)
        return Counter(
            m.body.outcome for m in self.log() if isinstance(m.body, Contributed)
        )

    def log(self) -> list[Message]:
        """The folder's log."""
        return list(read_log(self.folder.log))

    async def _bus(self, stack: AsyncExitStack) -> RedisBus:
        return await stack.enter_async_context(open_bus(self.url, self.folder.run))


@pytest.fixture
async def run(tmp_path: Path) -> AsyncGenerator[Run]:
    """A run that has not begun."""
    folder = make_folder(tmp_path, "a-run", "game", POPULATION, {})
    async with running_server() as url:
        yield Run(folder, url)


async def test_half_of_the_money_is_half_of_the_answers(run: Run) -> None:
    """The rest is typed, nothing is torn, and with all of the money it goes on."""
    why = await run.sit(NEED / 2)
    paid = run.model.calls

    assert f"of ${NEED / 2:g}" in why
    assert EACH * paid <= NEED / 2 + EACH * run.model.most
    assert EACH * paid > NEED / 2 - EACH * 2 * SEATS
    assert round(EACH * paid * NANO) == await run.spent()
    stopped = run.outcomes()
    assert stopped.keys() == {"answered", "budget_stop"}
    assert stopped["answered"] == paid
    assert stopped.total() % SEATS == 0
    assert run.log()[-1].kind == "stop"

    assert await run.sit(NEED * 2) == ""
    assert run.outcomes().total() == SEATS * ROUNDS
    assert run.outcomes()["answered"] == run.model.calls
    assert audit_log(run.folder.log).ended


async def test_a_server_that_has_lost_its_purse_counts_again(run: Run) -> None:
    """From the records in the folder, to the nano-dollar."""
    await run.sit(NEED / 3)
    before = await run.spent()
    async with running_server() as url, open_bus(url, run.folder.run) as bus:
        await restore(bus, run.folder)
        await count_spent(bus)

        assert (await bus.spent())["money"] == before
