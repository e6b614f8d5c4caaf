"""The roles as processes of their own: they find a run, serve it and go when it ends."""

import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hubbub.bus import RedisBus, open_bus
from hubbub.bus.acl import url_file
from hubbub.bus.directory import all_runs, current_run, open_client, succeed
from hubbub.bus.server import open_server
from hubbub.children import start_child, stop_child
from hubbub.folder import RunFolder
from hubbub.launch import read_cast
from hubbub.log import audit_log
from hubbub.names import CONDUCTOR

PARTY = ("--scenario", "cocktail-party", "--agents", "4", "--set", "rounds=2")
LONG = (*PARTY[:-1], "rounds=100000")
#: A party that costs some 30,000 tokens, and what it may cost.
DEAR = (*PARTY[:-1], "rounds=4", "--model", "scripted/legal", "--token-budget")
SEATS = ["L1", "L2", "L3", "L4"]
#: As whom commands come to the server that are no roles themselves.
USERS = {"begin": "conductor", "alive": "console"}


class Stage:
    """Starts roles on one server; what they say is in ``NUMBER-ROLE.log``."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.runs = folder / "runs"
        self._folder = folder
        self._stack = stack
        self._started = 0
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HUBBUB_", "REDIS_"))
        } | {"HUBBUB_RUNS": str(self.runs)}

    @property
    def url(self) -> str:
        """The server's address for whoever looks on."""
        return self.url_of("launcher")

    def url_of(self, role: str) -> str:
        """The server's address for *role*."""
        return url_file(self._folder / "s", role).read_text().strip()

    async def start(self, role: str, *options: str) -> Process:
        """Start *role*; it is ended with the test at the latest."""
        self._started += 1
        url = self.url_of(USERS.get(role, role))
        path = self._folder / f"{self._started}-{role}.log"
        with path.open("wb") as output:
            child = await start_child(
                [sys.executable, "-m", "hubbub", role, "--redis", url, *options],
                output=output.fileno(),
                environment=self.environment,
            )
        self._stack.push_async_callback(stop_child, child)
        return child

    async def play(self, *roles: tuple[str, ...]) -> list[int]:
        """Start *roles* and return their exit codes."""
        children = [await self.start(*role) for role in roles]
        return [await child.wait() for child in children]

    def said(self, number: int, role: str) -> str:
        """What the child that was started as *number*, from 1, has said."""
        return (self._folder / f"{number}-{role}.log").read_text()

    async def current(self) -> str:
        """The server's current run."""
        async with open_client(self.url) as client:
            return await current_run(client)

    async def bus(self) -> RedisBus:
        """The bus of the current run."""
        opening = open_bus(self.url, await self.current())
        return await self._stack.enter_async_context(opening)


async def pid_of(bus: RedisBus, kind: str) -> int:
    """The process that holds a *kind* lease, once there is one."""
    while True:
        for role in (await bus.living()).values():
            if role.kind == kind:
                return role.pid


async def hosted(bus: RedisBus, seat: str) -> str:
    """The living holder of *seat*, once there is one."""
    while True:
        holder = (await bus.held()).get(seat, "")
        if holder in await bus.living():
            return holder


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncGenerator[Stage]:
    """A server, and roles to start on it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_server(tmp_path / "s"))
        yield Stage(tmp_path, stack)


async def test_a_party_is_played_to_its_end_and_filed(stage: Stage) -> None:
    """Three roles on a server: all exit 0, and the run folder is whole."""
    codes = await stage.play(("conductor", *PARTY), ("worker",), ("logger",))

    folder = RunFolder(stage.runs / "latest")
    assert codes == [0, 0, 0]
    assert folder.manifest.state == "complete"
    assert folder.manifest.server.startswith("valkey 9.")
    assert audit_log(folder.log).messages == folder.manifest.messages


async def test_latest_is_a_relative_link(stage: Stage) -> None:
    """It leads to the run wherever the folder is mounted."""
    await stage.play(("begin", *PARTY), ("conductor",), ("worker",), ("logger",))

    assert (stage.runs / "latest").readlink() == Path(await stage.current())


async def test_conductors_that_start_at_once_begin_one_run(stage: Stage) -> None:
    """All of them serve it, the others in reserve."""
    conductors = [("conductor", *PARTY)] * 3
    codes = await stage.play(*conductors, ("worker",))

    async with open_client(stage.url) as client:
        assert len(await all_runs(client)) == 1
    assert codes == [0, 0, 0, 0]


async def test_one_run_follows_another(stage: Stage) -> None:
    """Of two that would follow the same run, the first does; the second is told of it."""
    async with open_client(stage.url) as client:
        assert await succeed(client, "", "a", "t1") == "a"
        assert await succeed(client, "", "b", "t2") == "a"
        assert await succeed(client, "a", "c", "t3") == "c"
        assert await all_runs(client) == {"a": "t1", "c": "t3"}


async def test_begin_goes_on_with_an_unfinished_run(stage: Stage) -> None:
    """A new run waits until the one before is over."""
    await stage.play(("begin", *PARTY))
    first = await stage.current()
    await stage.play(("begin", *PARTY))

    assert await stage.current() == first
    assert stage.said(2, "begin").endswith(f"{first}\n")


async def test_a_new_run_begins_after_a_finished_one(stage: Stage) -> None:
    """The same command again is a second run, in a folder of its own."""
    for _ in range(2):
        codes = await stage.play(("conductor", *PARTY), ("worker",), ("logger",))
        assert codes == [0, 0, 0]

    runs = [path for path in stage.runs.iterdir() if not path.is_symlink()]
    assert [RunFolder(path).manifest.state for path in runs] == ["complete"] * 2


async def test_a_finished_run_is_nothing_to_serve(stage: Stage) -> None:
    """A role that is started again too late ends at once."""
    await stage.play(("conductor", *PARTY), ("worker",), ("logger",))
    codes = await stage.play(("worker", "--if-any"), ("logger", "--if-any"))

    assert codes == [0, 0]
    assert "no run to serve" in stage.said(4, "worker")


async def test_roles_wait_for_a_run(stage: Stage) -> None:
    """They may be there before it has begun."""
    worker = await stage.start("worker")
    await stage.play(("begin", *PARTY), ("conductor",))

    assert await worker.wait() == 0


async def test_roles_wait_for_the_server(tmp_path: Path) -> None:
    """They may be there before it, too."""
    async with AsyncExitStack() as stack, open_server(tmp_path / "s") as server:
        stage = Stage(tmp_path, stack)
        await server.stop()
        worker = await stage.start("worker")
        await server.start(deadline=30)
        await stage.play(("conductor", *PARTY))

        assert await worker.wait() == 0


async def test_sigterm_gives_the_seats_back(stage: Stage) -> None:
    """Others can take them at once, before any lease lapses."""
    await stage.play(("begin", *LONG))
    worker = await stage.start("worker")
    bus = await stage.bus()
    await hosted(bus, "L4")
    worker.send_signal(signal.SIGTERM)

    assert await worker.wait() == 130
    assert list(await bus.claim("another", SEATS)) == SEATS


async def test_a_conductor_in_reserve_goes_on(stage: Stage) -> None:
    """When the one that conducts is killed, nobody has to do anything."""
    await stage.play(("begin", *LONG))
    await stage.start("worker")
    conductors = [await stage.start("conductor") for _ in range(2)]
    bus = await stage.bus()
    first = await hosted(bus, CONDUCTOR)
    os.kill((await bus.living())[first].pid, signal.SIGKILL)
    while await hosted(bus, CONDUCTOR) == first:
        pass
    seq = int((await bus.meta())["seq"])

    assert await bus.lines(seq, wait=30)
    assert sum(child.returncode is None for child in conductors) == 1


async def test_a_logger_in_reserve_goes_on(stage: Stage) -> None:
    """The log it leaves is whole, and filed once."""
    await stage.play(("begin", *PARTY))
    await stage.start("logger")
    bus = await stage.bus()
    while "logged" not in await bus.meta():
        pass
    os.kill(await pid_of(bus, "logger"), signal.SIGKILL)
    codes = await stage.play(("logger",), ("logger",), ("worker",), ("conductor",))

    folder = RunFolder(stage.runs / "latest")
    assert codes == [0, 0, 0, 0]
    assert audit_log(folder.log).messages == folder.manifest.messages


async def test_a_run_is_over_when_it_is_filed(stage: Stage) -> None:
    """A logger that died before its last word finds its run again."""
    await stage.play(("begin", *PARTY), ("worker",), ("conductor",))
    bus = await stage.bus()
    await bus.note(logged=(await bus.meta())["seq"], filed="no")
    codes = await stage.play(("logger", "--if-any"))

    assert codes == [0]
    assert RunFolder(stage.runs / "latest").manifest.state == "complete"


async def test_alive_is_who_has_a_lease(stage: Stage) -> None:
    """What the containers' health is: a role of this host that the server knows."""
    await stage.play(("begin", *PARTY))
    before = await stage.play(("alive",))
    await stage.start("logger")
    await pid_of(await stage.bus(), "logger")

    assert before == [1]
    assert await stage.play(("alive",)) == [0]


async def test_the_environment_makes_the_population(stage: Stage) -> None:
    """Containers are given no options."""
    stage.environment |= {
        "HUBBUB_SCENARIO": "cocktail-party",
        "HUBBUB_AGENTS": "3",
        "HUBBUB_MIND": "uniform",
        "HUBBUB_SEED": "9",
        "HUBBUB_SET": "rounds=2 turns=4",
    }
    await stage.play(("begin",))
    cast = await read_cast(await stage.bus())

    assert cast.names == ("L1", "L2", "L3")
    assert cast.population.seats[0].mind == "uniform"
    assert cast.population.seed == 9
    assert cast.population.parameters == {"rounds": 2, "turns": 4}


async def test_an_empty_environment_is_none(stage: Stage) -> None:
    """Compose sets to nothing whatever its user has not set."""
    words = "AGENTS MIND MODEL SEED SET LOG BUDGET TOKEN_BUDGET PRICES"
    names = words.split()
    stage.environment |= {f"HUBBUB_{name}": "" for name in names}
    await stage.play(("begin", "--scenario", "cocktail-party"))
    cast = await read_cast(await stage.bus())

    assert len(cast.names) == 10
    assert cast.population.parameters == {}


async def test_every_line_says_whose_it_is(stage: Stage) -> None:
    """The logs of many containers come in one stream."""
    await stage.play(("begin", *PARTY), ("worker",), ("conductor",))
    run = await stage.current()

    for number, role in (2, "worker"), (3, "conductor"):
        lines = [json.loads(line) for line in stage.said(number, role).splitlines()]
        assert {(line["role"], line["run"]) for line in lines} == {(role, run)}


async def test_roles_leave_a_run_that_stops_at_its_budget(stage: Stage) -> None:
    """In good order, so that nobody starts them again; the folder says why."""
    await stage.play(("begin", *DEAR, "9000"))
    codes = await stage.play(("conductor",), ("worker",), ("logger",))

    folder = RunFolder(stage.runs / "latest")
    assert codes == [0, 0, 0]
    assert folder.manifest.state == "stopped"
    assert folder.manifest.why in stage.said(2, "conductor")
    assert audit_log(folder.log).messages > 0
    assert await stage.play(("worker", "--if-any"), ("logger", "--if-any")) == [0, 0]


async def test_a_logger_that_comes_late_keeps_a_run_that_has_stopped(
    stage: Stage,
) -> None:
    """The others have gone; what they said is on the server, and is to be kept."""
    await stage.play(("begin", *DEAR, "9000"))
    assert await stage.play(("conductor",), ("worker",)) == [0, 0]

    assert await stage.play(("logger",)) == [0]
    assert RunFolder(stage.runs / "latest").manifest.state == "stopped"


async def test_a_stopped_run_waits_for_more(stage: Stage) -> None:
    """Whoever begins with as much as before is told; with more, it goes on to its end."""
    await stage.play(("begin", *DEAR, "9000"))
    first = await stage.current()
    await stage.play(("conductor",), ("worker",), ("logger",))

    assert await stage.play(("begin", *DEAR, "9000")) == [3]
    assert "it goes on with --token-budget 18000" in stage.said(5, "begin")
    assert await stage.play(("begin", *DEAR, "1000000")) == [0]
    assert await stage.current() == first
    assert await stage.play(("conductor",), ("worker",), ("logger",)) == [0, 0, 0]
    folder = RunFolder(stage.runs / "latest")
    assert (folder.run, folder.manifest.state) == (first, "complete")
    assert folder.manifest.terms.tokens == 1_000_000
