"""Enrichment workers of this process, with options that keep tests short."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.stack import STAND_IN_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.postgres.database import Database

QUICK = WorkerOptions(
    request_limit=RequestLimit(limit=500, period=1.0, margin=0.2),
    first_backoff=0.02,
    longest_backoff=0.1,
    first_probe=0.05,
    longest_probe=0.2,
    chore=60.0,  # a chore that a busy machine cuts short is begun again, and reports nothing
    index_votes=0,  # so that what a film costs does not depend on those before it
)


@asynccontextmanager
async def open_worker(
    database: Database,
    base_url: str,
    options: WorkerOptions = QUICK,
    *,
    timeout_seconds: float = 2.0,
    api_key: str = STAND_IN_KEY,
) -> AsyncIterator[EnrichmentWorker]:
    """Make a worker, not started; stop it at the end."""
    async with TMDBClient(
        base_url=base_url, api_key=SecretStr(api_key), timeout_seconds=timeout_seconds
    ) as client:
        worker = EnrichmentWorker(client, StorageService(database), options)
        try:
            yield worker
        finally:
            await worker.stop_scheduler()
