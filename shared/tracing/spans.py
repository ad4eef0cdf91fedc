"""Spans, where OpenTelemetry is installed and told where to send them; else only the trace's id.

The packages are an extra, `projectionist[tracing]`, and locked in `requirements-tracing.txt`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from shared.logging.redaction import shorten_ids
from shared.tracing.context import TraceContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

FLUSH_SECONDS = 2.0
"""How long the last spans may take to be sent when the service stops."""

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What a span is, in OpenTelemetry's words."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """What is being done."""

    @property
    def context(self) -> TraceContext:
        """By which it is carried on elsewhere."""

    def note(self, name: str, value: str | int) -> None:
        """Say something of it."""

    def fail(self, why: str) -> None:
        """Say that it has failed."""


class Spans(Protocol):
    """Makes spans."""

    def span(
        self, name: str, kind: Kind, parent: TraceContext | None
    ) -> AbstractContextManager[Span]:
        """A span that lasts as long as the context; without a parent, of what is being done."""

    def close(self) -> None:
        """Send what was not sent yet; may take its time."""


class Untraced:
    """A span of which nobody is told; its trace has an id all the same."""

    def __init__(self, context: TraceContext) -> None:
        self.context = context

    def note(self, name: str, value: str | int) -> None:
        """Tell nobody."""

    def fail(self, why: str) -> None:
        """Tell nobody."""


class Tracing:
    """Spans for one service; as an asynchronous context manager it sends them.

    Args:
        endpoint: of a collector that takes them; None where there is none.
        service: how the service is named there.
        redact: removes from a text what no collector may have.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        service: str = "projectionist",
        redact: Callable[[str], str] = shorten_ids,
    ) -> None:
        self._endpoint = endpoint
        self._service = service
        self._redact = redact
        self._spans: Spans | None = None

    async def __aenter__(self) -> Self:
        if self._endpoint:
            self._spans = _open(self._endpoint, self._service, self._redact)
        return self

    async def __aexit__(self, *_: object) -> None:
        spans, self._spans = self._spans, None
        if spans is None:
            return
        # A thread that nobody waits for in the end: a collector may be silent.
        sent = asyncio.Event()
        loop = asyncio.get_running_loop()

        def send() -> None:
            spans.close()
            with contextlib.suppress(RuntimeError):  # the loop has not waited so long
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=send, name="last-spans", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await sent.wait()
        except TimeoutError:
            log.warning("spans_lost", seconds=FLUSH_SECONDS)

    def span(
        self, name: str, kind: Kind, parent: TraceContext | None = None
    ) -> AbstractContextManager[Span]:
        """A span that lasts as long as the context.

        Args:
            name: what is being done; without ids.
            kind: of its kind.
            parent: of whom it is a child; else of the span that is open around it, if there is one.
        """
        return self._spans.span(name, kind, parent) if self._spans else untraced(parent)


@contextmanager
def untraced(parent: TraceContext | None) -> Iterator[Span]:
    """A span of which nobody is told; what it causes is the parent's child."""
    yield Untraced(parent or TraceContext.begun())


def _open(endpoint: str, service: str, redact: Callable[[str], str]) -> Spans | None:
    try:
        from shared.tracing.otel import OTelSpans  # noqa: PLC0415  # an extra, which may be missing
    except ImportError as error:
        log.warning(
            "tracing_unavailable", error=str(error), advice="install requirements-tracing.txt"
        )
        return None
    return OTelSpans(endpoint, service, redact)
