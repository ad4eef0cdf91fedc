"""Whoever holds vacuum back is told to Prometheus, whatever it is and whoever it belongs to."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from pydantic import SecretStr

from api_service.storage.snapshots import SnapshotStorage
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import ROOT, free_port
from shared import metrics
from shared.postgres.database import Database
from shared.settings import Settings
from tests.conftest import run_on
from tests.support.api_driving import Service, serve
from tests.support.driving import until
from tests.support.exposition import scrape
from tests.support.roles import create_shared_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api_driving import LastingParsers

OLDEST = "projectionist_database_oldest_snapshot_seconds"
SNAPSHOT = "begin isolation level repeatable read; select count(*) from pg_class"
FOLLOW = "select pg_current_xact_id()"
SLOT = "standby"
WHO = (ROOT / "deploy" / "postgres" / "held_snapshots.sql").read_text("utf-8")


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "RESTS", 0.0)


@asynccontextmanager
async def held(
    dsn: str, *statements: str, followed_on: str | None = None
) -> AsyncIterator[asyncpg.Connection]:
    """A connection that has run these statements; a transaction follows, here or on a primary."""
    holder = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await holder.execute(statement)
        await run_on(followed_on or dsn, FOLLOW)
        yield holder
    finally:
        await holder.close()


async def oldest(service: Service) -> float:
    return (await scrape(service.client, "/metrics")).value(OLDEST)


async def test_open_snapshot_grows_older_until_it_ends(service: Service, dsn: str) -> None:
    async with held(dsn, SNAPSHOT):
        await until(lambda: _is_more(service, 0.0))
        first = await oldest(service)
        await until(lambda: _is_more(service, first))
    await until(lambda: _is_none(service))


async def test_runbooks_query_names_the_holder_and_what_ends_it(
    database: Database, dsn: str
) -> None:
    async with held(dsn, "set application_name = 'a report'", SNAPSHOT) as report:
        first, *_ = await database.fetch(WHO)
        assert "a report, idle in transaction, begin" in first["holder"]
        await run_on(dsn, first["to_end_it"])
        await until(report.is_closed)


async def test_open_writing_transaction_is_told(service: Service, dsn: str) -> None:
    async with held(dsn, "begin", FOLLOW):
        await until(lambda: _is_more(service, 0.0))


async def test_open_transaction_without_snapshot_holds_nothing(
    database: Database, dsn: str
) -> None:
    async with held(dsn, "begin", "select count(*) from pg_class") as idle:
        assert idle.is_in_transaction()
        await until(lambda: _holds_nothing(database))


async def test_snapshot_in_another_database_holds_nothing_here(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    async with held(postgres.dsn(), SNAPSHOT):
        await until(lambda: _holds_nothing(database))


async def test_vacuum_at_work_is_not_told(database: Database, dsn: str) -> None:
    await run_on(dsn, "create table pages as select repeat('x', 999) from generate_series(1, 9999)")
    vacuum = await asyncpg.connect(dsn)
    await vacuum.execute("set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
    at_work = asyncio.create_task(vacuum.execute("vacuum pages"))
    await until(lambda: database.fetchval("select pid from pg_stat_progress_vacuum"))
    await run_on(dsn, FOLLOW)
    sees_it = "select backend_xmin from pg_stat_activity where pid = $1 and age(backend_xmin) > 0"
    assert await database.fetchval(sees_it, vacuum.get_server_pid())
    await until(lambda: _holds_nothing(database))
    assert not at_work.done()
    vacuum.terminate()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await at_work


async def test_age_of_a_younger_snapshot_outlives_the_older(service: Service, dsn: str) -> None:
    async with held(dsn, SNAPSHOT) as older, held(dsn, SNAPSHOT):
        await until(lambda: _is_more(service, 0.0))
        age = await oldest(service)
        await older.close()
        assert await oldest(service) > age


async def test_snapshot_of_another_role_is_told_without_more_rights(
    postgres: EmbeddedPostgres, parsers: LastingParsers
) -> None:
    shared = await create_shared_database(postgres)
    settings = Settings(_env_file=None, database_url=SecretStr(shared.api))
    async with serve(settings, parsers) as client:
        service = Service(client, Database(settings, application_name="never used"))
        async with held(shared.superuser, SNAPSHOT):
            await until(lambda: _is_more(service, 0.0))
        await until(lambda: _is_none(service))
    await run_on(postgres.dsn(), f"drop database {shared.name} with (force)")


@pytest.fixture
async def primary() -> AsyncIterator[EmbeddedPostgres]:
    """A server that standbys may follow and whose transactions may be prepared."""
    folder = Path(tempfile.mkdtemp(prefix="projectionist-held-"))
    async with EmbeddedPostgres(
        folder / "primary",
        durable=False,
        settings={"max_prepared_transactions": "2"},
        port=free_port(),
    ) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def opened(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """The server's database, as a service opens it."""
    settings = Settings(_env_file=None, database_url=SecretStr(server.dsn()))
    async with Database(settings, application_name="tests") as database:
        yield database


async def test_prepared_transaction_is_told_until_it_is_rolled_back(
    primary: EmbeddedPostgres,
) -> None:
    async with opened(primary) as database:
        async with held(primary.dsn(), "begin", FOLLOW, "prepare transaction 'forgotten'"):
            pass
        assert await SnapshotStorage(database).held()
        (forgotten,) = await database.fetch(WHO)
        await run_on(primary.dsn(), forgotten["to_end_it"])
        await until(lambda: _holds_nothing(database))


@pytest.mark.parametrize("slot", ["", SLOT])
async def test_feedback_of_a_standby_is_told(primary: EmbeddedPostgres, slot: str) -> None:
    if slot:
        await run_on(primary.dsn(), f"select pg_create_physical_replication_slot('{slot}')")
    feedback = {
        "hot_standby_feedback": "on",
        "wal_receiver_status_interval": "1",
        "primary_slot_name": slot,
    }
    standby = EmbeddedPostgres(
        primary.data.with_name("standby"),
        durable=False,
        settings=feedback | {"max_prepared_transactions": "2"},
        port=free_port(),
        follows=primary,
    )
    snapshot = held(standby.dsn(), SNAPSHOT, followed_on=primary.dsn())
    async with opened(primary) as database, standby, snapshot:
        await until(SnapshotStorage(database).held)
        holders = [row["holder"] for row in await database.fetch(WHO)]
        assert [
            one
            for one in holders
            if one.startswith("standby, a replication slot" if slot else "postgres, standby")
        ]


async def _is_more(service: Service, seconds: float) -> bool:
    return await oldest(service) > seconds


async def _is_none(service: Service) -> bool:
    return await oldest(service) == 0


async def _holds_nothing(database: Database) -> bool:
    return await SnapshotStorage(database).held() == frozenset()
