"""What nobody waits for goes on beside those who wait: one slot in twenty, for the whole fleet."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.options import WorkerOptions
from enrich_service.storage.request_limit import RequestLimit
from tests.support.scripted_daemon import find_all
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import timedelta

    from enrich_service.lookups import Claim
    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

PAUSE = WorkerOptions().background_pause
OLD = "update catalogue set fetched_at = clock_timestamp() - $1 * interval '1 day'"


async def list_found(storage: StorageService, lists: Lists, films: Iterable[int]) -> None:
    """Let somebody list films that were found."""
    await lists.add(*(f"tmdb:{film}" for film in films))
    await find_all(storage)


async def in_share(storage: StorageService, pause: timedelta = PAUSE) -> Claim | None:
    return await storage.background.claim(uuid4(), uuid4(), pause, in_share=True)


async def share_is_due(database: Database) -> None:
    await database.fetchval("update background_shares set next_at = '-infinity'")


async def test_share_is_claimed_once_by_any_number_of_daemons(
    storage: StorageService, database: Database
) -> None:
    await storage.surveys.queue(50)
    assert (await storage.queue.view(1)).background_due
    claims = await asyncio.gather(*(in_share(storage) for _ in range(8)))
    assert len([claim for claim in claims if claim]) == 1
    assert not (await storage.queue.view(1)).background_due
    seconds = await database.fetchval(
        "select extract(epoch from max(next_at) - clock_timestamp()) from background_shares"
    )
    assert 0 < seconds <= PAUSE.total_seconds()


async def test_share_of_a_slowed_fleet_is_one_of_the_slots_it_has(
    storage: StorageService, database: Database
) -> None:
    await storage.surveys.queue(50)
    await database.fetchval(
        """
        update request_window
        set slowed_to = 0.125, slowed_at = clock_timestamp() + interval '1 hour'
        """
    )
    await share_is_due(database)
    assert await in_share(storage)
    seconds = await database.fetchval(
        "select extract(epoch from max(next_at) - clock_timestamp()) from background_shares"
    )
    half = PAUSE.total_seconds() / 2 / 0.125
    assert half / 2 < seconds <= half, "the first one came late"


async def test_idle_claims_count_towards_the_share(storage: StorageService) -> None:
    await storage.surveys.queue(50)
    for _ in range(2):
        assert await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert not (await storage.queue.view(1)).background_due
    assert await in_share(storage) is None


async def test_record_that_expires_soonest_is_claimed_first(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await list_found(storage, lists, (1, 2, 3))
    await database.fetchval(OLD, 31)
    await storage.surveys.queue(50)
    await database.fetchval(f"{OLD} where tmdb_id = 3", 179)
    assert await storage.records.queue_refreshes(30, 2) == 2
    first = await in_share(storage)
    await share_is_due(database)
    second = await in_share(storage)
    assert first is not None
    assert second is not None
    assert first.key == "tmdb:3"
    assert second.key.startswith("tmdb:"), "old for a day, while surveys have just been queued"


async def test_refreshes_find_room_behind_any_number_of_surveys(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await list_found(storage, lists, (1, 2))
    await database.fetchval(OLD, 31)
    assert await storage.surveys.queue(50) == 50
    assert await storage.records.queue_refreshes(30, 50) == 2


async def test_claim_held_by_another_is_passed_over(
    storage: StorageService, database: Database
) -> None:
    await storage.surveys.queue(2)
    first = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    second = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    third = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert first is not None
    assert second is not None
    assert first.key != second.key
    assert third is None
    assert await database.fetchval("select count(claimed_by) from lookups") == 2


async def test_backlog_leaves_one_slot_in_twenty_to_old_records(
    *,
    make_worker: MakeWorker,
    storage: StorageService,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    bundled_catalogue: Catalogue,
) -> None:
    rule = RequestLimit(limit=10, period=0.5, margin=0.2)
    tmdb.state.change_options(
        tmdb.state.options.model_copy(update={"limit": rule.limit, "period": rule.period})
    )
    films = [film.id for film in bundled_catalogue.films if film.id < 1_000_000]
    await list_found(storage, lists, films[:6])
    await database.fetchval(OLD, 179)
    assert await storage.records.queue_refreshes(30, 200) == 6
    waiting = await lists.add(*(f"tmdb:{film}" for film in films[6:506]))

    async def all_fresh() -> bool:
        left = "select count(*) from catalogue where fetched_at < now() - interval '30 days'"
        return bool(await database.fetchval(left) == 0)

    workers = [await make_worker(request_limit=rule, interval=60.0) for _ in range(2)]
    share = WorkerOptions(request_limit=rule).background_pause.total_seconds()
    began = time.monotonic()
    for worker in workers:
        await worker.start_scheduler()
    await until(all_fresh)
    assert time.monotonic() - began >= 4 * share, "six claims, never more than half a share early"
    assert await lists.status(waiting) == "enriching", "somebody waited all the time"
    for worker in workers:
        await worker.stop_scheduler()
    assert tmdb.state.refused == 0, "it comes out of the budget, not on top of it"
