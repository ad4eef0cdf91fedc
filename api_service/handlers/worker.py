"""The fleet for its operator: status, pause and resume, and orders about queued lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from api_service.context import SETTINGS, STORAGE, json_response
from api_service.http.admin_token import check_admin, is_admin
from api_service.limits.body_pace import read_small_body
from api_service.schemas.fleet import WorkerStatusAnswer, worker_status_answer
from api_service.schemas.queue import QueueOrder, QueueOrderAnswer, queue_shares_answer
from api_service.storage.holds import NAMED_DIGITS
from shared.errors import InvalidBodyError, SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from aiohttp import web

    from api_service.storage.holds import QueuedSession

MOST_NAMED = 20
"""Sessions, and clients, that are shown of those that wait."""

log = structlog.get_logger(__name__)


async def get_worker_status(request: web.Request) -> web.Response:
    """Answer `GET /worker/status`: the operator is told on which machines the daemons run."""
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
    """Answer `POST /worker/queue/hold`: nothing more of these lists is looked up."""
    return await _order(request, request.app[STORAGE].holds.hold, "session_held")


async def release_queued(request: web.Request) -> web.Response:
    """Answer `POST /worker/queue/release`: they are looked up as if they had come now."""
    return await _order(request, request.app[STORAGE].holds.release, "session_released")


async def delete_queued(request: web.Request) -> web.Response:
    """Answer `POST /worker/queue/delete`: they are gone, as if their users had deleted them."""
    delete = request.app[STORAGE].sessions.delete
    return await _order(request, delete, "session_deleted_by_operator")


async def _order(
    request: web.Request, execute: Callable[[UUID], Awaitable[object]], event: str
) -> web.Response:
    """Execute an order for each list that it is for, and log that without the list's whole id."""
    sessions = await _addressed_sessions(request)
    for session in sessions:
        await execute(session.id)
        log.info(event, session_id=str(session.id)[:NAMED_DIGITS], client=session.client)
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def _addressed_sessions(request: web.Request) -> list[QueuedSession]:
    """Return the lists that an order of the operator's is for.

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
