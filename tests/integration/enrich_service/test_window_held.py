"""The window beneath a held snapshot: a taking stays cheap, and writes only what it grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.held_snapshot import CountingDatabase
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.retention import KEPT_SLOTS, RetentionStorage
from enrich_service.storage.window import WindowStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.postgres.database import Database
    from shared.settings import Settings


FREE = RequestLimit(limit=200, period=0.05, margin=0.02)
"""More than is asked for."""
LONG = RequestLimit(limit=40, period=3600.0, margin=60.0)
"""One burst for a whole test."""
TAKINGS = 500
MORE_BUFFERS = 8
"""By which a taking may read more: a page is full, the index is a level higher."""
WRITTEN = """
    select ctid::text, xmin::text, (select count(*) from request_slots), (
      select string_agg(ctid::text || xmin::text, ' ' order by n) from request_slots
    )
    from request_window
"""


@pytest.fixture
async def counting(settings: Settings) -> AsyncIterator[CountingDatabase]:
    async with CountingDatabase(settings, application_name="counting", max_size=1) as database:
        yield database


async def buffers(database: CountingDatabase, work: Callable[[], Awaitable[object]]) -> int:
    """What some work reads, when all is in place."""
    await work()
    database.counting, database.buffers = True, 0
    await work()
    database.counting = False
    return database.buffers


async def rows_read(database: Database) -> int:
    """Slots that were read so far, by the statements of this database's only connection too."""
    await database.fetchval("select pg_stat_force_next_flush()")
    return int(
        await database.fetchval(
            """
            select seq_tup_read + coalesce(idx_tup_fetch, 0)
            from pg_stat_user_tables
            where relname = 'request_slots'
            """
        )
    )


async def record(database: Database, slots: int) -> None:
    """Let so many slots have been taken long ago."""
    await database.fetchval(
        """
        insert into request_slots (n, sent_at)
        select (select max(n) from request_slots) + number, clock_timestamp() - interval '1 day'
        from generate_series(1, $1::integer) as number
        """,
        slots,
    )


# -- what is read ------------------------------------------------------------------------------


async def test_takings_under_a_held_snapshot_read_no_more(
    counting: CountingDatabase, hold: Callable[[], Awaitable[None]]
) -> None:
    window = WindowStorage(counting)
    await window.take(FREE, 1)
    clean = await buffers(counting, lambda: window.take(FREE, 1))
    await hold()
    for _ in range(TAKINGS):
        await window.take(FREE, 1)
    assert await buffers(counting, lambda: window.take(FREE, 1)) <= clean + MORE_BUFFERS


async def test_refused_takings_under_a_held_snapshot_read_no_more(
    counting: CountingDatabase, hold: Callable[[], Awaitable[None]]
) -> None:
    window = WindowStorage(counting)
    await window.take(LONG, LONG.limit)
    clean = await buffers(counting, lambda: window.take(LONG, 20))
    await hold()
    for _ in range(TAKINGS):
        assert (await window.take(LONG, 20)).expiries == ()
    assert await buffers(counting, lambda: window.take(LONG, 20)) == clean


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("statistics", ["none", "of few slots", "of many slots"])
async def test_taking_reads_only_the_young_end(
    database: Database, counting: CountingDatabase, plans: str, statistics: str
) -> None:
    """Whatever the planner knows of the table; a generic plan may be as old as the table is."""
    window = WindowStorage(counting)
    await counting.fetchval(f"set plan_cache_mode = {plans}")
    if statistics == "of few slots":
        await database.fetchval("analyze request_slots")
    await window.take(LONG, 1)
    await record(database, 50_000)
    if statistics == "of many slots":
        await database.fetchval("analyze request_slots")
    before = await rows_read(counting)
    await window.take(LONG, 1)
    assert await rows_read(counting) - before < 20


# -- what is written ---------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["nothing is wanted", "nothing is due", "a hold"])
async def test_taking_that_grants_nothing_writes_nothing(database: Database, reason: str) -> None:
    window = WindowStorage(database)
    await window.take(LONG, LONG.limit if reason == "nothing is due" else 1)
    if reason == "a hold":
        await window.hold(3000.0)
    before = await database.fetch(WRITTEN)
    wanted = 0 if reason == "nothing is wanted" else 5
    assert (await window.take(LONG, wanted)).expiries == ()
    assert await database.fetch(WRITTEN) == before


async def test_taking_of_one_slot_writes_one_row(database: Database) -> None:
    window = WindowStorage(database)
    await window.take(LONG, 1)
    before = await database.fetchrow(WRITTEN)
    assert len((await window.take(LONG, 1)).expiries) == 1
    after = await database.fetchrow(WRITTEN)
    assert before is not None
    assert after is not None
    assert after[:2] == before[:2], "the window's own row is left alone"
    assert after[2] == before[2] + 1
    assert after[3].startswith(before[3]), "no slot is written twice"


# -- what is deleted ---------------------------------------------------------------------------


async def test_pruning_deletes_what_no_window_needs(database: Database) -> None:
    window, retention = WindowStorage(database), RetentionStorage(database)
    await record(database, KEPT_SLOTS + 500)
    await window.take(LONG, 20)
    newest = await database.fetchval("select max(n) from request_slots")
    for _ in range(2):
        await retention.prune_slots(LONG.limit)
        (kept,) = await database.fetch("select min(n), count(*) from request_slots")
        assert tuple(kept) == (newest - KEPT_SLOTS - LONG.limit + 1, KEPT_SLOTS + LONG.limit)
    assert len((await window.take(LONG, LONG.limit)).expiries) == LONG.limit - 20
    await retention.prune_slots(LONG.limit)
    assert await database.fetchval("select count(*) from request_slots") == (
        KEPT_SLOTS + LONG.limit
    )


async def test_pruning_keeps_a_young_window_whole(database: Database) -> None:
    await WindowStorage(database).take(LONG, 20)
    before = await database.fetch(WRITTEN)
    await RetentionStorage(database).prune_slots(LONG.limit)
    assert await database.fetch(WRITTEN) == before


async def test_slots_that_were_pruned_count_as_the_oldest_kept(database: Database) -> None:
    """A limit that is raised beyond what is kept delays requests, and grants none too many."""
    window = WindowStorage(database)
    await window.take(LONG, LONG.limit)
    await database.fetchval(
        "delete from request_slots where n <= (select max(n) - 10 from request_slots)"
    )
    larger = RequestLimit(limit=100, period=LONG.period, margin=LONG.margin)
    assert (await window.take(larger, 5)).expiries == ()


async def test_pruning_under_a_held_snapshot_reads_no_deleted_slots(
    database: Database, counting: CountingDatabase, hold: Callable[[], Awaitable[None]]
) -> None:
    retention = RetentionStorage(counting)
    await record(database, KEPT_SLOTS)
    await retention.prune_slots(LONG.limit)
    clean = await buffers(counting, lambda: retention.prune_slots(LONG.limit))
    await hold()
    for _ in range(5):
        await record(database, 2_000)
        await retention.prune_slots(LONG.limit)
    read = await buffers(counting, lambda: retention.prune_slots(LONG.limit))
    assert read <= clean + MORE_BUFFERS
