"""Whether a summary still holds is told by index, however large its session and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from api_service.storage.summary_cache import read_summary_version
from tests.support.query_costs import PLANS_SETTLED, cost_of, filled_database, single_connection

if TYPE_CHECKING:
    from datetime import datetime

    from local_stack.postgres import EmbeddedPostgres

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
    postgres: EmbeddedPostgres, template: str
) -> None:
    async with filled_database(postgres, template, FILL) as dsn, single_connection(dsn) as database:
        since: datetime | None = None

        async def version() -> None:
            nonlocal since
            found = await read_summary_version(database, UUID(int=1), since)
            assert found.refreshed[0] == 20000 // 66
            since = found.since

        cost = await cost_of(database, version, PLANS_SETTLED)
    assert not cost.scanned
    assert cost.rows["movies"] <= 2 * 303, "those that were refreshed"
