"""A scenario played again over its own log: every step must be the recorded one."""

from collections.abc import Sequence
from itertools import islice

import anyio
import anyio.lowlevel

from hubbub.budget import Budget
from hubbub.bus.base import Receipt, Voice
from hubbub.conductor import started
from hubbub.errors import (
    HubbubError,
    ReplayDiffers,
    ScenarioChanged,
    first_error,
)
from hubbub.journal import Journal
from hubbub.messages import KIND_OF, Body, Ended
from hubbub.names import CONDUCTOR, PHASES
from hubbub.phases import Phases
from hubbub.population import Cast
from hubbub.stage import Stage
from hubbub.steps import Steps
from hubbub.tape import Tape

#: Messages that are read at once.
PAGE = 512


class _LogEnds(HubbubError):
    """The scenario would go on, and the log does not."""


class _Mute(Voice):
    """A conductor's voice that says nothing."""

    def __init__(self) -> None:
        self.seat = CONDUCTOR

    async def say_all(
        self, posts: Sequence[tuple[str, Body]], *, seen: int
    ) -> list[Receipt]:
        raise _LogEnds(f"a further {KIND_OF[type(posts[0][1])]}")


class _Unlimited(Budget):
    """Lets every phase begin; the log decides which ones have."""

    def __init__(self) -> None:
        return

    async def check(self) -> None:
        raise _LogEnds("a further phase.open")

    def enter(self, step: int) -> None:
        return

    def leave(self, step: int) -> None:
        return


async def rehearse(cast: Cast, tape: Tape) -> int:
    """
    Play *cast*'s scenario over *tape*, saying nothing; how many steps it took.

    Raises `ReplayDiffers` at the first step that is not the recorded one, and where
    the scenario or the log goes on after the other has ended.
    """
    journal = Journal()
    steps = Steps(_Mute(), journal, tape.last)
    raised: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_feed, journal, tape)
        try:
            await _play(cast, steps, journal)
            await steps.finish()
        except Exception as error:  # noqa: BLE001 - a scenario is user code
            raised = error
        tasks.cancel_scope.cancel()
    if raised is not None:
        _judge(first_error(raised), steps, journal)
    _check_end(steps, journal, tape)
    return steps.count


async def _feed(journal: Journal, tape: Tape) -> None:
    messages = iter(tape)
    while page := list(islice(messages, PAGE)):
        journal.extend(page)
        # The scenario goes on as far as this page leads it.
        await anyio.lowlevel.checkpoint()


async def _play(cast: Cast, steps: Steps, journal: Journal) -> None:
    phases = Phases(steps, journal, cast.scenario, _Unlimited(), grace=0.0)
    stage = Stage(
        steps,
        phases,
        seats=cast.names,
        seed=cast.population.seed,
        newcomers=cast.scenario.newcomers,
    )
    await steps.tell(0, PHASES, started(cast))
    await cast.scenario(stage, **cast.parameters)


def _judge(error: BaseException, steps: Steps, journal: Journal) -> None:
    """Raise `ReplayDiffers` unless what ended the play is what ended the log."""
    if isinstance(error, ScenarioChanged):
        made = journal.step(error.step).made
        seq = made.seq if made else journal.cursor
        raise ReplayDiffers(seq, CONDUCTOR, error.recorded, error.found) from error
    further = journal.beyond(steps.count)
    if further is not None or journal.ended:
        seq = further.seq if further else journal.cursor
        expected = further.kind if further else "the end"
        ends = isinstance(error, _LogEnds)
        found = str(error) if ends else f"{type(error).__name__}: {error}"
        raise ReplayDiffers(seq, CONDUCTOR, expected, found) from error


def _check_end(steps: Steps, journal: Journal, tape: Tape) -> None:
    if not journal.ended:
        return
    body = tape.message(tape.last).body
    if body != Ended(steps=steps.count):
        expected, found = repr(body), repr(Ended(steps=steps.count))
        raise ReplayDiffers(tape.last, CONDUCTOR, expected, found)
