"""When a session is complete: the database says so, whoever changes its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from shared.sql.counts import recount
from tests.guarantees import DRIFTED
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Database

COMPLETED_AT = "select completed_at from sessions where id = $1"


async def add(database: Database, movies: int) -> UUID:
    session_id = uuid4()
    await database.fetchval(ADD_SESSION, session_id, movies)
    return session_id


async def set_failed(database: Database, session_id: UUID, failed: int) -> None:
    await database.fetchval(
        "update session_counts set n = n + 1, failed = $2 where session_id = $1",
        session_id,
        failed,
    )


async def test_session_without_movies_is_complete_at_once(database: Database) -> None:
    assert await database.fetchval(COMPLETED_AT, await add(database, 0)) is not None
    assert await database.fetch(DRIFTED) == []


async def test_session_completes_reopens_and_completes_later(database: Database) -> None:
    session_id = await add(database, 2)
    times = []
    for failed in (1, 2, 1, 2):
        await set_failed(database, session_id, failed)
        times.append(await database.fetchval(COMPLETED_AT, session_id))
    assert times[0] is times[2] is None
    assert times[1] < times[3]


async def test_complete_session_that_stays_so_keeps_its_time(database: Database) -> None:
    session_id = await add(database, 0)
    before = await database.fetchval(COMPLETED_AT, session_id)
    await database.transact(lambda connection: recount(connection, session_id))
    assert await database.fetchval(COMPLETED_AT, session_id) == before


async def test_audit_finds_second_row_no_row_and_wrong_time(
    database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    twice, never, late, _ = [await add(database, 0) for _ in range(4)]
    await other.execute(
        "insert into session_counts (session_id, n, total) values ($1, 5, 0)", twice
    )
    await other.execute("delete from session_counts where session_id = $1", never)
    await other.execute("update sessions set completed_at = null where id = $1", late)
    assert {row["id"] for row in await database.fetch(DRIFTED)} == {twice, never, late}
