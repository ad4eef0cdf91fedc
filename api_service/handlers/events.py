"""Server-Sent Events of a session.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import random
import socket
from typing import TYPE_CHECKING

import structlog
from aiohttp import hdrs, web

from api_service.context import CLIENT, HUB, LIMITS, session_of

if TYPE_CHECKING:
    from uuid import UUID

HEARTBEAT_SECONDS = 15.0
TAKING_SECONDS = 60.0
"""How long a client may read nothing before its stream ends; it can reconnect."""
WAITING_BYTES = 16 * 1024
KERNEL_BYTES = 32 * 1024
"""Of a slow client's events that are buffered beside the newest, by us and by the kernel, which by
itself would keep megabytes of what is long out of date."""
_RETRY_MILLISECONDS = (1000, 3000)
_LONGEST_NUMBER = 18

log = structlog.get_logger(__name__)


async def get_events(request: web.Request) -> web.StreamResponse:
    """Answer `GET /api/session/{id}/events`."""
    session = await session_of(request)
    headers = {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",  # nginx would keep events back
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers=headers)
    with request.app[LIMITS].event_streams.slot(request[CLIENT]):
        return await _stream(request, session.id, web.StreamResponse(headers=headers))


async def _stream(
    request: web.Request, session_id: UUID, response: web.StreamResponse
) -> web.StreamResponse:
    transport = request.transport
    if transport is None:
        return response
    transport.set_write_buffer_limits(high=WAITING_BYTES)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    # A telephone that is out of reach says nothing: unanswered heartbeats tell. Linux only.
    if unanswered := getattr(socket, "TCP_USER_TIMEOUT", None):
        milliseconds = int(TAKING_SECONDS * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, unanswered, milliseconds)
    await response.prepare(request)
    with request.app[HUB].opened(session_id, seen=_seen(request), abort=transport.abort) as stream:
        # Not all of them at once, after a restart. No secret.
        data = f"retry: {random.randint(*_RETRY_MILLISECONDS)}\n\n".encode()  # noqa: S311
        try:
            while True:
                async with asyncio.timeout(TAKING_SECONDS):
                    await response.write(data)
                    await request.writer.drain()
                if stream.done:
                    break
                data = await stream.take(HEARTBEAT_SECONDS)
            await response.write_eof()
        except (ConnectionError, TimeoutError):  # it has gone, or takes nothing
            log.debug("sse_client_disconnected")
            transport.abort()
    return response


def _seen(request: web.Request) -> int | None:
    """Return the last event's number of an earlier stream; ignore what is no number."""
    text = request.headers.get("Last-Event-ID", "")
    usable = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if usable else None
