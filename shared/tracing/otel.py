"""Spans by OpenTelemetry, sent by OTLP over HTTP; imported only where its packages are wanted."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shared.tracing.context import TraceContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.context import Context

    from shared.tracing.spans import Kind, Span

_HEX = 16


class OTelSpans:
    """A tracer of this service's own, which leaves OpenTelemetry's global one alone.

    What is not a setting of this project is as OpenTelemetry's own variables say:
    `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` and others.

    Args:
        endpoint: of a collector, without `/v1/traces`.
        service: how it is named there.
        redact: removes from a text what no collector may have.
    """

    def __init__(self, endpoint: str, service: str, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
        )
        self._tracer = self._provider.get_tracer("projectionist")

    @contextmanager
    def span(self, name: str, kind: Kind, parent: TraceContext | None) -> Iterator[Span]:
        """A span that lasts as long as the context; an error that leaves it is recorded."""
        around = _as_context(parent) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context=around,
            kind=trace.SpanKind[kind],
            # OpenTelemetry would record the error's text as it is.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            ours = _OTelSpan(span, self._redact)
            try:
                yield ours
            except Exception as error:
                ours.record(error)
                raise

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()


class _OTelSpan:
    def __init__(self, span: trace.Span, redact: Callable[[str], str]) -> None:
        self._span = span
        self._redact = redact
        its = span.get_span_context()
        self.context = TraceContext(
            trace.format_trace_id(its.trace_id),
            trace.format_span_id(its.span_id),
            int(its.trace_flags),
        )

    def note(self, name: str, value: str | int) -> None:
        self._span.set_attribute(name, self._redact(value) if isinstance(value, str) else value)

    def fail(self, why: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR, self._redact(why))

    def record(self, error: Exception) -> None:
        """Record an error, by the names that OpenTelemetry gives its parts.

        https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
        """
        self._span.add_event(
            "exception",
            {
                "exception.type": type(error).__qualname__,
                "exception.message": self._redact(str(error)),
                "exception.stacktrace": self._redact("".join(traceback.format_exception(error))),
            },
        )
        self.fail(f"{type(error).__name__}: {error}")


def _as_context(parent: TraceContext) -> Context:
    return trace.set_span_in_context(
        trace.NonRecordingSpan(
            trace.SpanContext(
                int(parent.trace_id, _HEX),
                int(parent.span_id, _HEX),
                is_remote=True,
                trace_flags=trace.TraceFlags(parent.flags),
            )
        )
    )
