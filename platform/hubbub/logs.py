"""How the roles log: readable lines on a terminal, JSON lines elsewhere."""

import errno
import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from hubbub.errors import UnknownName
from hubbub.secrets import mask
from hubbub.text import safe_text

#: Characters of one value; of a traceback, which tells most at its end, the last ones.
LONGEST = 4_000

_LEVELS = ["debug", "info", "warning", "error", "critical"]


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """
    Log to stderr from *level* on; JSON lines unless stderr is a terminal.

    Tracebacks are without local variables: those could hold keys and agents' text.
    Secrets are masked (see `hubbub.secrets`).
    Raises `UnknownName` for a level that there is not.
    """
    if level.lower() not in _LEVELS:
        raise UnknownName("log level", level, _LEVELS)
    if json is None:
        json = not sys.stderr.isatty()
    last: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _safe,
            last,
            _masked,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=lambda *_: _Words(sys.stderr),
    )


class _Words(structlog.WriteLogger):
    """
    A line in one write, since roles share a file.

    Where the disk has no room for it, it is lost: nobody may die of having said so.
    """

    def msg(self, message: str) -> None:
        try:
            super().msg(message)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    log = debug = info = warning = error = critical = exception = msg


def _safe(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Values may hold what an agent or a server said: make them inert."""
    if "exception" in event:
        # Masked before it is cut: half a key is no key that could be found.
        event["exception"] = mask(str(event["exception"]))[-LONGEST:]
    return {
        key: safe_text(value, LONGEST, newlines=True)
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _masked(_logger: Any, _method: str, line: Any) -> str:
    """What is no text by itself, like an error, is text only now."""
    return mask(str(line))
