"""Sessions over HTTP: status, report, force and delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from api_service.context import (
    CLIENT,
    LIMITS,
    PACER,
    SETTINGS,
    STORAGE,
    TRACE,
    json_response,
    no_such_session,
    session_id_of,
    session_of,
    unheld_session_of,
)
from api_service.lists.report import with_member
from api_service.schemas.sessions import ForceAnswer, SessionAnswer, session_fields

if TYPE_CHECKING:
    from api_service.storage.sessions import SessionRow

REPORT_BYTES = 8 * 1024**2
"""Of reports in one answer, from which on those of further uploads are only counted."""


async def described(request: web.Request, session: SessionRow) -> dict[str, Any]:
    """The fields that every answer about a session has."""
    return session_fields(
        session,
        await request.app[PACER].outlook(session),
        days=request.app[SETTINGS].session_days,
    )


async def get_status(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/status` and `/api/session/{id}`."""
    session = await session_of(request)
    answer = SessionAnswer(**await described(request, session))
    return json_response(answer, Cache_Control="no-store")


async def get_report(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/report`: how the upload was read, and each one after it."""
    session = await session_of(request)
    storage = request.app[STORAGE]
    with request.app[LIMITS].heavy_read(request[CLIENT]):
        async with storage.heavy_reads.turn(session.total):
            count, reports = await storage.sessions.reports(session.id, REPORT_BYTES)
    if not reports:
        raise no_such_session()
    (_, first), *further = reports
    more = ", ".join(
        [with_member(report, "uploaded_at", json.dumps(day.isoformat())) for day, report in further]
    )
    text = with_member(first, "further_uploads", f"[{more}]")
    return web.Response(
        text=with_member(text, "further_uploads_count", str(count - 1)),
        content_type="application/json",
    )


async def force(request: web.Request) -> web.Response:
    """`POST /api/session/{id}/enrich`: ask again what was not found or failed."""
    session = await unheld_session_of(request)
    with request.app[LIMITS].heavy_read(request[CLIENT]):
        requeued = await request.app[STORAGE].sessions.force(session.id, str(request[TRACE]))
    session = await session_of(request)
    answer = ForceAnswer(**await described(request, session), requeued=requeued)
    return json_response(answer, status=202)


async def delete(request: web.Request) -> web.Response:
    """`DELETE /api/session/{id}`: gone, with all that the user uploaded."""
    if not await request.app[STORAGE].sessions.delete(session_id_of(request)):
        raise no_such_session()
    return web.Response(status=204)
