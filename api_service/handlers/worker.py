"""The fleet over HTTP: what it does, and holding or releasing it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import structlog

from api_service.context import SETTINGS, STORAGE, json_response
from api_service.fleet_answers import WorkerStatusAnswer, worker_status_answer
from shared.errors import AdminTokenError, AdminTokenUnsetError

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger(__name__)


async def get_worker_status(request: web.Request) -> web.Response:
    """`GET /worker/status`."""
    return json_response(await _status(request), Cache_Control="no-store")


async def pause(request: web.Request) -> web.Response:
    """`POST /worker/pause`: hold the whole fleet."""
    _check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=True)
    log.info("fleet_paused")
    return json_response(await _status(request))


async def resume(request: web.Request) -> web.Response:
    """`POST /worker/resume`: release it."""
    _check_admin(request)
    await request.app[STORAGE].fleet.set_paused(paused=False)
    log.info("fleet_resumed")
    return json_response(await _status(request))


async def _status(request: web.Request) -> WorkerStatusAnswer:
    settings = request.app[SETTINGS]
    storage = request.app[STORAGE].fleet
    return worker_status_answer(
        await storage.get(settings.tmdb_rate_period),
        await storage.workers(),
        limit=settings.tmdb_rate_limit,
        period=settings.tmdb_rate_period,
    )


def _check_admin(request: web.Request) -> None:
    token = request.app[SETTINGS].admin_token
    if token is None:
        raise AdminTokenUnsetError("Set ADMIN_TOKEN for the API to switch it on.")
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {token.get_secret_value()}"
    # aiohttp keeps header bytes that are not UTF-8 as surrogates.
    if not hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode()):
        raise AdminTokenError("Send `Authorization: Bearer` with the ADMIN_TOKEN of the API.")
