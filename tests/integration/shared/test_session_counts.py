"""Counts that follow the outcomes of lookups exactly, whoever changes them at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.models import Outcome, SessionStatus
from shared.sql.counts import OutcomeChange, SessionCounts, move_counts, recount
from shared.sql.orphans import delete_unlisted
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.postgres.database import Connection, Database

    Waiting = Callable[[], Awaitable[None]]

TOTAL_AND_FAILED = "select total, failed from session_counts where session_id = $1"
LIST_A_MOVIE = """
    insert into movies (
      session_id, position, lookup_id, watched, watch_dates, rewatches, liked, tags, in_watchlist,
      lists
    )
    values ($1, $2, $3, true, '{}', 0, false, '{}', false, '{}')
"""


async def add_lookups(database: Database, count: int) -> list[int]:
    rows = await database.fetch(
        """
        insert into lookups (key, due_at, turn)
        select 'title:film ' || n || '|', clock_timestamp(), n from generate_series(1, $1) as n
        returning id
        """,
        count,
    )
    return [row["id"] for row in rows]


async def add_session(database: Database, *lookups: int) -> UUID:
    session_id = uuid4()
    await database.fetchval(ADD_SESSION, session_id, len(lookups))
    for position, lookup in enumerate(lookups, start=1):
        await database.fetchval(LIST_A_MOVIE, session_id, position, lookup)
    return session_id


async def end(database: Database, *changes: tuple[int, Outcome]) -> list[SessionCounts]:
    """End lookups as the daemon does: FOR UPDATE, then the outcomes, then the counts."""

    async def work(connection: Connection) -> list[SessionCounts]:
        ids = [lookup for lookup, _ in changes]
        held = await connection.fetch(
            "select id, outcome from lookups where id = any($1::bigint[]) order by id for update",
            ids,
        )
        before = {row["id"]: Outcome(row["outcome"]) if row["outcome"] else None for row in held}
        await connection.execute(
            """
            update lookups
            set outcome = new.outcome, answered_at = clock_timestamp()
            from unnest($1::bigint[], $2::text[]) as new (id, outcome)
            where lookups.id = new.id
            """,
            ids,
            [outcome for _, outcome in changes],
        )
        return await move_counts(
            connection,
            [OutcomeChange(lookup, before[lookup], outcome) for lookup, outcome in changes],
        )

    return await database.transact(work)


async def counts(database: Database, session_id: UUID) -> tuple[int, int, int]:
    row = await database.fetchrow(
        "select enriched, not_found, failed from session_counts where session_id = $1", session_id
    )
    assert row is not None
    return row["enriched"], row["not_found"], row["failed"]


async def test_counts_move_from_the_old_outcome_to_the_new(database: Database) -> None:
    first, second = await add_lookups(database, 2)
    session = await add_session(database, first, first, second)
    await end(database, (first, Outcome.FAILED))
    assert await counts(database, session) == (0, 0, 2)
    (told,) = await end(database, (first, Outcome.NOT_FOUND), (second, Outcome.FAILED))
    assert await counts(database, session) == (0, 2, 1)
    assert (told.session_id, told.status, told.ended, told.total) == (
        session,
        SessionStatus.COMPLETED,
        3,
        3,
    )


async def test_an_outcome_that_stays_the_same_moves_nothing(database: Database) -> None:
    (lookup,) = await add_lookups(database, 1)
    session = await add_session(database, lookup)
    await end(database, (lookup, Outcome.FAILED))
    await end(database, (lookup, Outcome.FAILED))
    assert await counts(database, session) == (0, 0, 1)


async def test_a_lookup_that_nobody_lists_moves_nobody(database: Database) -> None:
    (lookup,) = await add_lookups(database, 1)
    assert await end(database, (lookup, Outcome.FAILED)) == []


async def test_a_recount_puts_right_what_was_wrong(database: Database) -> None:
    first, second = await add_lookups(database, 2)
    session = await add_session(database, first, second)
    other = await add_session(database, first)
    await end(database, (first, Outcome.FAILED))
    await database.fetchval("update session_counts set failed = 0, total = 9")
    await database.transact(lambda connection: recount(connection, session))
    row = await database.fetchrow(TOTAL_AND_FAILED, session)
    assert row is not None
    assert tuple(row) == (2, 1)
    row = await database.fetchrow(TOTAL_AND_FAILED, other)
    assert row is not None
    assert tuple(row) == (9, 0), "and nobody else's"


async def test_a_recount_waits_for_whoever_holds_the_session_and_sees_what_it_did(
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Waiting,
) -> None:
    (lookup,) = await add_lookups(database, 1)
    session = await add_session(database, lookup)
    async with other.transaction():
        await other.execute("select 1 from lookups for update")
        await other.execute("select 1 from sessions for no key update")
        recounting = asyncio.create_task(
            database.transact(lambda connection: recount(connection, session))
        )
        await somebody_waits()
        await other.execute("update lookups set outcome = 'failed', answered_at = now()")
        await other.execute("update session_counts set failed = 1")
    await recounting
    assert await counts(database, session) == (0, 0, 1)


async def test_uploads_and_completions_at_once_never_drift(database: Database) -> None:
    """Sessions are added, as an upload does, while the same lookups end and begin again."""
    lookups = await add_lookups(database, 8)

    async def upload() -> None:
        async def work(connection: Connection) -> None:
            session_id = uuid4()
            await connection.execute(ADD_SESSION, session_id, len(lookups))
            for position, lookup in enumerate(lookups, start=1):
                await connection.execute(LIST_A_MOVIE, session_id, position, lookup)
            await connection.execute(
                """
                update session_counts
                set enriched = 0, not_found = c.not_found, failed = c.failed
                from (
                  select
                    count(*) filter (where outcome = 'not_found') as not_found,
                    count(*) filter (where outcome = 'failed') as failed
                  from movies
                  join lookups on lookups.id = lookup_id
                  where session_id = $1
                ) as c
                where session_id = $1
                """,
                session_id,
            )

        for _ in range(5):
            await database.transact(work)

    async def flip(start: int) -> None:
        for number in range(8):
            outcome = Outcome.FAILED if number % 2 else Outcome.NOT_FOUND
            await end(database, *((lookup, outcome) for lookup in lookups[start::2]))

    await asyncio.gather(upload(), upload(), flip(0), flip(1))
    drifted = await database.fetchval(
        """
        select count(*)
        from session_counts c
        where (not_found, failed) <> (
          select
            count(*) filter (where outcome = 'not_found'),
            count(*) filter (where outcome = 'failed')
          from movies
          join lookups on lookups.id = lookup_id
          where session_id = c.session_id
        )
        """
    )
    assert drifted == 0
    assert await database.fetchval("select count(*) from sessions") == 10


async def test_what_has_no_movie_is_deleted_with_or_without_an_outcome(database: Database) -> None:
    listed, ended, unlisted, unasked = await add_lookups(database, 4)
    await add_session(database, listed)
    await end(database, (ended, Outcome.FAILED))
    assert await delete_unlisted(database, [listed, ended, unlisted]) == 2
    left = await database.fetchval("select array_agg(id order by id) from lookups")
    assert left == [listed, unasked]


async def test_a_lookup_that_was_listed_while_it_was_being_deleted_stays(
    database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    (lookup,) = await add_lookups(database, 1)
    session_id = uuid4()
    async with other.transaction():
        await other.execute(ADD_SESSION, session_id, 1)
        await other.execute(LIST_A_MOVIE, session_id, 1, lookup)
        assert await delete_unlisted(database, [lookup]) == 0, "it is held, and not waited for"
    assert await delete_unlisted(database, [lookup]) == 0
    assert await database.fetchval("select count(*) from lookups") == 1


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("enriched", "-1"),
        ("enriched, failed", "2, 2"),
        ("total", "-1"),
    ],
)
async def test_impossible_counts_are_refused_by_the_schema(
    database: Database, columns: str, values: str
) -> None:
    lookups = await add_lookups(database, 3)
    await add_session(database, *lookups)
    with pytest.raises(asyncpg.CheckViolationError):
        await database.fetchval(f"update session_counts set ({columns}) = row({values})")  # noqa: S608  # written above
