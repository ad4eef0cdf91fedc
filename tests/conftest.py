"""What all tests share: a PostgreSQL server, a database for each test, and TMDB's stand-in."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from shared.postgres.database import Database
from shared.settings import Settings
from tests.support.api_client import serve
from tests.support.databases import execute
from tests.support.stand_in import RunningStandIn, running_stand_in
from tests.support.workers import open_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from enrich_service.worker import EnrichmentWorker
    from tests.support.api_client import Client

# How long an example takes on a machine that others share says nothing of what it shows.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=40)
hypothesis.settings.register_profile("long", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

TEMPLATE = "template_of_tests"
ROOM_BYTES = 2 * 1024**3
_numbers = itertools.count(1)


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
    await execute(postgres.dsn(), f"create database {TEMPLATE}")
    await migrate(postgres.dsn(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A fresh database.

    Vacuuming an empty table tells the planner that it has no pages, and then each foreign-key
    check of a session that has cached the plan is a sequential scan; hence no vacuum in templates.
    """
    name = f"test_{next(_numbers)}"
    await execute(postgres.dsn(), f"create database {name} template {template} strategy file_copy")
    yield postgres.dsn(name)
    await execute(postgres.dsn(), f"drop database {name} with (force)")


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


@pytest.fixture
async def tmdb(bundled_catalogue: Catalogue) -> AsyncIterator[RunningStandIn]:
    """TMDB's stand-in, for one test."""
    async with running_stand_in(bundled_catalogue) as running:
        yield running


@pytest.fixture
async def worker(database: Database, tmdb: RunningStandIn) -> AsyncIterator[EnrichmentWorker]:
    """A worker of this process, not started."""
    async with open_worker(database, tmdb.url) as made:
        yield made


@pytest.fixture
async def api(settings: Settings, tmdb: RunningStandIn) -> AsyncIterator[Client]:
    """The API on a port of this process, with parser processes of its own."""
    async with serve(settings, tmdb_image_base_url=f"{tmdb.url}/t/p") as client:
        yield client
