"""The fleet over HTTP: what it does, and holding or releasing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from api_service.admin_token import check_admin, is_admin
from api_service.context import SETTINGS, STORAGE, json_response
from api_service.fleet_answers import WorkerStatusAnswer, worker_status_answer

if TYPE_CHECKING:
    from aiohttp import web

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
