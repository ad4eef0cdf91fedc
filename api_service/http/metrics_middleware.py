"""The middleware that counts every request, however it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web

from api_service.context import METRICS
from api_service.metrics import CANCELLED

if TYPE_CHECKING:
    from api_service.http.routing import Handler

_STREAM = "text/event-stream"


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count a request; the outermost of the middlewares, so that it sees what all others made."""
    started = time.perf_counter()
    status = CANCELLED
    lasting = False
    try:
        response = await handler(request)
        status = str(response.status)
        # It lasts as long as somebody looks on.
        lasting = response.content_type == _STREAM
    except web.HTTPException as error:
        status = str(error.status)
        raise
    else:
        return response
    finally:
        seconds = None if lasting or status == CANCELLED else time.perf_counter() - started
        request.app[METRICS].note_request(request, status, seconds)
