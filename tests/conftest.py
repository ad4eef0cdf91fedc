"""What all tests share: a real PostgreSQL, a fresh database for each test, and a real stand-in."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import hypothesis
import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api_service.app import create_app as create_api
from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from enrich_service.storage.window import RequestLimit
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from local_stack.stack import LIFTED, STAND_IN_KEY
from local_stack.tmdb.app import create_app as create_stand_in
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.state import STAND_IN, StandIn
from shared.postgres.database import Database
from shared.settings import Settings
from tests.support.described import hold_to_document
from tests.support.driving import ADMIN_TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

# How long an example takes on a machine that others share says nothing of what it shows.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

PAID_TWICE = "films paid for twice"
"""A property of tests that bring trouble."""
TEMPLATE = "template_of_tests"
ROOM_BYTES = 2 * 1024**3
_numbers = itertools.count(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many films each test paid for twice."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
    ]
    noted = [
        (report.nodeid, films)
        for report in reports
        for name, films in report.user_properties
        if name == PAID_TWICE
    ]
    if noted:
        terminalreporter.section(PAID_TWICE)
        for test, films in noted:
            terminalreporter.line(f"{films:4}  {test}")


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """One server for the whole run; its data is not worth an fsync.

    `PG_BIN` names the folder of another version's binaries, /usr/lib/postgresql/15/bin say.
    """
    folder = Path(tempfile.mkdtemp(prefix="projectionist-tests-", dir=_memory()))
    async with EmbeddedPostgres(
        folder / "postgres",
        durable=False,
        settings={"max_connections": "300"},
        programs=Path(named) if (named := os.environ.get("PG_BIN")) else None,
    ) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def _memory() -> str | None:
    """A file system in memory with room enough, or None: a database a test is many small files."""
    shared_memory = Path("/dev/shm")  # noqa: S108  # the folder made in it is ours alone
    if not shared_memory.is_dir() or shutil.disk_usage(shared_memory).free < ROOM_BYTES:
        return None
    return str(shared_memory)


@pytest.fixture(scope="session")
async def template(postgres: EmbeddedPostgres) -> str:
    """A migrated database that nobody uses; it must never be vacuumed (see `dsn`)."""
    await run_on(postgres.dsn(), f"create database {TEMPLATE}")
    await migrate(postgres.dsn(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A fresh database.

    Vacuuming an empty table tells the planner that it has no pages, and then each foreign-key
    check of a session that has cached the plan is a sequential scan; hence no vacuum in templates.
    """
    name = f"test_{next(_numbers)}"
    await run_on(postgres.dsn(), f"create database {name} template {template} strategy file_copy")
    yield postgres.dsn(name)
    await run_on(postgres.dsn(), f"drop database {name} with (force)")


async def run_on(dsn: str, statement: str) -> None:
    """Run one statement outside any transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def settings(dsn: str) -> Settings:
    """The project's own settings over the test's database."""
    return Settings(_env_file=None, database_url=dsn, tmdb_api_key=STAND_IN_KEY)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The test's database, as a service opens it."""
    async with Database(settings, application_name="tests") as opened:
        yield opened


@pytest.fixture(scope="session")
def bundled_catalogue() -> Catalogue:
    """The stand-in's own films."""
    return Catalogue(load_films())


@dataclass(frozen=True, slots=True)
class RunningStandIn:
    """The stand-in TMDB on a port of this process, over real HTTP, and what it remembers."""

    url: str
    state: StandIn


@pytest.fixture
async def tmdb(bundled_catalogue: Catalogue) -> AsyncIterator[RunningStandIn]:
    """A stand-in that lets a thousand requests a second pass, so that no test waits for budget."""
    app = create_stand_in(bundled_catalogue, StandInOptions(limit=1000, period=1.0))
    server = TestServer(app)
    await server.start_server()
    yield RunningStandIn(str(server.make_url("")).rstrip("/"), app[STAND_IN])
    await server.close()


QUICK = WorkerOptions(
    request_limit=RequestLimit(limit=500, period=1.0, margin=0.2),
    first_backoff=0.05,
    longest_backoff=0.2,
    verdict=0.05,
    first_probe=0.1,
    longest_probe=0.5,
    index_votes=0,  # so that what a film costs does not depend on those before it
)
"""Options of a worker that does not make a test wait."""


@pytest.fixture
async def worker(database: Database, tmdb: RunningStandIn) -> AsyncIterator[EnrichmentWorker]:
    """A worker of this process, not started."""
    async with TMDBClient(
        base_url=tmdb.url, api_key=SecretStr(STAND_IN_KEY), timeout_seconds=2.0
    ) as client:
        made = EnrichmentWorker(client, StorageService(database), QUICK)
        yield made
        await made.stop_scheduler()


@pytest.fixture
async def api(
    settings: Settings, tmdb: RunningStandIn
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """The API on a port of this process, over real HTTP."""
    changed = settings.model_copy(
        update={
            **{name.lower(): int(value) for name, value in LIFTED.items()},
            "admin_token": SecretStr(ADMIN_TOKEN),
            "tmdb_image_base_url": f"{tmdb.url}/t/p",
        }
    )
    server = TestServer(create_api(changed))
    async with TestClient(server, middlewares=(hold_to_document,)) as client:
        yield client
