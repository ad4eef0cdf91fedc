"""What the API's tests share: services with fresh databases, one that only refuses, and waiting."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import asyncpg
import pytest

from enrich_service.storage import StorageService
from shared.models import Channel
from shared.postgres.database import Database
from shared.settings import Settings
from tests.support.api_answering import Daemon
from tests.support.api_driving import (
    LastingParsers,
    Notified,
    Service,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from tests.support.api_driving import Client


@pytest.fixture(scope="module")
async def parsers() -> AsyncIterator[LastingParsers]:
    """The parser processes of all tests of a module."""
    lasting = LastingParsers()
    await lasting.open()
    yield lasting
    await lasting.close()


@pytest.fixture
async def api(settings: Settings, parsers: LastingParsers) -> AsyncIterator[Client]:
    """The API over the test's database."""
    async with serve(settings, parsers) as client:
        yield client


@pytest.fixture
def service(api: Client, database: Database) -> Service:
    """The API over the test's database."""
    return Service(api, database)


@pytest.fixture
def daemon(database: Database) -> Daemon:
    """Ends lookups with the outcomes that the test wants."""
    return Daemon(StorageService(database))


@pytest.fixture
async def make_service(
    settings: Settings, database: Database, parsers: LastingParsers
) -> AsyncIterator[Callable[..., Awaitable[Service]]]:
    """Makes services with other settings over the test's database."""
    async with AsyncExitStack() as stack:

        async def make(**changes: object) -> Service:
            client = await stack.enter_async_context(serve(settings, parsers, **changes))
            return Service(client, database)

        yield make


@pytest.fixture
async def notified(dsn: str) -> AsyncIterator[Notified]:
    """Listens to the channels of the daemons and of the pages."""
    connection = await asyncpg.connect(dsn)
    listening = Notified(connection)
    for channel in ("settled", *Channel):
        await connection.add_listener(channel, listening.take)
    yield listening
    await connection.close()


@pytest.fixture(scope="session")
async def common_settings(postgres: EmbeddedPostgres, template: str) -> Settings:
    """Settings over one database for all tests that store nothing."""
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute(f"create database test_refusals template {template}")
    await connection.close()
    return Settings(_env_file=None, database_url=postgres.dsn("test_refusals"))


@pytest.fixture(scope="session")
async def common_database(common_settings: Settings) -> AsyncIterator[Database]:
    """The database of all tests that store nothing."""
    async with Database(common_settings, application_name="tests") as opened:
        yield opened


@pytest.fixture(scope="module")
async def common_service(
    common_settings: Settings, common_database: Database, parsers: LastingParsers
) -> AsyncIterator[Service]:
    """One service for all tests that store nothing."""
    async with serve(common_settings, parsers) as client:
        yield Service(client, common_database)


@pytest.fixture(scope="module")
async def common_small_service(
    common_settings: Settings, common_database: Database, parsers: LastingParsers
) -> AsyncIterator[Service]:
    """The same, taking 2,000 bytes and 50 films."""
    limits = {"upload_max_bytes": 2_000, "upload_max_movies": 50}
    async with serve(common_settings, parsers, **limits) as client:
        yield Service(client, common_database)


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """The folders of uploads that are being taken in by this test's requests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: list(tmp_path.glob("projectionist-upload-*"))


@pytest.fixture
async def refusing(
    common_service: Service, spooled: Callable[[], list[Path]]
) -> AsyncIterator[Service]:
    """A service that is to refuse: afterwards nothing may be stored, and nothing left on disk."""
    yield common_service
    stored = await common_service.stored()
    await common_service.clear()
    assert stored == {}
    assert spooled() == []


@pytest.fixture
async def small(refusing: Service, common_small_service: Service) -> Service:
    """A service that is to refuse, and takes 2,000 bytes and 50 films."""
    assert refusing.database is common_small_service.database
    return common_small_service
