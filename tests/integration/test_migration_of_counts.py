"""The revision that moves counts to rows of their own keeps each of them, up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.migrating import alembic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

NAME = "migration_of_counts"
# Complete, half-way, not begun, and without a film.
ADD_SESSIONS = """
    insert into sessions (id, total, enriched, not_found, failed, edition, positions)
    values
      ('00000000-0000-0000-0000-000000000001', 6, 1, 2, 3, 4, 7),
      ('00000000-0000-0000-0000-000000000002', 6, 3, 2, 0, 0, 6),
      ('00000000-0000-0000-0000-000000000003', 5, 0, 0, 0, 0, 5),
      ('00000000-0000-0000-0000-000000000004', 0, 0, 0, 0, 0, 0)
"""
SESSIONS = "select * from sessions order by id"
OLD_COUNTS = "select id, total, enriched, not_found, failed from sessions order by id"
NEW_COUNTS = """
    select session_id as id, total, enriched, not_found, failed
    from session_counts
    order by session_id
"""


@pytest.fixture
async def old(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """A database of the revision before, with sessions."""
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"create database {NAME} template template0")
    assert (await alembic(postgres.dsn(NAME), "upgrade", "0007")).returncode == 0
    connection = await asyncpg.connect(postgres.dsn(NAME))
    await connection.execute(ADD_SESSIONS)
    yield connection
    await connection.close()
    await admin.execute(f"drop database {NAME} with (force)")
    await admin.close()


async def test_counts_are_kept_by_upgrade_and_downgrade(
    old: asyncpg.Connection, postgres: EmbeddedPostgres
) -> None:
    dsn = postgres.dsn(NAME)
    sessions, counts = await old.fetch(SESSIONS), await old.fetch(OLD_COUNTS)
    completed = {row["id"]: row["completed_at"] for row in sessions}
    assert [row["completed_at"] is None for row in sessions] == [False, True, True, False]
    upgraded = await alembic(dsn, "upgrade", "0008")
    assert upgraded.returncode == 0, upgraded.stderr
    assert await old.fetch(NEW_COUNTS) == counts
    there = await old.fetch("select id, completed_at from sessions")
    assert {row["id"]: row["completed_at"] for row in there} == completed

    await old.execute("update session_counts set n = n + 1, failed = 1 where total = 6 and n = 0")
    changed = await old.fetch(NEW_COUNTS)
    there = await old.fetch("select id, completed_at from sessions")
    completed = {row["id"]: row["completed_at"] for row in there}
    assert [bool(completed[row["id"]]) for row in changed] == [False, True, False, True]
    downgraded = await alembic(dsn, "downgrade", "0007")
    assert downgraded.returncode == 0, downgraded.stderr
    assert await old.fetch(OLD_COUNTS) == changed
    there = await old.fetch("select id, completed_at, status from sessions")
    assert {row["id"]: row["completed_at"] for row in there} == completed
    assert all((row["status"] == "completed") == bool(row["completed_at"]) for row in there)
    with pytest.raises(asyncpg.CheckViolationError):
        await old.execute("update sessions set failed = failed + 5")
    assert await old.fetchval(
        """
        update sessions set failed = failed - 1
        where status = 'completed' and failed > 0
        returning completed_at is null and status = 'enriching'
        """
    )
