"""The middleware that takes a trace in, or begins one, and has its id in every line that is logged.

https://www.w3.org/TR/trace-context/, https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from api_service.context import TRACE, TRACING
from shared.tracing.context import TraceContext
from shared.tracing.spans import Kind, untraced

if TYPE_CHECKING:
    from api_service.http.routing import Handler

_NOBODY_ASKS = frozenset({"/livez", "/readyz", "/health", "/metrics"})
"""Routes without spans: machines ask for them all day long."""


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Go on with the trace of the client's `traceparent`, or begin one."""
    parent = TraceContext.parse(request.headers.get("traceparent"))
    resource = request.match_info.route.resource
    route = resource.canonical if resource else None
    name = f"{request.method} {route}" if route else request.method
    opened = (
        untraced(parent)
        if route in _NOBODY_ASKS
        else request.app[TRACING].span(name, Kind.SERVER, parent)
    )
    with opened as span, structlog.contextvars.bound_contextvars(trace_id=span.context.trace_id):
        request[TRACE] = span.context
        span.note("http.request.method", request.method)
        if route:
            span.note("http.route", route)
        response = await handler(request)
        span.note("http.response.status_code", response.status)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.fail(str(response.status))
    return response
