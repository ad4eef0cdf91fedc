"""Logging: structlog, JSON for machines or lines for people, without secrets in either."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from shared.logging.python_warnings import log_warnings
from shared.logging.redaction import Redactor, one_line

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from shared.settings import Settings

_OTHER_IDS = frozenset({"request_id", "trace_id", "client", "worker_id"})
"""Fields whose ids are no session's, and are compared with what others have whole."""
_OF_SEVERAL_LINES = frozenset({"exception", "stack"})


class _Redact:
    """Removes secrets and whole session ids from every field of an event."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {
            name: self._redactor.mask(str(value))
            if name in _OTHER_IDS
            else self._redactor.value(value)
            for name, value in event.items()
        }

    def in_line(self, _: WrappedLogger, __: str, line: Any) -> str:  # noqa: ANN401  # a renderer's
        """Mask what only the renderer has written so, a password in JSON say."""
        return self._redactor.mask(str(line))


def _in_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep an event in one line of text, and a traceback apart from lines that begin an event.

    JSON needs none of it: there whatever is not plain ASCII is written out.
    """
    return {
        one_line(name): _for_people(name, value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _for_people(name: str, text: str) -> str:
    if name in _OF_SEVERAL_LINES:
        return "\n".join(f"    {one_line(line)}" for line in text.split("\n"))
    return one_line(text)


def set_up_logging(settings: Settings, service: str) -> None:
    """Send structlog's events, and those of the standard library's loggers, to standard output."""
    shared_steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    console = settings.log_format == "console"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    redact = _Redact(Redactor(settings))
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                *([_in_one_line] if console else []),
                renderer,
                redact.in_line,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    # These repeat what our own events say, in their own words, and with whole addresses.
    for noisy in ("aiohttp.access", "asyncio", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of each try to reach a collector; that spans were given up is an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    log_warnings()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared_steps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
