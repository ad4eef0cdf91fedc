"""Revisions over a database at work: nobody waits for an index, and for a lock only so long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from shared.postgres.database import SCHEMA_REVISION
from tests.support.driving import until
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

NAME = "migrations_at_work"
WAITING = """
    select exists (
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query ilike $1
    )
"""
INSERT = "insert into lookups (key, due_at, turn) values ($1, clock_timestamp(), 1)"
DEFINITION = "select indexdef from pg_indexes where indexname = 'lookups_answered'"
VALID = "select indisvalid from pg_index where indexrelid = 'lookups_answered'::regclass"


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database with nothing in it."""
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"create database {NAME} template template0")
    yield postgres.dsn(NAME)
    await admin.execute(f"drop database {NAME} with (force)")
    await admin.close()


@asynccontextmanager
async def connections(dsn: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Two services' connections."""
    two = (await asyncpg.connect(dsn), await asyncpg.connect(dsn))
    yield two
    for connection in two:
        await connection.close()


async def test_index_is_built_while_others_write(empty: str) -> None:
    assert (await alembic(empty, "upgrade", "0001")).returncode == 0
    async with connections(empty) as (long, short):
        held = long.transaction()
        await held.start()
        await long.execute(INSERT, "title:long|1999")
        upgrade = asyncio.create_task(alembic(empty, "upgrade", "0002"))
        await until(lambda: short.fetchval(WAITING, "%create index%"))
        await short.execute("set lock_timeout = '1s'")
        await short.execute(INSERT, "title:short|1999")
        await held.commit()
        done = await upgrade
        assert done.returncode == 0, done.stderr
        assert await short.fetchval(VALID)


async def test_index_that_an_earlier_try_left_is_built_anew(empty: str) -> None:
    assert (await alembic(empty, "upgrade", "0001")).returncode == 0
    async with connections(empty) as (connection, _):
        await connection.execute("create index lookups_answered on lookups (id)")
        done = await alembic(empty, "upgrade", "0002")
        assert done.returncode == 0, done.stderr
        assert "(answered_at) WHERE" in await connection.fetchval(DEFINITION)


@pytest.mark.parametrize(
    ("before", "table", "statement"),
    [
        ("0002", "catalogue", "%alter table%"),
        ("0005", "queue_clock", "%alter table%"),
        ("0009", "queue_clock", "%lock table%"),
    ],
)
async def test_revision_waits_for_a_table_in_use_only_so_long(
    empty: str, before: str, table: str, statement: str
) -> None:
    assert (await alembic(empty, "upgrade", before)).returncode == 0
    async with connections(empty) as (long, short):
        held = long.transaction()
        await held.start()
        await long.execute(f"select from {table}")
        upgrade = asyncio.create_task(alembic(empty, "upgrade", "head"))
        await until(lambda: short.fetchval(WAITING, statement))
        await short.fetch(f"select from {table}")  # behind the revision, until it gives way
        assert not upgrade.done(), "it tries again"
        await held.commit()
        done = await upgrade
        assert done.returncode == 0, done.stderr
        assert "A table is in use, trying again" in done.stderr
        version = await short.fetchval("select version_num from alembic_version")
        assert version == SCHEMA_REVISION
