"""The API's application: its middlewares and the resources that live as long as it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from api_service.context import (
    CLIENTS,
    CONNECTIONS,
    DOCUMENT,
    HUB,
    LIMITS,
    METRICS,
    PACER,
    PARSER,
    PROBES,
    ROOM,
    SETTINGS,
    STORAGE,
    SUMMARIES,
    TOTALS,
    TRACING,
    TURNS,
    WEB,
)
from api_service.eta import Pacer
from api_service.http.admission import count_refusals, identify_client, refuse_cross_site
from api_service.http.metrics_middleware import measured
from api_service.http.noindex import forbid_indexing
from api_service.http.problems import answer_expectations, complete_headers, problems, request_ids
from api_service.http.tracing_middleware import traced
from api_service.limits.body_pace import SMALL_BODY_BYTES
from api_service.limits.client_identity import Clients
from api_service.limits.client_limits import ClientLimits
from api_service.limits.connections import ConnectionLimits
from api_service.limits.process_limits import seldom_said
from api_service.metrics import Metrics
from api_service.openapi.document import document
from api_service.openapi.routes import ROUTES
from api_service.page_files import WebFiles
from api_service.storage import StorageService
from api_service.storage.held_snapshots import HeldSnapshots
from api_service.storage.summary_cache import SummaryCache
from api_service.streams.hub import Hub
from api_service.uploads.disk_budget import Room
from api_service.uploads.folders import remove_abandoned_folders
from api_service.uploads.keyed_locks import Turns
from api_service.uploads.parser_pool import ParserPool
from shared.http.probes import Probes
from shared.http.unreadable_requests import answer_unreadable_requests
from shared.logging.redaction import Redactor
from shared.postgres.database import Database
from shared.tracing.spans import Tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from api_service.storage.fleet import FleetRow
    from shared.settings import Settings

DATABASE_CONNECTIONS = 16
"""At most: six that store, four of heavy reads, two of exports, four for all who want little."""
SWEEP_SECONDS = 15.0
"""Between two looks for folders of uploads that have ended."""

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> web.Application:
    """Build the application; nothing is opened before it starts."""
    answer_unreadable_requests()
    middlewares = [measured, traced, request_ids, problems]
    middlewares += [count_refusals, identify_client, refuse_cross_site]
    app = web.Application(middlewares=middlewares, client_max_size=SMALL_BODY_BYTES)
    database = Database(
        settings, application_name="projectionist-api", max_size=DATABASE_CONNECTIONS
    )
    storage = StorageService(database)
    app[SETTINGS] = settings
    app[STORAGE] = storage
    app[PACER] = Pacer(storage, settings)
    app[HUB] = Hub(database, storage, app[PACER], settings)
    app[TRACING] = Tracing(
        settings.otel_exporter_otlp_endpoint, "projectionist-api", Redactor(settings).text
    )
    app[TURNS] = Turns()
    app[CLIENTS] = Clients(settings, storage.clients.key)
    app[ROOM] = Room(settings.upload_disk_bytes)
    app[LIMITS] = ClientLimits(settings)
    app[SUMMARIES] = SummaryCache(storage.heavy_reads.turn, storage.summaries.version)
    app[DOCUMENT] = document()
    app[PARSER] = ParserPool()
    app[WEB] = WebFiles(settings.tmdb_image_base_url, settings.sample_list)
    # A loop that stands still answers no probe at all, which is how that shows.
    app[PROBES] = probes = Probes(database, lambda: None)
    app[METRICS] = metrics = Metrics()
    app[CONNECTIONS] = ConnectionLimits(settings, app[CLIENTS], metrics.note_refused_connection)
    metrics.watch_connections(lambda: app[CONNECTIONS].open)
    app[TOTALS] = metrics.recent(storage.clients.totals)
    metrics.watch(database, app[HUB].listener, probes)
    metrics.watch_uploads(lambda: app[LIMITS].open_uploads.all)
    metrics.watch_room(app[ROOM])
    metrics.watch_reads(lambda: app[PARSER].waiting)
    metrics.watch_streams(lambda: app[HUB].open_streams)
    metrics.watch_fleet(lambda: _fleet(storage, settings), settings.tmdb_rate_limit)
    metrics.watch_snapshots(HeldSnapshots(storage.snapshots.held).oldest_age)

    async def resources(_: web.Application) -> AsyncIterator[None]:
        await _remove_abandoned()
        service = (app[TRACING], database, app[PARSER], app[HUB], app[SUMMARIES], metrics)
        async with AsyncExitStack() as exits:
            exits.enter_context(seldom_said())
            for part in (*service, _sweeping_folders()):
                await exits.enter_async_context(part)
            log.info(
                "api_started",
                version=version("projectionist"),
                host=settings.api_host,
                port=settings.api_port,
            )
            yield
        log.info("api_stopped")

    async def drain(_: web.Application) -> None:
        probes.draining = True
        app[HUB].end()  # aiohttp waits for what is being answered

    app.cleanup_ctx.append(resources)
    app.on_shutdown.append(drain)
    app.on_response_prepare.append(answer_expectations)
    app.on_response_prepare.append(complete_headers)
    app.on_response_prepare.append(forbid_indexing)
    for route in ROUTES:
        route.add_to(app)
    return app


@asynccontextmanager
async def _sweeping_folders() -> AsyncIterator[None]:
    """Try again now and then to remove folders that could not be removed when their uploads ended.

    No process can open a folder, to remove what is in it, while it may open no more files.
    """

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await _remove_abandoned()

    sweeping = asyncio.create_task(sweep())
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


async def _remove_abandoned() -> None:
    if removed := await asyncio.to_thread(remove_abandoned_folders):
        log.warning("abandoned_uploads_removed", folders=removed)


async def _fleet(storage: StorageService, settings: Settings) -> tuple[FleetRow, int]:
    """The fleet for a scrape, and how many daemons are alive."""
    fleet = await storage.fleet.get(settings.tmdb_rate_period)
    return fleet, len(await storage.fleet.workers())
