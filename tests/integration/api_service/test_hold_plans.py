"""Holding a list reads by the film, and finding one by its name a short range of one index."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from api_service.storage.holds import HoldStorage, handle_of
from benchmarks.held_snapshot import CountingDatabase
from shared.settings import Settings
from tests.support.query_costs import filled_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

FILMS = 200
OF_OTHERS = 20_000
HELD = UUID(int=1)
MOST_BUFFERS_A_FILM = 60
"""To hold a film reads and writes a few pages; to read all films of others takes hundreds more."""
FEW_BUFFERS = 16
FILL = (
    """
    insert into sessions (id)
    select lpad(to_hex(n), 32, '0')::uuid from generate_series(1, 20000) as n
    """,
    f"insert into session_counts (session_id, total) select id, {FILMS} from sessions",  # noqa: S608  # a number of ours
    f"""
    insert into lookups (key, title, due_at, turn)
    select 'title:film ' || n || '|', 'Film ' || n, clock_timestamp(), n
    from generate_series(1, {FILMS + OF_OTHERS}) as n
    """,  # noqa: S608  # as above
    # Without ANALYZE, as right after an upload.
    f"""
    insert into movies (
      session_id, position, lookup_id, title, watched, watch_dates, rewatches, liked, tags,
      in_watchlist, lists
    )
    select
      lpad(to_hex(case when n <= {FILMS} then 1 else n - {FILMS} + 1 end), 32, '0')::uuid,
      case when n <= {FILMS} then n else 1 end,
      id, 'Film', true, '{{}}', 0, false, '{{}}', false, '{{}}'
    from (select id, row_number() over (order by id) as n from lookups) as numbered
    where n < {OF_OTHERS}
    """,  # noqa: S608  # as above
)


@pytest.fixture(scope="module")
async def counting(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[CountingDatabase]:
    """A list beside many others, in a database that counts what statements read."""
    async with filled_database(postgres, template, FILL) as dsn:
        settings = Settings(_env_file=None, database_url=dsn)
        async with CountingDatabase(settings, application_name="tests", max_size=1) as database:
            yield database


async def test_a_list_is_held_and_released_by_the_film(counting: CountingDatabase) -> None:
    holds = HoldStorage(counting)
    for _ in range(6):  # so that plans are made
        await holds.hold(HELD)
        await holds.release(HELD)
    counting.counting, counting.buffers = True, 0
    await holds.hold(HELD)
    counting.counting = False
    assert 0 < counting.buffers <= MOST_BUFFERS_A_FILM * FILMS


async def test_a_list_is_found_by_its_name_in_one_range(counting: CountingDatabase) -> None:
    await counting.fetchval(
        "insert into sessions (id) values ('3f2a9c1d-8a5e-4c39-9d4f-2b7c6a1e0f35')"
    )
    holds = HoldStorage(counting)
    name = handle_of(UUID("3f2a9c1d-8a5e-4c39-9d4f-2b7c6a1e0f35"))
    for _ in range(6):
        (found,) = await holds.find(name)
    counting.counting, counting.buffers = True, 0
    await holds.find(name)
    counting.counting = False
    assert handle_of(found.id) == name
    assert 0 < counting.buffers <= FEW_BUFFERS
