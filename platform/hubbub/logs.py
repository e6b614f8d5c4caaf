"""How the roles log: readable lines on a terminal, JSON lines elsewhere."""

import logging
import sys
from typing import Any

import structlog

from hubbub.text import safe_text


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """
    Log to stderr from *level* on; JSON lines unless stderr is a terminal.

    Tracebacks are without local variables: those could hold keys and agents' text.
    """
    if json is None:
        json = not sys.stderr.isatty()
    tail: list[Any] = (
        [
            structlog.processors.format_exc_info,
            _safe,
            structlog.processors.JSONRenderer(),
        ]
        if json
        else [
            _safe,
            structlog.dev.ConsoleRenderer(
                exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _safe(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Values may hold what an agent or a server said: make them inert."""
    return {
        key: safe_text(value, 4_000, newlines=True) if isinstance(value, str) else value
        for key, value in event.items()
    }
