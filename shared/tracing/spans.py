"""The tracer of a service: spans where OpenTelemetry is installed, else only the trace's id.

The packages are an extra, `projectionist[tracing]`, and locked in `requirements-tracing.txt`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from shared.logging.redaction import shorten_ids
from shared.tracing.context import TraceContext
from shared.tracing.span import UnrecordedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from shared.tracing.span import Kind, Span

FLUSH_SECONDS = 2.0
"""How long the last spans may take to be sent when the service stops."""

log = structlog.get_logger(__name__)


class SpanRecorder(Protocol):
    """Records spans."""

    def span(
        self, name: str, kind: Kind, parent: TraceContext | None
    ) -> AbstractContextManager[Span]:
        """Record a span that lasts as long as the context."""

    def close(self) -> None:
        """Send what was not sent yet; may take its time."""


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
        self._recorder: SpanRecorder | None = None

    async def __aenter__(self) -> Self:
        if self._endpoint:
            self._recorder = _open(self._endpoint, self._service, self._redact)
        return self

    async def __aexit__(self, *_: object) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        # A thread that nobody waits for in the end: a collector may be silent.
        sent = asyncio.Event()
        loop = asyncio.get_running_loop()

        def send() -> None:
            recorder.close()
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
        """Return a span that lasts as long as the context.

        Args:
            name: of the operation, without ids.
            kind: of the operation.
            parent: of the span; by default the span that is open around it, if there is one.
        """
        return (
            self._recorder.span(name, kind, parent) if self._recorder else unrecorded_span(parent)
        )


@contextmanager
def unrecorded_span(parent: TraceContext | None) -> Iterator[Span]:
    """Yield a span that is not recorded; what it causes is the parent's child."""
    yield UnrecordedSpan(parent or TraceContext.start())


def _open(endpoint: str, service: str, redact: Callable[[str], str]) -> SpanRecorder | None:
    try:
        from shared.tracing.otel import OTelSpans  # noqa: PLC0415  # an extra, which may be missing
    except ImportError as error:
        log.warning(
            "tracing_unavailable", error=str(error), advice="install requirements-tracing.txt"
        )
        return None
    return OTelSpans(endpoint, service, redact)
