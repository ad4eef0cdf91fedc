"""Upgrades with data and with services at work: nothing is lost, and nobody notices.

The first schema's rows are in first_schema.sql, in its own SQL. Whoever adds a revision changes
nothing here, unless it takes away a column of the first schema, which then belongs into `GONE`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.conftest import run_on
from tests.support.driving import create_database, plain_films, running, until
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

    Row = tuple[object, ...]

FIRST = "0001"
GONE: frozenset[tuple[str, str]] = frozenset(
    {
        ("queue_clock", "*"),
        ("request_window", "slots"),
        ("request_window", "granted"),
        ("sessions", "total"),
        ("sessions", "enriched"),
        ("sessions", "not_found"),
        ("sessions", "failed"),
        ("sessions", "status"),
    }
)
"""Tables and columns of the first schema that a later revision takes away on purpose."""
FIRST_ROWS = Path(__file__).with_name("first_schema.sql")
SESSION = "aaaaaaaa-0000-4000-8000-000000000001"
TABLES = "select table_name from information_schema.tables where table_schema = 'public'"
COLUMNS = """
    select table_name, column_name
    from information_schema.columns
    where table_schema = 'public' and table_name <> 'alembic_version'
    order by table_name, ordinal_position
"""


@pytest.fixture
async def first(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database at the first schema with rows in every table."""
    dsn = await create_database(postgres)
    done = await alembic(dsn, "upgrade", FIRST)
    assert done.returncode == 0, done.stderr
    await run_on(dsn, FIRST_ROWS.read_text("utf-8"))
    yield dsn
    await run_on(postgres.dsn(), f"drop database {dsn.partition('?')[0].rpartition('/')[2]}")


async def readings(dsn: str) -> dict[str, str]:
    """For each table, the statement that reads all that it has at this moment, column by column."""
    connection = await asyncpg.connect(dsn)
    columns: dict[str, list[str]] = {}
    for table, column in await connection.fetch(COLUMNS):
        if not GONE & {(table, column), (table, "*")}:
            columns.setdefault(table, []).append(f"{column}::text")
    await connection.close()
    return {
        table: f"select {', '.join(names)} from {table}"  # noqa: S608  # PostgreSQL's own names
        for table, names in columns.items()
    }


async def contents(dsn: str, reading: dict[str, str]) -> dict[str, list[Row]]:
    """Every row as text, sorted, because a revision may write a table anew."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table: sorted((tuple(row) for row in await connection.fetch(statement)), key=repr)
            for table, statement in reading.items()
        }
    finally:
        await connection.close()


async def at_work(dsn: str, reading: dict[str, str], end: asyncio.Event) -> int:
    """An old service's connection, which keeps its plans, at work meanwhile; how many rounds."""
    connection = await asyncpg.connect(dsn)
    rounds = 0
    try:
        while not end.is_set() or rounds == 0:
            for statement in reading.values():
                assert await connection.fetch(statement)
            await connection.execute("update fleet set paused_since = paused_since")
            rounds += 1
    finally:
        await connection.close()
    return rounds


@pytest.mark.long
async def test_an_upgrade_keeps_all_data_of_the_first_schema_and_a_downgrade_too(
    first: str, tmp_path: Path
) -> None:
    reading = await readings(first)
    before = await contents(first, reading)
    assert len(before) >= 11
    assert [table for table, rows in before.items() if not rows] == []

    end = asyncio.Event()
    old_service = asyncio.create_task(at_work(first, reading, end))
    upgraded = await alembic(first, "upgrade", "head")
    end.set()
    assert upgraded.returncode == 0, upgraded.stderr
    assert await old_service > 1, "the old service worked before, while and after"
    assert await contents(first, reading) == before

    async with running(first, tmp_path) as driver:
        driver.sessions.add(SESSION)
        status = await driver.completed(SESSION)
        assert (status["enriched_count"], status["not_found_count"]) == (3, 1)
        movies = await driver.movies(SESSION)
        assert {movie["rating"] for movie in movies} == {4.5}
        assert movies[0]["directors"] == ["Lana Wachowski"]
        await driver.upload(plain_films(5))
        for session_id in list(driver.sessions):
            await driver.completed(session_id)
        await driver.audit()

    after = await contents(first, reading)
    assert len(after["movies"]) == 9
    for revision in (FIRST, "head"):
        direction = "downgrade" if revision == FIRST else "upgrade"
        moved = await alembic(first, direction, revision)
        assert moved.returncode == 0, moved.stderr
        assert await contents(first, reading) == after, direction


@pytest.mark.long
async def test_services_at_work_do_not_notice_an_upgrade_to_a_coming_release(
    dsn: str, tmp_path: Path
) -> None:
    """The coming release adds a column to every table, as a revision may."""
    async with running(dsn, tmp_path) as driver:
        films = plain_films(120)
        session_id = await driver.upload(films[:60])
        await driver.ended(session_id, 5)
        for row in await driver.fetch(TABLES):
            await run_on(dsn, f"alter table {row[0]} add coming_release text default 'new'")
        await run_on(dsn, "update alembic_version set version_num = '9999'")
        second = await driver.upload(films[60:])
        for session in (session_id, second):
            assert (await driver.completed(session))["enriched_count"] == 60
        await driver.audit()
        for program in (driver.stack.api, *driver.stack.workers):
            await program.wait_until_ready()
        assert driver.events("not_ready") == driver.events("not_ready", "api.log") == []
        names = ("chore_failed", "dispatch_failed", "heartbeat_failed", "lookup_crashed")
        failures = [event for name in names for event in driver.events(name)]
        # What is late on a busy machine is tried again; what a new column breaks is not late.
        assert [event for event in failures if "TimeoutError" not in str(event)] == []
        assert driver.events("request_failed", "api.log") == []
        # A daemon of this release that starts now is at work too: it is how one is rolled back.
        await driver.stack.add_daemon()
        await until(lambda: len(driver.events("worker_started")) == 2)
