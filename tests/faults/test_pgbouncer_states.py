"""What PgBouncer passes on to nobody, and what stays behind on the connections it shares out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from pydantic import SecretStr

from shared.postgres.database import Database
from tests.support import installed
from tests.support.driving import running, title_list
from tests.support.pooler import SERVER_CONNECTIONS, PgBouncer

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.tmdb.film import Film
    from shared.postgres.database import Connection
    from shared.settings import Settings

OF_ANOTHER_RELEASE = """
    create temporary table staged_movies (position integer not null, lookup_key text)
    on commit delete rows
"""
READ = "select current_setting('transaction_isolation'), current_setting('lock_timeout'), \
current_setting('search_path'), current_setting('statement_timeout')"


async def test_transactions_state_what_they_rely_on(settings: Settings, dsn: str) -> None:
    await _set_for_others(dsn)
    async with PgBouncer(installed.pgbouncer(), dsn) as bouncer:
        pooled = settings.model_copy(update={"database_url": SecretStr(bouncer.dsn)})
        async with Database(pooled, application_name="tests") as database:

            async def work(connection: Connection) -> asyncpg.Record | None:
                return await connection.fetchrow(READ)

            for row in (await database.transact(work), await database.fetchrow(READ)):
                assert row is not None
                assert tuple(row) == ("read committed", "0", "public", "55s")
            with pytest.raises(Exception, match="statement timeout"):
                await database.fetchval("select pg_sleep(60)", seconds=0.05)
            assert await database.fetchval("select 1") == 1


async def test_uploads_survive_what_another_release_left_behind(
    dsn: str, tmp_path: Path, films: list[Film]
) -> None:
    async with (
        PgBouncer(installed.pgbouncer(), dsn) as bouncer,
        running(bouncer.dsn, tmp_path, daemons=1, LISTEN_DATABASE_URL=dsn) as driver,
    ):
        for upload in range(3):
            await _leave_behind(bouncer.dsn)
            films_of_it = films[10 * upload : 10 * upload + 10]
            assert (await driver.post_list(title_list(films_of_it))).status == 201
        assert not driver.events("request_crashed", "api.log")


async def _set_for_others(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    name = await connection.fetchval("select current_database()")
    for setting, value in {
        "default_transaction_isolation": "serializable",
        "lock_timeout": "1ms",
        "search_path": "nowhere",
        "statement_timeout": "2s",
    }.items():
        await connection.execute(f"alter database {name} set {setting} = '{value}'")
    await connection.close()


async def _leave_behind(dsn: str) -> None:
    """Make the table of another release on every connection that PgBouncer has to the server."""
    connections = [
        await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(SERVER_CONNECTIONS)
    ]
    for connection in connections:
        await connection.execute("begin")  # each keeps a connection of its own until it ends
    for connection in connections:
        await connection.execute("drop table if exists pg_temp.staged_movies")
        await connection.execute(OF_ANOTHER_RELEASE)
    for connection in connections:
        await connection.execute("commit")
    await asyncio.gather(*(connection.close() for connection in connections))
