"""Logs: one JSON object a line on stderr, made of listed keys only.

A key that is not on the list is dropped, so that no subject, address, file name or token can slip in with it; an error
is told by its class alone, since messages of foreign exceptions may quote what they stumbled over.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "role",
        "arrival",
        "message",
        "delivery",
        "row",
        "job",
        "code",
        "count",
        "seconds",
        "status",
        "error",
        "reference",
        "at",
    }
)
_LONGEST = 200


def set_up_logging(role: str, level: str) -> None:
    """Set up both structlog and the standard library's loggers, whose own words are not taken over."""
    structlog.contextvars.bind_contextvars(role=role)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)


def keep_allowed(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep the listed keys, short and plain."""
    del logger, method
    return {key: _plain(value) for key, value in event.items() if key in ALLOWED}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return str(value)[:_LONGEST] if isinstance(value, str) else type(value).__name__


class _Foreign(logging.Handler):
    """What libraries log is reduced to who spoke, and the class of the exception."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        structlog.get_logger().log(record.levelno, "library", job=record.name, error=error)
