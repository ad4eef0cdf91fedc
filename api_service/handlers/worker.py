"""The fleet for its operator: status, pause and resume, and orders about queued lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from api_service.context import SETTINGS, STORAGE, json_response
from api_service.errors import InvalidBodyError
from api_service.http.admin_token import check_admin, is_admin
from api_service.limits.body_pace import read_small_body
from api_service.schemas.fleet import WorkerStatusAnswer, worker_status_answer
from api_service.schemas.queue import QueueOrder, QueueOrderAnswer, queue_shares_answer
from api_service.storage.holds import NAMED_DIGITS
from shared.errors import SessionNotFoundError

if TYPE_CHECKING:
    from aiohttp import web

    from api_service.storage.holds import QueuedSession

MOST_NAMED = 20
"""Sessions, and clients, that `GET /worker/queue` names at most."""

log = structlog.get_logger(__name__)


async def get_worker_status(request: web.Request) -> web.Response:
    """Answer `GET /worker/status`: only the operator sees the daemons' machines."""
    names_hosts = await is_admin(request)
    return json_response(await _status(request, names_hosts=names_hosts))


async def pause(request: web.Request) -> web.Response:
    """Answer `POST /worker/pause`: hold the whole fleet."""
    await check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=True)
    log.info("fleet_paused")
    return json_response(await _status(request))


async def resume(request: web.Request) -> web.Response:
    """Answer `POST /worker/resume`: release it."""
    await check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=False)
    log.info("fleet_resumed")
    return json_response(await _status(request))


async def get_queue(request: web.Request) -> web.Response:
    """Answer `GET /worker/queue`: who fills the queue."""
    await check_admin(request)
    holds = request.app[STORAGE].holds
    answer = queue_shares_answer(await holds.sessions(MOST_NAMED), await holds.clients(MOST_NAMED))
    return json_response(answer, Cache_Control="no-store")


async def hold_queued(request: web.Request) -> web.Response:
    """Answer `POST /worker/queue/hold`: hold lists, whose films are no longer looked up."""
    sessions = await _addressed_sessions(request)
    for session in sessions:
        await request.app[STORAGE].holds.hold(session.id)
        log.info("session_held", **_log_fields(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def release_queued(request: web.Request) -> web.Response:
    """Answer `POST /worker/queue/release`: release lists, as if they had been uploaded now."""
    sessions = await _addressed_sessions(request)
    for session in sessions:
        await request.app[STORAGE].holds.release(session.id)
        log.info("session_released", **_log_fields(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def delete_queued(request: web.Request) -> web.Response:
    """Answer `POST /worker/queue/delete`: delete lists, as their users can."""
    sessions = await _addressed_sessions(request)
    for session in sessions:
        await request.app[STORAGE].sessions.delete(session.id)
        log.info("session_deleted_by_operator", **_log_fields(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def _addressed_sessions(request: web.Request) -> list[QueuedSession]:
    """Return the lists that the operator's order names.

    Raises:
        InvalidBodyError: it names neither one list nor one client.
        SessionNotFoundError: nothing of that name waits.
    """
    await check_admin(request)
    body = await read_small_body(request)
    try:
        order = QueueOrder.model_validate_json(body)
    except ValidationError:
        raise InvalidBodyError(
            'Send {"session": "…"} or {"client": "…"}, as GET /worker/queue names them.'
        ) from None
    holds = request.app[STORAGE].holds
    sessions = (
        await holds.find(order.session)
        if order.session
        else await holds.of_client(order.client or "")
    )
    if not sessions:
        raise SessionNotFoundError("No list of that name waits: see GET /worker/queue.")
    return sessions


def _log_fields(session: QueuedSession) -> dict[str, str | None]:
    """Return what the log has of a session: not the id by which it can be read."""
    return {"session_id": str(session.id)[:NAMED_DIGITS], "client": session.client}


async def _status(request: web.Request, *, names_hosts: bool = True) -> WorkerStatusAnswer:
    settings = request.app[SETTINGS]
    storage = request.app[STORAGE].fleet
    return worker_status_answer(
        await storage.get(settings.tmdb_rate_period),
        await storage.workers(),
        limit=settings.tmdb_rate_limit,
        period=settings.tmdb_rate_period,
        names_hosts=names_hosts,
    )
