"""The queue beneath a held snapshot: looks and claims stay cheap, whatever has been answered."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from benchmarks.held_snapshot import CountingDatabase
from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from tests.support.daemon_answering import find_all, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.postgres.database import Database
    from shared.settings import Settings
    from tests.integration.enrich_service.conftest import Lists

FILMS = 600
MORE_BUFFERS = 12
"""By which a statement may read more: pages are full, so that a claim writes a new row version."""
PAUSE = WorkerOptions().background_pause


@pytest.fixture
async def counting(
    dsn: str, settings: Settings, postgres_admin: Callable[[str], Awaitable[None]]
) -> AsyncIterator[CountingDatabase]:
    """Plans as for a large table, though this one is small."""
    name = dsn.partition("?")[0].rpartition("/")[2]
    for kind in ("bitmapscan", "seqscan"):
        await postgres_admin(f"alter database {name} set enable_{kind} = off")
    async with CountingDatabase(settings, application_name="counting", max_size=1) as database:
        yield database


async def buffers(database: CountingDatabase, work: Callable[[], Awaitable[object]]) -> int:
    """What some work reads."""
    database.counting, database.buffers = True, 0
    await work()
    database.counting = False
    return database.buffers


async def costs(database: CountingDatabase) -> dict[str, int]:
    """What a daemon's look, and the claims after it, read."""
    storage = StorageService(database)
    await storage.queue.view(20)  # from the beginning, as after connecting
    return {
        "look": await buffers(database, lambda: storage.queue.view(20)),
        "claim": await buffers(database, lambda: storage.queue.claim(uuid4(), uuid4(), 1)),
        "background": await buffers(
            database, lambda: storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
        ),
    }


async def test_looks_and_claims_read_no_more_after_hundreds_of_answers(
    counting: CountingDatabase,
    lists: Lists,
    storage: StorageService,
    hold: Callable[[], Awaitable[None]],
) -> None:
    await storage.surveys.queue(20)
    await lists.add(*(f"tmdb:{film}" for film in range(FILMS + 30)))
    clean = await costs(counting)
    await hold()
    for _ in range(FILMS // 20):
        for claim in await storage.queue.claim(uuid4(), uuid4(), 20):
            await storage.completions.save([found(claim)])
    held = await costs(counting)
    more = {name: held[name] - clean[name] for name in clean}
    assert {name: count for name, count in more.items() if count > MORE_BUFFERS} == {}


async def test_refreshes_leave_nothing_in_the_way_of_the_next_one(
    counting: CountingDatabase,
    lists: Lists,
    storage: StorageService,
    database: Database,
    hold: Callable[[], Awaitable[None]],
) -> None:
    await lists.add(*(f"tmdb:{film}" for film in range(1, FILMS // 3)))
    await find_all(storage)
    await database.fetchval("update catalogue set fetched_at = now() - interval '40 days'")
    await storage.records.queue_refreshes(30, FILMS)
    clean = await costs(counting)
    await hold()
    while claim := await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False):
        await storage.queue.retry(claim, attempts=1, backoff_seconds=3600)
    await storage.surveys.queue(20)
    held = await costs(counting)
    assert held["look"] <= clean["look"] + MORE_BUFFERS
    assert held["background"] <= clean["background"] + MORE_BUFFERS


async def test_clocks_are_pruned_to_their_newest_row(
    lists: Lists, storage: StorageService, database: Database
) -> None:
    await storage.surveys.queue(5)
    await lists.add(*(f"tmdb:{film}" for film in range(1, 30)))
    for claim in [(await storage.queue.claim(uuid4(), uuid4(), 1))[0] for _ in range(20)]:
        await storage.queue.release(claim)
    for _ in range(3):
        await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    newest = (
        "select (select max(turn) from virtual_times), (select max(turn) from retry_turns), "
        "(select max(n) from background_shares)"
    )
    before = await database.fetchrow(newest)
    assert await storage.clocks.prune() == 20 + 20 + 3
    assert await storage.clocks.prune() == 0
    assert await database.fetchrow(newest) == before
    for table in ("virtual_times", "retry_turns", "background_shares"):
        assert await database.fetchval(f"select count(*) from {table}") == 1  # noqa: S608  # named above
