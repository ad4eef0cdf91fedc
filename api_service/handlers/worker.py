"""The fleet over HTTP: what it does, for whom, and holding or releasing it or somebody's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from api_service.context import SETTINGS, STORAGE, json_response
from api_service.http.admin_token import check_admin, is_admin
from api_service.limits.body_pace import SMALL_BODY_SECONDS, body_pace
from api_service.schemas.fleet import WorkerStatusAnswer, worker_status_answer
from api_service.schemas.queue import QueueOrder, QueueOrderAnswer, queue_shares_answer
from api_service.storage.holds import NAMED_DIGITS
from shared.errors import InvalidBodyError, SessionNotFoundError

if TYPE_CHECKING:
    from aiohttp import web

    from api_service.storage.holds import QueuedSession

MOST_NAMED = 20
"""Sessions, and clients, that are shown of those that wait."""

log = structlog.get_logger(__name__)


async def get_worker_status(request: web.Request) -> web.Response:
    """`GET /worker/status`: the operator is told on which machines the daemons run."""
    names_hosts = await is_admin(request)
    return json_response(await _status(request, names_hosts=names_hosts))


async def pause(request: web.Request) -> web.Response:
    """`POST /worker/pause`: hold the whole fleet."""
    await check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=True)
    log.info("fleet_paused")
    return json_response(await _status(request))


async def resume(request: web.Request) -> web.Response:
    """`POST /worker/resume`: release it."""
    await check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=False)
    log.info("fleet_resumed")
    return json_response(await _status(request))


async def get_queue(request: web.Request) -> web.Response:
    """`GET /worker/queue`: who fills the queue."""
    await check_admin(request)
    holds = request.app[STORAGE].holds
    answer = queue_shares_answer(await holds.sessions(MOST_NAMED), await holds.clients(MOST_NAMED))
    return json_response(answer, Cache_Control="no-store")


async def hold_queued(request: web.Request) -> web.Response:
    """`POST /worker/queue/hold`: nothing more of these lists is looked up."""
    sessions = await _ordered(request)
    for session in sessions:
        await request.app[STORAGE].holds.hold(session.id)
        log.info("session_held", **_named(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def release_queued(request: web.Request) -> web.Response:
    """`POST /worker/queue/release`: they are looked up as if they had come now."""
    sessions = await _ordered(request)
    for session in sessions:
        await request.app[STORAGE].holds.release(session.id)
        log.info("session_released", **_named(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def delete_queued(request: web.Request) -> web.Response:
    """`POST /worker/queue/delete`: they are gone, as if their users had deleted them."""
    sessions = await _ordered(request)
    for session in sessions:
        await request.app[STORAGE].sessions.delete(session.id)
        log.info("session_deleted_on_order", **_named(session))
    return json_response(QueueOrderAnswer(sessions=len(sessions)))


async def _ordered(request: web.Request) -> list[QueuedSession]:
    """The lists that an order of the operator's is for.

    Raises:
        InvalidBodyError: it names neither one list nor one client.
        SessionNotFoundError: nothing of that name waits.
    """
    await check_admin(request)
    async with body_pace(0, SMALL_BODY_SECONDS):
        body = await request.read()
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


def _named(session: QueuedSession) -> dict[str, str | None]:
    """What the log has of a session: not the id by which it can be read."""
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
