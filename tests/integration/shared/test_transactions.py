"""What transactions and statements rely on holds, whatever the database or the role has set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.errors import DatabaseBusyError, QueryTimeoutError, SchemaOutdatedError
from shared.postgres.database import Database

if TYPE_CHECKING:
    import asyncpg

    from shared.postgres.database import Connection
    from shared.settings import Settings

    Other = asyncpg.Connection[asyncpg.Record]

RELIED_ON = {
    "transaction_isolation": "read committed",
    "search_path": "public",
    "lock_timeout": "0",
    "statement_timeout": "55s",
    "idle_in_transaction_session_timeout": "10s",
    "log_parameter_max_length_on_error": "0",
    "jit": "off",
}
READ_ALL = """
    select array_agg(current_setting(name) order by number)
    from unnest($1::text[]) with ordinality as setting (name, number)
"""


@pytest.fixture
async def unlike_ours(other: Other) -> None:
    """A database whose defaults are meant for somebody else."""
    name = await other.fetchval("select current_database()")
    for setting, value in {
        "default_transaction_isolation": "serializable",
        "search_path": "nowhere",
        "lock_timeout": "1ms",
        "statement_timeout": "2s",
        "idle_in_transaction_session_timeout": "1s",
        "log_parameter_max_length_on_error": "-1",
        "jit": "on",
    }.items():
        await other.execute(f"alter database {name} set {setting} = '{value}'")


@pytest.mark.usefixtures("unlike_ours")
async def test_a_transaction_states_all_that_it_relies_on(database: Database) -> None:
    async def work(connection: Connection) -> list[str]:
        values: list[str] = await connection.fetchval(READ_ALL, list(RELIED_ON))
        return values

    assert await database.transact(work) == list(RELIED_ON.values())


@pytest.mark.usefixtures("unlike_ours")
@pytest.mark.parametrize("seconds", [None, 55.0])
async def test_a_single_statement_relies_on_the_same(
    database: Database, seconds: float | None
) -> None:
    values = await database.fetchval(READ_ALL, list(RELIED_ON), seconds=seconds)
    assert values == list(RELIED_ON.values())


async def test_a_transaction_that_fails_leaves_none_behind(settings: Settings) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("create table left_behind ()")
        raise ValueError("no more")

    async with Database(settings, application_name="one", max_size=1) as database:
        with pytest.raises(ValueError, match="no more"):
            await database.transact(work)
        assert await database.fetchval("select to_regclass('left_behind')") is None
        assert await database.fetchval("select pg_current_xact_id_if_assigned()") is None


async def test_a_statement_out_of_time_is_told_once(database: Database, other: Other) -> None:
    with pytest.raises(QueryTimeoutError) as caught:
        await database.fetchval("select pg_sleep(60)", seconds=0.05)
    assert (caught.value.code, caught.value.status) == ("query_timeout", 503)
    assert caught.value.retry_after is not None
    assert database.lost_at is None
    assert await _connections(other) == 1, "and over the same connection"


async def test_a_pool_at_work_is_busy_and_not_lost(settings: Settings, other: Other) -> None:
    async with Database(settings, application_name="tests", max_size=2) as database:
        begun, release = asyncio.Semaphore(0), asyncio.Event()

        async def work(connection: Connection) -> int:
            pid: int = await connection.fetchval("select pg_backend_pid()")
            begun.release()
            await release.wait()
            return pid

        holding = [asyncio.create_task(database.transact(work)) for _ in range(2)]
        for _ in holding:
            await begun.acquire()
        with pytest.raises(DatabaseBusyError) as caught:
            await database.fetchval("select 1")
        assert (caught.value.code, caught.value.status) == ("database_busy", 503)
        assert caught.value.retry_after is not None
        assert database.lost_at is None
        assert await _connections(other) == 2
        release.set()
        pids = set(await asyncio.gather(*holding))
        assert await database.fetchval("select pg_backend_pid()") in pids, "none was expired"


async def test_a_table_altered_meanwhile_is_read_anew(database: Database, other: Other) -> None:
    await other.execute("create table notes (id integer); insert into notes values (1)")

    async def work(connection: Connection) -> int:
        row = await connection.fetchrow("select * from notes")
        assert row is not None
        return len(row)

    assert await database.transact(work) == 1
    await other.execute("alter table notes add more text")
    assert await database.transact(work) == 2


@pytest.mark.parametrize("statement", ["select no_such_function()", "select * from notes"])
async def test_what_an_upgrade_would_bring_is_named(
    settings: Settings, other: Other, statement: str
) -> None:
    """A function that is not there, and a table that the role was not granted."""
    await other.execute("create table notes (id integer); create role stranger")
    async with Database(settings, application_name="tests", max_size=1) as database:
        await database.fetchval("set role stranger")
        with pytest.raises(SchemaOutdatedError, match="alembic upgrade head"):
            await database.fetch(statement)
    await other.execute("drop role stranger")


async def _connections(other: Other) -> int:
    count: int = await other.fetchval(
        """
        select count(*)
        from pg_stat_activity
        where datname = current_database() and application_name = 'tests'
        """
    )
    return count
