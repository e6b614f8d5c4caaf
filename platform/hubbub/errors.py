"""
Everything Hubbub raises on purpose.

* HubbubError
  * UsageError             what was asked for makes no sense; the message says what would
    * UnknownName          no such scenario, mind, model, parameter; names the nearest one
    * BadName              a seat, room or run name that is not a name
    * BadPopulation        the population file or a parameter is wrong; says where
    * NotARun              the folder is not a run folder
    * RunExists            the folder holds another run, or one that is complete
  * BusError
    * BusUnavailable       the server is gone; ``__cause__`` has the client's error
    * BusRefused           the server said no (no memory, no disk, no right)
    * BusUnsafe            the server's settings would lose messages
    * Fenced               somebody else has taken over this seat
    * RunOver              the run has ended; nothing can be said in it any more
  * ServerFailed           the embedded server could not be started
  * MessageTooLarge        a body above ``messages.MAX_BODY``
  * ScenarioChanged        a replayed step is not the recorded one
  * ReplayDiffers          a replayed act or step is not the recorded one; says where
  * RunFailed              a role cannot be kept alive; the run can be resumed
  * ScenarioFailed         the scenario itself raised; ``__cause__`` has its error
  * BudgetSpent            the run's budget does not allow another model call
  * GatewayRefused         a gateway did not do what a client asked; ``.code`` says why
  * LogDamaged             the log is torn, edited or not dense; says at which line
  * ModelError             a model call failed; ``.kind`` is one of a closed set
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Literal, cast

from hubbub.text import safe_text

ModelErrorKind = Literal[
    "auth",
    "bad_reply",
    "bad_request",
    "context_length",
    "network",
    "not_cached",
    "rate_limit",
    "refused",
    "server",
    "timeout",
]


class HubbubError(Exception):
    """The root of everything Hubbub raises on purpose."""


class UsageError(HubbubError):
    """What was asked for makes no sense; the message says what would."""


class UnknownName(UsageError):
    """No such *kind* of thing: the message names the nearest *known* one, else a *mend*."""

    def __init__(self, kind: str, name: str, known: list[str], mend: str = "") -> None:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        known_ones = f"known: {', '.join(known)}" if known else "there is none"
        rest = f"{known_ones}; {mend}" if mend else known_ones
        hint = f"did you mean {near[0]!r}?" if near else rest
        super().__init__(f"unknown {kind} {safe_text(name, 60)!r}: {hint}")
        self.kind = kind
        self.name = name


class BadName(UsageError):
    """A name that cannot be a seat's, a room's or a run's."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{safe_text(name, 40)!r} cannot name a {kind}: use up to 64 letters, "
            "digits and hyphens, beginning with a letter or digit, and no name of the "
            "platform's own, like conductor"
        )


class BadPopulation(UsageError):
    """The population file or a parameter is wrong; the message says where."""


class NotARun(UsageError):
    """The folder is not a run folder."""

    def __init__(self, path: Path, why: str = "it has no manifest.json") -> None:
        super().__init__(f"{path} is not a run folder: {why}")


class RunExists(UsageError):
    """The folder holds another run, or one that is complete."""


class BusError(HubbubError):
    """The bus did not do what it was asked."""


class BusUnavailable(BusError):
    """The server is gone; ``__cause__`` has the client's error."""


class BusRefused(BusError):
    """The server said no: no memory, no disk, or no right."""


class BusUnsafe(BusError):
    """The server's settings would lose messages; names each setting and its mend."""


class Fenced(BusError):
    """Somebody else has taken over this seat; an old incarnation must stop."""

    def __init__(self, seat: str, incarnation: int) -> None:
        super().__init__(f"seat {seat}: incarnation {incarnation} has been taken over")
        self.seat = seat
        self.incarnation = incarnation


class RunOver(BusError):
    """The run has ended; nothing can be said in it any more."""


class ServerFailed(HubbubError):
    """The embedded server could not be started."""


class MessageTooLarge(HubbubError):
    """A message's body is above the limit."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the message's body has {size:,} bytes; the limit is {limit:,}"
        )
        self.size = size
        self.limit = limit


class ScenarioChanged(HubbubError):
    """A replayed step is not the recorded one: the scenario or its arguments changed."""

    def __init__(self, step: int, recorded: str, found: str) -> None:
        super().__init__(
            f"step {step} is recorded as {recorded} and is now {found}: the scenario "
            "has changed since the run began; resume it with the version it began with"
        )
        self.step = step
        self.recorded = recorded
        self.found = found


class ReplayDiffers(HubbubError):
    """At *seq*, *seat* is recorded to have said what is *expected*; *found* is other."""

    def __init__(self, seq: int, seat: str, expected: str, found: str) -> None:
        super().__init__(
            f"the replay is another run: at seq {seq} the record of {seat} is\n"
            f"  {safe_text(expected, 400)}\nand now it is\n  {safe_text(found, 400)}\n"
            "Either code has changed since, then replay it with the versions in its "
            "manifest and\nits scenario's file as it was; or a mind goes by something "
            "else than what it has heard."
        )
        self.seq = seq
        self.seat = seat
        self.expected = expected
        self.found = found


class ScenarioFailed(HubbubError):
    """The scenario itself raised; ``__cause__`` has its error."""


class RunFailed(HubbubError):
    """A role of the run cannot be kept alive; the run itself can be resumed."""


class BudgetSpent(HubbubError):
    """The run's budget does not allow another model call; the run can be resumed."""


class GatewayRefused(HubbubError):
    """
    A gateway did not do what a client asked.

    *code* is one of `hubbub.gateway.wire.STATUS`, *facts* are told the client too.
    """

    def __init__(self, code: str, words: str, **facts: object) -> None:
        super().__init__(words)
        self.code = code
        self.facts = facts


class LogDamaged(HubbubError):
    """The log is torn, edited or not dense."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")
        self.path = path
        self.line = line
        self.why = why


class ModelError(HubbubError):
    """
    A model call failed.

    *kind* is a closed set, so that failures can be counted; *detail* is for
    people and holds no secret and no more than 300 characters.
    """

    def __init__(self, kind: ModelErrorKind, detail: str) -> None:
        self.kind: ModelErrorKind = kind
        self.detail = safe_text(detail, 300)
        super().__init__(f"{kind}: {self.detail}")


def first_error(error: BaseException) -> BaseException:
    """
    What to tell of *error*, which may be a group of tasks that failed together.

    The bus's own errors come before other ones of ours, and those before the rest.
    """
    leaves: list[BaseException] = []
    waiting = [error]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", found).exceptions)
        else:
            leaves.append(found)
    return min(
        leaves,
        key=lambda e: (not isinstance(e, BusError), not isinstance(e, HubbubError)),
    )
