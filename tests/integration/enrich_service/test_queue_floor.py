"""Looks begin where the last one found something, and whatever is claimable below that is found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from api_service.storage.matches import MatchStorage
from enrich_service.options import WorkerOptions
from enrich_service.scheduling.maintenance import Maintenance
from enrich_service.storage import StorageService
from shared.models import BACKGROUND_TURN, Channel
from shared.postgres.database import Database
from shared.sql.requeue import bring_forward, reopen_session
from tests.support.daemon_answering import end_all, find_all
from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.settings import Settings
    from tests.integration.enrich_service.conftest import Lists

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PAUSE = WorkerOptions().background_pause


def titles(count: int, prefix: str = "film") -> list[str]:
    return [f"title:{prefix} {number:03}|1999" for number in range(count)]


@pytest.fixture
async def told(dsn: str) -> AsyncIterator[list[str]]:
    """What is told of new work."""
    listener = await asyncpg.connect(dsn)
    payloads: list[str] = []
    await listener.add_listener(Channel.NEW_WORK, lambda *told: payloads.append(told[3]))
    yield payloads
    await listener.close()


@pytest.fixture
async def looking(settings: Settings, dsn: str) -> AsyncIterator[StorageService]:
    """A daemon's storage that is told of new work, as a daemon is."""
    listener = await asyncpg.connect(dsn)
    async with Database(settings, application_name="looking") as database:
        storage = StorageService(database)
        await listener.add_listener(
            Channel.NEW_WORK, lambda *told: storage.queue.floor.lower(int(told[3]))
        )
        yield storage
    await listener.close()


async def look_past(looking: StorageService, lists: Lists, storage: StorageService) -> None:
    """Let others claim and answer a long list, and a daemon look beyond it."""
    await lists.add(*titles(50, "old"))
    await end_all(storage)
    assert (await looking.queue.view(20)).due == 0
    assert looking.queue.floor.place > (50, 0)


async def find(looking: StorageService, *keys: str) -> None:
    """Wait until it was told, and sees these."""

    async def seen() -> bool:
        return (await looking.queue.view(20)).due == len(keys)

    await until(seen)
    claims = await looking.queue.claim(uuid4(), uuid4(), 20)
    assert sorted(claim.key for claim in claims) == sorted(keys)


async def test_look_begins_at_the_first_film_that_it_found(
    looking: StorageService, lists: Lists
) -> None:
    for prefix in "abc":
        await lists.add(*titles(10, prefix))
    await looking.queue.view(20)
    claims = await looking.queue.claim(uuid4(), uuid4(), 10)
    view = await looking.queue.view(20)
    assert view.first == looking.queue.floor.place, "the third at the clock's turn"
    assert view.first == (4, claims[-1].lookup_id + 10)
    assert len(await looking.queue.claim(uuid4(), uuid4(), 30)) == 20


async def test_floor_never_goes_beyond_the_clocks_next_turn(
    looking: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(*titles(1))
    await database.fetchval("update lookups set turn = 900")
    await looking.queue.view(20)
    assert looking.queue.floor.place == (1, 0), "where a new list would begin"


async def test_look_without_room_moves_no_floor(looking: StorageService, lists: Lists) -> None:
    await lists.add(*titles(3))
    await looking.queue.view(0)
    assert looking.queue.floor.place == (0, 0)


async def test_list_that_is_committed_late_is_found(
    looking: StorageService, lists: Lists, storage: StorageService, dsn: str
) -> None:
    upload = await asyncpg.connect(dsn)
    try:
        async with upload.transaction():
            await upload.execute(
                """
                insert into lookups (key, due_at, turn) values ('tmdb:1', clock_timestamp(), 1);
                select pg_notify('new_work', '1')
                """
            )
            await look_past(looking, lists, storage)
            assert (await looking.queue.view(20)).due == 0
        await find(looking, "tmdb:1")
    finally:
        await upload.close()


async def test_told_while_a_look_is_under_way_is_not_forgotten(
    looking: StorageService, lists: Lists, storage: StorageService
) -> None:
    await look_past(looking, lists, storage)
    floor = looking.queue.floor
    floor.begin_look()
    view = await looking.queue.view(20)
    floor.begin_look()
    floor.lower(7)
    floor.end_look(view, counted=True)
    assert floor.place == (7, 0)


async def test_claims_of_a_daemon_that_leaves_are_found_by_the_others(
    looking: StorageService, lists: Lists, storage: StorageService
) -> None:
    leaving = uuid4()
    await lists.add("tmdb:1", "tmdb:2")
    await storage.queue.claim(leaving, uuid4(), 2)
    await look_past(looking, lists, storage)
    assert await storage.reclaim.release_all(leaving) == 2
    await find(looking, "tmdb:1", "tmdb:2")


async def test_claims_of_the_silent_are_found_by_the_others(
    looking: StorageService, lists: Lists, storage: StorageService
) -> None:
    await lists.add("tmdb:1")
    await storage.queue.claim(uuid4(), uuid4(), 1)
    await look_past(looking, lists, storage)
    assert (await storage.reclaim.reclaim_silent(uuid4(), 12.0)).freed == 1
    await find(looking, "tmdb:1")


async def test_lost_claims_are_found_by_the_others(
    looking: StorageService, lists: Lists, storage: StorageService
) -> None:
    await lists.add("tmdb:1")
    (lost,) = await storage.queue.claim(uuid4(), uuid4(), 1)
    await look_past(looking, lists, storage)
    await storage.reclaim.release_lost([lost.token_at])
    await find(looking, "tmdb:1")


async def test_film_that_is_given_back_at_once_is_told_of(
    looking: StorageService, lists: Lists, storage: StorageService, told: list[str]
) -> None:
    await lists.add("tmdb:1")
    (claim,) = await storage.queue.claim(uuid4(), uuid4(), 1)
    await storage.queue.release(claim)
    await until(lambda: told)
    assert told == [str((await lists.lookup("tmdb:1"))["turn"])]
    await find(looking, "tmdb:1")


@pytest.mark.parametrize("whose", ["its own", "another's"])
async def test_backoff_that_ends_below_the_floor_is_found(
    looking: StorageService, lists: Lists, storage: StorageService, whose: str
) -> None:
    await lists.add("tmdb:1")
    (claim,) = await storage.queue.claim(uuid4(), uuid4(), 1)
    by = looking if whose == "its own" else storage
    await by.queue.retry(claim, attempts=1, backoff_seconds=1)
    await lists.add(*titles(50, "old"))
    assert len(await storage.queue.claim(uuid4(), uuid4(), 50)) == 50
    await looking.queue.view(20)
    assert looking.queue.floor.place > ((await lists.lookup("tmdb:1"))["turn"], 0)
    await find(looking, "tmdb:1")


async def test_list_that_is_forced_is_found(
    looking: StorageService, lists: Lists, storage: StorageService, database: Database
) -> None:
    session = await lists.add("tmdb:7")
    await look_past(looking, lists, storage)
    assert await reopen_session(database, session) == 1
    await find(looking, "tmdb:7")


async def test_films_that_are_moved_up_are_told_of(
    lists: Lists, database: Database, told: list[str]
) -> None:
    await lists.add(*titles(60))
    session = await lists.add(titles(60)[-1])
    await bring_forward(database, session)
    await until(lambda: told)
    assert told == ["1"]


async def test_corrections_are_found(
    looking: StorageService, lists: Lists, storage: StorageService, database: Database
) -> None:
    session = await lists.add("tmdb:1")
    await look_past(looking, lists, storage)
    await MatchStorage(database).repoint(session, 1, "tmdb:9", TRACE)
    await find(looking, "tmdb:9")


async def test_background_that_is_queued_now_is_found(
    looking: StorageService, storage: StorageService
) -> None:
    await storage.surveys.queue(1)
    assert (await looking.queue.view(20)).background
    await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert not (await looking.queue.view(20)).background
    await storage.surveys.queue(1)
    assert (await looking.queue.view(20)).background


async def test_records_that_have_long_been_old_are_found_by_who_queues_them(
    looking: StorageService, lists: Lists, storage: StorageService, database: Database
) -> None:
    await lists.add("tmdb:603")
    await find_all(storage)
    await looking.queue.view(20)
    await database.fetchval("update catalogue set fetched_at = now() - interval '40 days'")
    wake = asyncio.Event()
    await Maintenance(looking, WorkerOptions(), wake).do_round()
    assert wake.is_set()
    assert (await looking.queue.view(20)).background


async def test_times_that_are_mended_are_told_of(
    lists: Lists, storage: StorageService, database: Database, told: list[str]
) -> None:
    await lists.add("tmdb:1")
    await database.fetchval("update lookups set due_at = now() + interval '1 hour'")
    await storage.fleet.mend_times(60.0)
    await until(lambda: told)
    assert told == ["1"]


async def test_rescue_tells_of_films_and_of_the_background(
    lists: Lists, storage: StorageService, told: list[str]
) -> None:
    await storage.surveys.queue(1)
    await lists.add("tmdb:1")
    await storage.queue.claim(uuid4(), uuid4(), 1)
    await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert (await storage.reclaim.reclaim_silent(uuid4(), 12.0)).freed == 2
    await until(lambda: len(told) == 2)
    assert sorted(told) == ["1", str(BACKGROUND_TURN)]


async def test_claims_of_long_ago_are_rescued_without_a_tick(
    make_worker: MakeWorker, lists: Lists, storage: StorageService
) -> None:
    """Nobody knows any more of the worker who made them."""
    session = await lists.add("tmdb:603")
    await storage.queue.claim(uuid4(), uuid4(), 1)
    worker = await make_worker(interval=60.0, heartbeat=0.2)
    await worker.start_scheduler()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed, seconds=50.0)
    await worker.stop_scheduler()


async def test_tick_finds_what_nobody_told_of(
    make_worker: MakeWorker, lists: Lists, database: Database
) -> None:
    session = await lists.add(*titles(5))
    worker = await make_worker(interval=0.2)
    await worker.start_scheduler()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    async def answered() -> bool:
        outcome = "select outcome is not null from lookups where key = 'tmdb:603'"
        return bool(await database.fetchval(outcome))

    await until(completed)
    await database.fetchval(
        "insert into lookups (key, due_at, turn, kept) values ('tmdb:603', now(), 1, true)"
    )
    await until(answered)
    await worker.stop_scheduler()
