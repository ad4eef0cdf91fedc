"""A collector of traces for tests: takes them by OTLP over HTTP, as Jaeger, Tempo and others do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGEST = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Collected:
    """A span as it came."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, str]


class Collector:
    """What was sent so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Collected] = []
        self.bodies = b""

    def of(self, trace_id: str, name: str) -> list[Collected]:
        """The spans of one trace and name."""
        return [span for span in self.spans if (span.trace_id, span.name) == (trace_id, name)]

    def take(self, body: bytes) -> None:
        """Take one request in."""
        self.bodies += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_collected(about["service.name"], span) for span in scope.spans]


def _collected(service: str, span: SentSpan) -> Collected:
    return Collected(
        service=service,
        name=span.name,
        kind=SentSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        attributes={a.key: a.value.string_value or str(a.value.int_value) for a in span.attributes},
    )


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a port of this process."""

    async def take(request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        collector.take(await request.read())
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )

    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as server:
        collector = Collector(str(server.make_url("")).rstrip("/"))
        yield collector
