"""Logging: structlog, JSON for machines or lines for people, and no secret in either."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from shared.database_address import passwords_in

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from shared.settings import Settings

_MASK = "**********"


class _MaskSecrets:
    """Masks the values of secret settings wherever they might have slipped into an event."""

    def __init__(self, settings: Settings) -> None:
        secrets = [settings.tmdb_api_key, settings.admin_token]
        values = {secret.get_secret_value() for secret in secrets if secret}
        for address in (settings.database_url, settings.listen_database_url):
            values |= passwords_in(address.get_secret_value()) if address else set()
        # The longest first: one may be a part of another.
        self._values = sorted(values, key=len, reverse=True)

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {name: self._masked(value) for name, value in event.items()}

    def in_line(self, _: WrappedLogger, __: str, line: Any) -> str:  # noqa: ANN401  # a renderer's
        """Mask what stood inside other values than text, which only the renderer turned into it."""
        return str(self._masked(line))

    def _masked(self, value: object) -> object:
        if isinstance(value, str):
            for secret in self._values:
                value = value.replace(secret, _MASK)
        return value


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
    mask = _MaskSecrets(settings)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask,
                renderer,
                mask.in_line,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    # These repeat what our own events say, in their own words, and with whole addresses.
    for noisy in ("aiohttp.access", "asyncio", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of each try to reach a collector; that spans were given up is an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    # What reaches this one is not even HTTP; the errors of our handlers end in the middleware.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
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
