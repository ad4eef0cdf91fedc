"""The revision that makes a row of each slot: no time that was sent is lost, up or down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.conftest import run_on
from tests.support.driving import create_database
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

BEFORE, AFTER = "0007", "0009"
CARRIED_BACK = 400


@pytest.fixture
async def before(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database at the revision that has the ring."""
    dsn = await create_database(postgres)
    done = await alembic(dsn, "upgrade", BEFORE)
    assert done.returncode == 0, done.stderr
    yield dsn
    await run_on(postgres.dsn(), f"drop database {dsn.partition('?')[0].rpartition('/')[2]}")


async def fetchval(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("sent", [0, 3, 40])
async def test_ring_becomes_slots_and_a_ring_again(before: str, sent: int) -> None:
    await run_on(
        before,
        f"""
        update request_window
        set
          slots = array(
            select
              case
                when place <= 40 - {sent} then '-infinity'
                else '2026-01-01 00:00+00'::timestamptz + place * interval '1 s'
              end
            from generate_series(1, 40) as place
            order by place
          ),
          granted = 2,
          hold_until = '2026-01-02 00:00+00'
        """,  # noqa: S608  # a number of this test
    )
    ring = await fetchval(before, "select slots::text from request_window")
    for direction, revision in (("upgrade", AFTER), ("downgrade", BEFORE)):
        moved = await alembic(before, direction, revision)
        assert moved.returncode == 0, moved.stderr
        if revision == AFTER:
            slots = "select array_agg(sent_at order by n)::text from request_slots"
            assert await fetchval(before, slots) == ring
            assert await fetchval(before, "select max(n) from request_slots") == 40
        assert await fetchval(before, "select hold_until from request_window") == (
            await fetchval(before, "select '2026-01-02 00:00+00'::timestamptz")
        )
    assert await fetchval(before, "select slots::text from request_window") == ring


async def test_ring_of_many_slots_is_of_the_newest(before: str) -> None:
    assert (await alembic(before, "upgrade", AFTER)).returncode == 0
    await run_on(
        before,
        """
        insert into request_slots (n, sent_at)
        select n, '2026-01-01 00:00+00'::timestamptz + n * interval '1 s'
        from generate_series(41, 1000) as n
        """,
    )
    assert (await alembic(before, "downgrade", BEFORE)).returncode == 0
    assert await fetchval(before, "select cardinality(slots) from request_window") == CARRIED_BACK
    for place, number in ((1, 601), (CARRIED_BACK, 1000)):
        slot = await fetchval(before, f"select slots[{place}] from request_window")  # noqa: S608  # a number
        assert slot == await fetchval(
            before, f"select '2026-01-01 00:00+00'::timestamptz + {number} * interval '1 s'"
        )
