"""A server that falls silent without ending any connection."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from shared.postgres.database import COMMAND_SECONDS, Database
from tests.support.driving import until
from tests.support.line import Cut, address_over, line_to_database

if TYPE_CHECKING:
    import asyncpg

    from shared.postgres.database import Connection
    from shared.settings import Settings

SECONDS = 0.3


async def test_all_who_wait_for_a_silent_server_go_on_over_new_connections(
    settings: Settings,
) -> None:
    dsn = settings.database_url.get_secret_value()
    async with line_to_database(dsn) as line:
        over_the_line = settings.model_copy(
            update={"database_url": SecretStr(address_over(line, dsn))}
        )
        async with Database(over_the_line, application_name="tests") as database:
            asked = [database.fetchval("select 1 from pg_sleep(0.1)") for _ in range(3)]
            assert await asyncio.gather(*asked) == [1, 1, 1]
            assert database.lost_at is None

            line.cut(Cut.SILENCE)
            line.heal()  # but these three connections stay silent
            others = [asyncio.create_task(database.fetchval("select 2")) for _ in range(2)]
            await asyncio.sleep(0)
            start = time.monotonic()
            assert await database.within(SECONDS, database.fetchval("select 3")) == 3
            assert await asyncio.gather(*others) == [2, 2]
            assert SECONDS <= time.monotonic() - start < COMMAND_SECONDS / 2
            assert database.lost_at is not None, "what it said before may be forgotten"


async def test_silent_connections_are_ended_while_others_work(settings: Settings) -> None:
    dsn = settings.database_url.get_secret_value()
    async with line_to_database(dsn) as line:
        over_the_line = settings.model_copy(
            update={"database_url": SecretStr(address_over(line, dsn))}
        )
        async with Database(over_the_line, application_name="tests") as database:
            await database.fetchval("select 1")
            line.cut(Cut.SILENCE)
            line.heal()
            waiting = asyncio.create_task(database.fetchval("select 2"))
            await asyncio.sleep(0)
            assert await database.fetchval("select 3") == 3, "over a connection that is new"
            assert database.lost_at is None

            async def is_found() -> bool:
                await database.give_up_unanswered(SECONDS)
                return database.lost_at is not None

            await until(is_found)
            assert await waiting == 2


async def test_a_statement_that_is_only_slow_is_left_alone(database: Database) -> None:
    slow = asyncio.create_task(database.fetchval("select 1 from pg_sleep(1)"))
    while not slow.done():
        await database.give_up_unanswered(SECONDS / 3)
        await asyncio.sleep(SECONDS / 3)
    assert await slow == 1
    assert database.lost_at is None


async def test_an_answer_in_time_costs_no_connection(database: Database) -> None:
    process = await database.fetchval("select pg_backend_pid()")
    again = await database.within(5.0, database.fetchval("select pg_backend_pid()"))
    assert again == process
    assert database.lost_at is None


async def test_a_cancelled_statement_over_a_silent_line_is_not_run_again(
    settings: Settings, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    dsn = settings.database_url.get_secret_value()
    async with line_to_database(dsn) as line:
        over_the_line = settings.model_copy(
            update={"database_url": SecretStr(address_over(line, dsn))}
        )
        async with Database(over_the_line, application_name="tests") as database:
            tries = 0

            async def work(connection: Connection) -> None:
                nonlocal tries
                tries += 1
                await connection.execute("select pg_sleep(60)")

            for asked in (database.transact(work), database.fetchval("select pg_sleep(60)")):
                task = asyncio.create_task(asked)
                await until(lambda: _asleep(other))
                line.cut(Cut.SILENCE)
                task.cancel()
                async with asyncio.timeout(15.0):  # it took 20 s, one try after the other
                    with pytest.raises(asyncio.CancelledError):
                        await task
                line.heal()
                await other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where query like $1",
                    "select pg_sleep%",
                )
            assert tries == 1
            assert database.lost_at is None


async def _asleep(other: asyncpg.Connection[asyncpg.Record]) -> bool:
    return bool(
        await other.fetchval(
            """
            select exists (
              select
              from pg_stat_activity
              where datname = current_database() and wait_event = 'PgSleep'
            )
            """
        )
    )
