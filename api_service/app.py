"""The API's application: its routes, its middlewares and the resources that live as long as it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from api_service.context import PACER, PARSER, SETTINGS, STORAGE, TURNS, WEB
from api_service.handlers import exports, movies, pages, sessions, uploads, worker
from api_service.pacer import Pacer
from api_service.parser_pool import ParserPool
from api_service.problems import answer_expectations, problems, request_ids
from api_service.storage import StorageService
from api_service.turns import Turns
from api_service.upload_folders import remove_abandoned_folders
from api_service.web_files import WebFiles
from shared.database import Database
from shared.probes import Probes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.settings import Settings

PARSERS = 2
"""Processes that read lists: a large one must not keep a small one waiting."""

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> web.Application:
    """Build the application; nothing is opened before it starts."""
    app = web.Application(middlewares=[request_ids, problems])
    database = Database(settings, application_name="projectionist-api")
    storage = StorageService(database)
    app[SETTINGS] = settings
    app[STORAGE] = storage
    app[PACER] = Pacer(storage, settings)
    app[TURNS] = Turns()
    app[PARSER] = ParserPool(processes=PARSERS)
    app[WEB] = WebFiles(settings.tmdb_image_base_url)
    probes = Probes(database, lambda: None)

    async def resources(_: web.Application) -> AsyncIterator[None]:
        if removed := await asyncio.to_thread(remove_abandoned_folders):
            log.warning("abandoned_uploads_removed", folders=removed)
        async with database, app[PARSER]:
            log.info("api_started", host=settings.api_host, port=settings.api_port)
            yield
        log.info("api_stopped")

    async def drain(_: web.Application) -> None:
        probes.draining = True

    app.cleanup_ctx.append(resources)
    app.on_shutdown.append(drain)
    app.on_response_prepare.append(answer_expectations)
    _add_routes(app)
    probes.add_routes(app)
    return app


def _add_routes(app: web.Application) -> None:
    session = r"/api/session/{session_id}"
    movie = session + r"/movies/{position:[1-9]\d{0,8}}/match"
    app.router.add_post("/api/upload", uploads.upload)
    app.router.add_post(session + "/upload", uploads.add)
    app.router.add_get(session, sessions.get_status)
    app.router.add_delete(session, sessions.delete)
    app.router.add_get(session + "/status", sessions.get_status)
    app.router.add_get(session + "/report", sessions.get_report)
    app.router.add_post(session + "/enrich", sessions.force)
    app.router.add_get(session + "/movies", movies.get_movies)
    app.router.add_get(session + "/export", exports.get_export)
    app.router.add_put(movie, movies.put_match)
    app.router.add_delete(movie, movies.delete_match)
    app.router.add_get("/worker/status", worker.get_worker_status)
    app.router.add_post("/worker/pause", worker.pause)
    app.router.add_post("/worker/resume", worker.resume)
    app.router.add_get("/", pages.get_page)
    app.router.add_get("/session/{session_id}", pages.get_page)
    app.router.add_get("/worker", pages.get_page)
    app.router.add_get("/assets/{path:.+}", pages.get_asset)
