"""The daemon put together: TMDB client, storage, worker, probes, metrics, from start to SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from enrich_service.metrics import Metrics
from enrich_service.options import options_from
from enrich_service.storage import StorageService
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from shared.http.listening import cannot_listen
from shared.http.probes import Probes, wait_for_schema
from shared.http.response_headers import tell_common_headers
from shared.http.unreadable_requests import (
    LONGEST_ADDRESS,
    LONGEST_HEADER,
    answer_unreadable_requests,
)
from shared.logging.redaction import Redactor
from shared.postgres.database import Database
from shared.settings import SettingsError
from shared.tracing.spans import Tracing

if TYPE_CHECKING:
    from shared.settings import Settings

PROBE_SHUTDOWN_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def run_daemon(settings: Settings) -> None:
    """Run the daemon until SIGTERM or SIGINT, then drain.

    Raises:
        SettingsError: there is no TMDB key, or the probes' port is taken.
    """
    if settings.tmdb_api_key is None:
        raise SettingsError("Wrong settings:\n  TMDB_API_KEY: the daemon cannot work without it")
    options = options_from(settings)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(settings, application_name="projectionist-enrich")
        )
        metrics = await stack.enter_async_context(Metrics())
        tracing = await stack.enter_async_context(
            Tracing(
                settings.otel_exporter_otlp_endpoint,
                "projectionist-enrich",
                Redactor(settings).text,
            )
        )
        client = await stack.enter_async_context(
            TMDBClient(
                base_url=settings.tmdb_base_url,
                api_key=settings.tmdb_api_key,
                language=settings.tmdb_language,
                connections=options.connections,
                note=metrics.note_request,
            )
        )
        worker = EnrichmentWorker(client, StorageService(database), options, metrics, tracing)
        probes = Probes(database, lambda: _stalled(worker), lambda: _starting(worker))
        metrics.watch(database, worker.listener, probes)
        metrics.watch_worker(worker.get_status, options.concurrency)
        await _serve(settings, worker, probes, metrics, stack)
        await _work_until_signalled(worker, probes, database)


async def _work_until_signalled(
    worker: EnrichmentWorker, probes: Probes, database: Database
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    schema = asyncio.create_task(wait_for_schema(database))
    await asyncio.wait({stopped, schema}, return_when=asyncio.FIRST_COMPLETED)
    if not schema.done():
        schema.cancel()
        return
    schema.result()
    await worker.start_scheduler()
    broken = asyncio.create_task(worker.wait_until_stopped())
    await asyncio.wait({stopped, broken}, return_when=asyncio.FIRST_COMPLETED)
    probes.draining = True
    await worker.stop_scheduler()
    await broken
    stopped.cancel()


async def _serve(
    settings: Settings,
    worker: EnrichmentWorker,
    probes: Probes,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> None:
    """Serve the probes, the worker's own status and its metrics for as long as the stack lasts."""

    async def status(_: web.Request) -> web.Response:
        said = asdict(worker.get_status())
        for name in ("last_run", "next_run"):
            said[name] = said[name].isoformat() if said[name] else None
        return web.json_response(said)

    async def scraped(_: web.Request) -> web.Response:
        return await metrics.answer()

    answer_unreadable_requests()
    app = web.Application()
    app.on_response_prepare.append(tell_common_headers)
    probes.add_routes(app)
    app.router.add_get("/metrics", scraped)
    app.router.add_get("/worker/status", status)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=PROBE_SHUTDOWN_SECONDS,
        max_line_size=LONGEST_ADDRESS,
        max_field_size=LONGEST_HEADER,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, port = settings.worker_host, settings.worker_port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        said = cannot_listen(
            error, host, port, host_setting="WORKER_HOST", port_setting="WORKER_PORT"
        )
        raise SettingsError(said) from error
    log.info("probes_started", version=version("projectionist"), host=host, port=port)


def _starting(worker: EnrichmentWorker) -> str | None:
    # Until then the fleet, and whoever asks the API about it, does not know that this daemon works.
    return None if worker.is_registered else "the first heartbeat has not been stored yet"


def _stalled(worker: EnrichmentWorker) -> str | None:
    return "the tick is overdue" if worker.get_status().tick_overdue else None
