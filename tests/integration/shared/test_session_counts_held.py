"""A session's counts under a snapshot that keeps every dead version of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from api_service.storage.sessions import SessionStorage
from api_service.storage.summaries import SummaryStorage
from shared.models import Outcome
from shared.postgres.database import Database
from shared.sql.counts import OutcomeChange, move_counts, recount
from tests.conftest import run_on

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from shared.postgres.database import Connection
    from shared.settings import Settings

    Work = Callable[[], Awaitable[object]]

SESSION = UUID(int=1)
CHANGES = 500
TIMES = 10
"""More often than it takes PostgreSQL to settle on one plan for all parameters."""
MOST_MORE = 4
"""Buffers by which a statement may read more than on a clean database: levels of an index."""
FILL = (
    """
    insert into lookups (key, outcome, answered_at)
    select 'title:film ' || n || '|1999', 'failed', clock_timestamp()
    from generate_series(1, 20 * {sessions}) as n
    """,
    """
    with session as (
      insert into sessions (id)
      select lpad(to_hex(n), 32, '0')::uuid from generate_series(1, {sessions}) as n
      returning id
    )
    insert into session_counts (session_id, total, failed)
    select id, 20, 20 from session
    """,
    """
    insert into movies (
      session_id, position, lookup_id, watched, watch_dates, rewatches, liked, tags, in_watchlist,
      lists
    )
    select
      lpad(to_hex(1 + (id - 1) / 20), 32, '0')::uuid, 1 + (id - 1) % 20, id, true, '{{}}', 0, false,
      '{{}}', false, '{{}}'
    from lookups
    """,
    "vacuum analyze sessions, session_counts, movies, lookups",
)
BUFFERS = """
    select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)
    from pg_statio_user_tables
"""


def works_on(database: Database) -> dict[str, Work]:
    """What is done to a session's counts, by name."""
    lookup_id = 1

    async def change(connection: Connection) -> None:
        same = OutcomeChange(lookup_id, Outcome.FAILED, Outcome.FAILED)
        assert len(await move_counts(connection, [same])) == 1

    async def count(connection: Connection) -> None:
        assert (await recount(connection, SESSION)).total == 20

    return {
        "change": lambda: database.transact(change),
        "recount": lambda: database.transact(count),
        "status": lambda: SessionStorage(database).get(SESSION),
        "version": lambda: SummaryStorage(database).version(SESSION, None),
    }


async def buffers(database: Database, work: Work) -> float:
    """Return how many buffers of tables and their indexes a work reads, in the mean."""
    await database.fetchval("select pg_stat_force_next_flush()")
    before = await database.fetchval(BUFFERS)
    for _ in range(TIMES):
        await work()
    await database.fetchval("select pg_stat_force_next_flush()")
    return float(await database.fetchval(BUFFERS) - before) / TIMES


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("sessions", [1, 10, 300])
async def test_counts_cost_no_more_under_a_held_snapshot(
    settings: Settings,
    dsn: str,
    other: asyncpg.Connection[asyncpg.Record],
    *,
    plans: str,
    sessions: int,
) -> None:
    """Whatever autovacuum says of the table: few live rows on many pages make plans go astray."""
    name = dsn.partition("@/")[2].partition("?")[0]
    await run_on(dsn, f"alter database {name} set plan_cache_mode = {plans}")
    for statement in FILL:
        await run_on(dsn, statement.format(sessions=sessions))
    async with Database(settings, application_name="tests", max_size=1) as database:
        works = works_on(database)
        clean = {name: await buffers(database, work) for name, work in works.items()}
        async with other.transaction(isolation="repeatable_read"):
            await other.execute("select from sessions")
            for _ in range(CHANGES):
                await works["change"]()
            await run_on(dsn, "vacuum analyze session_counts")
            held = {name: await buffers(database, work) for name, work in works.items()}
    more = {name: held[name] - clean[name] for name in works}
    assert {name for name in works if more[name] > MOST_MORE} == set(), more


async def test_change_of_counts_writes_no_version_of_its_session(
    dsn: str, database: Database
) -> None:
    for statement in FILL:
        await run_on(dsn, statement.format(sessions=10))
    version = "select ctid::text from sessions where id = $1"
    before = await database.fetchval(version, SESSION)
    for _ in range(3):
        await works_on(database)["change"]()
    assert await database.fetchval(version, SESSION) == before
    rows = await database.fetch("select n from session_counts where session_id = $1", SESSION)
    assert [row["n"] for row in rows] == [3]
