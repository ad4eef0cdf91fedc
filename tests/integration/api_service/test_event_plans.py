"""What is read for open streams costs the same however large sessions are, and however many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from api_service.storage.events import MOST_ANSWERS, MOST_FILMS, MOST_MOVIES, NEVER, EventStorage
from api_service.storage.sessions import SessionStorage
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from datetime import datetime

    from local_stack.postgres import EmbeddedPostgres

SMALL, LARGE = UUID(int=7), UUID(int=10_000)
"""Sessions of 30 and of 50,000 movies."""
TIMES = 8
"""More often than it takes PostgreSQL to settle on one plan for all parameters."""

# 2,000 sessions of 30 movies and one of all films; a film is answered each second, the last one
# now, and one in ten waits.
FILL = (
    """
    insert into lookups (key, outcome, answered_at, due_at, turn)
    select
      'title:film ' || n || '|2000',
      case when n % 10 > 0 then 'not_found' end,
      case when n % 10 > 0 then clock_timestamp() - (50000 - n) * interval '1 s' end,
      case when n % 10 = 0 then clock_timestamp() end,
      case when n % 10 = 0 then n end
    from generate_series(1, 50000) as n
    """,
    """
    with session as (
      insert into sessions (id)
      select lpad(to_hex(n), 32, '0')::uuid
      from (select generate_series(1, 2000) union all select 10000) as numbered (n)
      returning id
    )
    insert into session_counts (session_id, total)
    select id, case when id = lpad(to_hex(10000), 32, '0')::uuid then 50000 else 30 end
    from session
    """,
    """
    insert into movies (
      session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
      in_watchlist, lists
    )
    select session_id, position, lookup_id, 'Film', 2000, true, '{}', 0, false, '{}', false, '{}'
    from (
      select lpad(to_hex(n), 32, '0')::uuid, place, 1 + (n * 30 + place) % 50000
      from generate_series(1, 2000) as n, generate_series(1, 30) as place
      union all
      select lpad(to_hex(10000), 32, '0')::uuid, n, n from generate_series(1, 50000) as n
    ) as listed (session_id, position, lookup_id)
    """,
    "analyze",
)


@pytest.fixture(scope="module", params=["force_custom_plan", "force_generic_plan"])
async def filled(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, template: str
) -> AsyncIterator[Database]:
    """A filled database over a single connection, so that its statistics can be read at once."""
    name = f"test_event_plans_{request.param}"
    server = await asyncpg.connect(postgres.dsn())
    await server.execute(f"create database {name} template {template}")
    await server.execute(f"alter database {name} set plan_cache_mode = {request.param}")
    settings = Settings(_env_file=None, database_url=postgres.dsn(name))
    async with Database(settings, application_name="tests", max_size=1) as database:
        for statement in FILL:
            await database.fetchval(statement)
        yield database
    await server.execute(f"drop database {name} with (force)")
    await server.close()


async def rows_read(database: Database) -> dict[str, Any]:
    """By table, how many rows were read so far; of those read whole, all."""
    await database.fetchval("select pg_stat_force_next_flush()")
    rows = await database.fetch(
        "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables"
    )
    return {row["relname"]: row["read"] for row in rows}


async def cost(database: Database, *works: Awaitable[object]) -> dict[str, int]:
    """How many rows of each large table a work reads, in the mean."""
    before = await rows_read(database)
    for work in works:
        await work
    after = await rows_read(database)
    return {
        table: (after[table] - before[table]) // len(works)
        for table in ("sessions", "session_counts", "movies", "lookups", "catalogue")
    }


async def newest(database: Database, answers: int) -> datetime:
    """The moment after which there are so many answers."""
    moment: datetime = await database.fetchval(
        "select answered_at from lookups where outcome is not null order by 1 desc offset $1",
        answers,
    )
    return moment


@pytest.mark.parametrize("session_id", [SMALL, LARGE], ids=["small", "large"])
async def test_films_since_a_moment_are_read_from_the_newest_answers(
    filled: Database, session_id: UUID
) -> None:
    storage = EventStorage(filled)
    since = {session_id: await newest(filled, 30)}
    spent = await cost(filled, *(storage.answered(since) for _ in range(TIMES)))
    assert spent["lookups"] <= 31
    # Each film is listed by the large session and by one or two others.
    assert spent["movies"] <= 100
    films = (await storage.answered(since)).get(session_id, [])
    assert len(films) == (MOST_FILMS if session_id == LARGE else 0)
    assert films == sorted(films, key=lambda film: film.answered_at, reverse=True)


@pytest.mark.parametrize("session_id", [SMALL, LARGE], ids=["small", "large"])
async def test_who_has_just_come_costs_no_more_than_the_newest_answers_of_all(
    filled: Database, session_id: UUID
) -> None:
    storage = EventStorage(filled)
    since = {session_id: NEVER}
    spent = await cost(filled, *(storage.answered(since) for _ in range(TIMES)))
    assert spent["lookups"] <= MOST_ANSWERS + 1
    assert spent["movies"] <= 3 * MOST_ANSWERS


async def test_many_sessions_are_read_together(filled: Database) -> None:
    storage = EventStorage(filled)
    moment = await newest(filled, 30)
    since = {UUID(int=number): moment for number in range(1, 201)}
    spent = await cost(filled, *(storage.answered(since) for _ in range(TIMES)))
    assert spent["lookups"] <= 31
    assert spent["movies"] <= 100
    sessions = SessionStorage(filled)
    spent = await cost(filled, *(sessions.get_many(list(since)) for _ in range(TIMES)))
    assert spent == {
        "sessions": 200,
        "session_counts": 200,
        "movies": 0,
        "lookups": 0,
        "catalogue": 0,
    }


async def test_what_was_answered_long_ago_is_looked_for_in_a_part_of_a_large_session(
    filled: Database,
) -> None:
    storage = EventStorage(filled)
    for session_id, movies in ((SMALL, 30), (LARGE, MOST_MOVIES)):
        spent = await cost(filled, *(storage.latest([session_id]) for _ in range(TIMES)))
        assert spent["movies"] == movies
        assert spent["lookups"] <= movies
        films = (await storage.latest([session_id]))[session_id]
        assert len(films) == MOST_FILMS
