"""Whether a summary still holds is told by index, however large its session and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from api_service.storage.summaries import SummaryStorage
from shared.postgres.database import Database

if TYPE_CHECKING:
    from shared.settings import Settings

LARGE = ("sessions", "session_counts", "movies", "lookups", "catalogue")
TIMES = 8
"""More often than it takes PostgreSQL to settle on one plan for all parameters."""
# 20,000 films, all found and a day old; session 1 lists all of them, 400 others list fifty each.
# Three hundred records have been refreshed since.
FILL = (
    """
    insert into catalogue (
      tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
      vote_count, popularity, fetched_at
    )
    select
      n, 'A', 'A', '{}', '[]', '[]', '{}', '{}', 0, 0,
      clock_timestamp() - case when n % 66 = 0 then interval '0' else interval '1 day' end
    from generate_series(1, 20000) as n
    """,
    """
    insert into lookups (key, outcome, tmdb_id, answered_at)
    select 'tmdb:' || n, 'found', n, clock_timestamp() - interval '1 day'
    from generate_series(1, 20000) as n
    """,
    """
    insert into sessions (id)
    select lpad(to_hex(n), 32, '0')::uuid from generate_series(1, 401) as n
    """,
    """
    insert into session_counts (session_id, total, enriched)
    select lpad(to_hex(n), 32, '0')::uuid, size, size
    from generate_series(1, 401) as n,
      lateral (select case when n = 1 then 20000 else 50 end) as counted (size)
    """,
    """
    insert into movies (
      session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
      in_watchlist, lists
    )
    select
      session_id, place, 1 + (total + place) % 20000, 'A', 2000, true, '{}', 0, false, '{}', false,
      '{}'
    from session_counts, generate_series(1, total) as place
    """,
    "vacuum analyze catalogue, lookups, sessions, session_counts, movies",
)


async def test_version_of_a_large_session_reads_no_table_whole(
    settings: Settings, dsn: str
) -> None:
    filling = await asyncpg.connect(dsn)
    for statement in FILL:
        await filling.execute(statement)
    await filling.close()
    async with Database(settings, application_name="tests", max_size=1) as database:
        storage = SummaryStorage(database)
        before = await _read(database)
        since = None
        for _ in range(TIMES):
            version = await storage.version(UUID(int=1), since)
            assert version.refreshed[0] == 20000 // 66
            since = version.since
        after = await _read(database)
    assert after["scans"] == before["scans"]
    assert after["movies"] - before["movies"] <= TIMES * 2 * 303, "those that were refreshed"


async def _read(database: Database) -> asyncpg.Record:
    await database.fetchval("select pg_stat_force_next_flush()")
    row = await database.fetchrow(
        """
        select
          sum(seq_scan) as scans,
          sum(idx_tup_fetch) filter (where relname = 'movies') as movies
        from pg_stat_user_tables
        where relname = any($1::text[])
        """,
        LARGE,
    )
    assert row is not None
    return row
