"""Limits of an account: what the environment says, and who has which part of it."""

import anyio
import pytest

from hubbub import Group, MemoryBus, Population
from hubbub.conductor import Conductor
from hubbub.errors import UsageError
from hubbub.models.catalogue import open_models
from hubbub.models.limits import Limits, read_limits
from hubbub.models.scripted import ScriptedModel
from hubbub.population import Cast
from hubbub.worker import Worker

from ..leaping import in_no_time


def test_limits_are_read_by_the_name_of_the_provider() -> None:
    """Each may be given without the others."""
    environment = {"LAB_CONCURRENCY": " 4 ", "LAB_TPM": "2e5", "OTHER_RPM": "10"}

    assert read_limits("LAB", environment) == Limits(
        concurrency=4, tpm=200_000, prefix="LAB"
    )
    assert read_limits("OTHER", environment) == Limits(rpm=10, prefix="OTHER")


@pytest.mark.parametrize("text", ["ten", "0", "-1", "nan", "inf", "1_0 0", "60/min"])
@pytest.mark.parametrize("name", ["LAB_CONCURRENCY", "LAB_RPM", "LAB_TPM"])
def test_what_is_no_limit_is_a_usage_error(name: str, text: str) -> None:
    """The message has the variable and what would do."""
    with pytest.raises(UsageError, match=f"{name} is '{text}': set it to a .* above 0"):
        read_limits("LAB", {name: text})


def test_calls_at_once_are_whole() -> None:
    """There is no half of a call."""
    with pytest.raises(UsageError, match=r"CONCURRENCY is '1\.5': set it to a whole"):
        read_limits("LAB", {"LAB_CONCURRENCY": "1.5"})


async def test_a_wrong_limit_stops_a_run_before_it_begins() -> None:
    """Nobody finds out an hour later that a limit was not kept."""
    environment = {"MY_LAB_BASE_URL": "http://127.0.0.1:1/v1", "MY_LAB_RPM": "many"}

    with pytest.raises(UsageError, match="MY_LAB_RPM"):
        async with open_models(["my-lab/m"], environment):
            pass


class Shared(ScriptedModel):
    """Keeps how many workers it was told of."""

    def __init__(self) -> None:
        super().__init__(["unused"])
        self.workers: list[int] = []

    def share(self, workers: int) -> None:
        self.workers.append(workers)


@in_no_time
async def test_a_worker_says_with_how_many_it_shares() -> None:
    """Limits of an account are divided among the workers that live."""
    models = Shared(), Shared()
    groups = (Group(count=2, mind="silent"),)
    bus, cast = MemoryBus(), Cast(Population(scenario="open-room", seats=groups))
    async with anyio.create_task_group() as tasks:
        for model in models:
            tasks.start_soon(Worker(bus, cast, {"test/m": model}).run)
        await anyio.sleep(2.0)
        await Conductor(bus, cast).run()

    assert [model.workers[-1] for model in models] == [2, 2]
