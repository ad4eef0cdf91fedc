"""What the daemon's tests share: lists as an upload leaves them, workers, and waiting."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from enrich_service.storage import StorageService
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.faults import FAULT_RULES
from shared.postgres.database import Database
from tests.support.databases import execute
from tests.support.session_rows import Lists
from tests.support.workers import QUICK, open_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from local_stack.postgres import EmbeddedPostgres
    from shared.settings import Settings
    from tests.support.stand_in import RunningStandIn


@pytest.fixture
def lists(database: Database) -> Lists:
    """Sessions of the test's database."""
    return Lists(database)


@pytest.fixture
def storage(database: Database) -> StorageService:
    """The daemon's storage over the test's database."""
    return StorageService(database)


@pytest.fixture
def break_tmdb(tmdb: RunningStandIn) -> Callable[..., None]:
    """Replaces the stand-in's faults by these rules, written as in its control plane."""

    def replace_faults(*rules: dict[str, Any]) -> None:
        tmdb.state.faults.replace(FAULT_RULES.validate_python(list(rules)))

    return replace_faults


@pytest.fixture
async def make_worker(
    settings: Settings, tmdb: RunningStandIn
) -> AsyncIterator[Callable[..., Awaitable[EnrichmentWorker]]]:
    """Makes workers that do not make a test wait, each with a pool of its own, not started."""
    async with AsyncExitStack() as stack:

        async def make(
            *,
            timeout_seconds: float = 2.0,
            api_key: str = STAND_IN_KEY,
            base_url: str = tmdb.url,
            **options: Any,  # noqa: ANN401  # an option's value
        ) -> EnrichmentWorker:
            database = await stack.enter_async_context(
                Database(settings, application_name="tests-worker")
            )
            changed = replace(QUICK, **options)
            return await stack.enter_async_context(
                open_worker(
                    database, base_url, changed, timeout_seconds=timeout_seconds, api_key=api_key
                )
            )

        yield make


@pytest.fixture
def postgres_admin(postgres: EmbeddedPostgres) -> Callable[[str], Awaitable[None]]:
    """Runs one statement from outside the test's database."""
    return lambda statement: execute(postgres.dsn(), statement)


@pytest.fixture
async def hold(dsn: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Opens a snapshot that stays open, as a dump's does."""
    connection = await asyncpg.connect(dsn)

    async def begin() -> None:
        await connection.execute("begin isolation level repeatable read")
        await connection.fetchval("select count(*) from fleet")

    yield begin
    await connection.close()
