"""Uploads that stay open for long: they hold lookups that are in flight, and delay nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from enrich_service.options import WorkerOptions
from tests.support.daemon_answering import find_all, found
from tests.support.driving import plain_films
from tests.support.open_upload import OpenUpload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    import asyncpg

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.conftest import RunningStandIn
    from tests.integration.enrich_service.conftest import Asked, Lists

    Until = Callable[[Callable[[], object]], Awaitable[None]]
    Completed = Callable[[UUID], Awaitable[None]]
    Answered = Callable[[int], Awaitable[None]]
    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

MOST_WAITING = 2
"""Connections of a daemon that may wait for locks at the same moment."""
WAITING_CONNECTIONS = """
    select count(distinct pid)
    from pg_locks
    where not granted and (database is null or database = (
      select oid from pg_database where datname = current_database()
    ))
"""


@pytest.fixture
async def upload(dsn: str) -> AsyncIterator[OpenUpload]:
    """Not begun yet."""
    async with OpenUpload.over(dsn) as made:
        yield made


def by_id(first: int, count: int) -> list[str]:
    """Keys of so many films that TMDB knows by id, which takes one request each."""
    return [f"tmdb:{film.id}" for film in plain_films(first + count)[first:]]


@pytest.fixture
def completed(lists: Lists, until: Until) -> Completed:
    """Waits until a session is completed."""

    async def wait(session: UUID) -> None:
        async def is_so() -> bool:
            return await lists.status(session) == "completed"

        await until(is_so)

    return wait


@pytest.fixture
def answered(tmdb: RunningStandIn, until: Until) -> Answered:
    """Waits until the stand-in has answered so many requests."""

    async def wait(requests: int) -> None:
        await until(lambda: tmdb.state.requests >= requests)

    return wait


async def test_films_held_by_an_open_upload_delay_no_other_session(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    upload: OpenUpload,
    other: asyncpg.Connection[asyncpg.Record],
    database: Database,
    tmdb: RunningStandIn,
    until: Until,
    completed: Completed,
    answered: Answered,
) -> None:
    """Many times more films are held than one daemon may have in flight."""
    held, others = by_id(0, 60), by_id(60, 200)
    listing = await lists.add(*held)
    await upload.list_keys(held)
    worker = await make_worker(concurrency=10)
    await worker.start_scheduler()
    await answered(len(held))
    bystander = await lists.add(*others)
    await lists.announce(bystander)
    waiting = []

    async def bystander_is_completed() -> bool:
        waiting.append(await other.fetchval(WAITING_CONNECTIONS))
        return await lists.status(bystander) == "completed"

    await until(bystander_is_completed)
    assert max(waiting) <= MOST_WAITING
    assert await lists.counts(listing) == (0, 0, 0)
    await until(lambda: worker.get_status().in_flight == 0)
    await upload.commit()
    for session in (listing, upload.session_id):
        await completed(session)
        assert await lists.counts(session) == (len(held), 0, 0)
    assert await lists.drifted() == []
    assert tmdb.state.requests == len(held + others), "nothing was asked for twice"
    assert await database.fetchval("select count(*) from lookups where due_at is not null") == 0


async def test_too_many_films_held_stop_the_claims_until_they_are_saved(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    upload: OpenUpload,
    database: Database,
    tmdb: RunningStandIn,
    until: Until,
    completed: Completed,
) -> None:
    listing = await lists.add(*by_id(0, 60))
    await upload.list_keys(by_id(0, 60))
    worker = await make_worker(concurrency=5, most_blocked=20, interval=0.3)
    with capture_logs() as events:
        await worker.start_scheduler()
        await until(lambda: [event for event in events if event["event"] == "completions_blocked"])
        await until(lambda: tmdb.state.requests >= 20 and worker.get_status().in_flight == 0)
        bystander = await lists.add(*by_id(60, 1))
        await lists.announce(bystander)
        await ticked(worker, until)
        await until(lambda: worker.get_status().in_flight == 0)
    claimed = await database.fetchval("select count(*) from lookups where claimed_by is not null")
    assert 20 <= claimed <= 25
    assert worker.get_status().blocked == claimed
    assert tmdb.state.requests == claimed
    await upload.commit()
    for session in (listing, upload.session_id, bystander):
        await completed(session)
    assert await lists.drifted() == []
    assert tmdb.state.requests == 61


async def test_held_films_are_saved_by_a_drain_when_the_upload_ends(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    upload: OpenUpload,
    database: Database,
    tmdb: RunningStandIn,
    until: Until,
    answered: Answered,
) -> None:
    listing = await lists.add(*by_id(0, 40))
    await upload.list_keys(by_id(0, 40))
    worker = await make_worker(concurrency=5)
    await worker.start_scheduler()
    await answered(40)
    with capture_logs() as events:
        stopping = asyncio.create_task(worker.stop_scheduler())
        await until(lambda: [event for event in events if event["event"] == "worker_draining"])
        await upload.commit()
        await stopping
    assert not [event for event in events if event["event"] == "claims_given_back"]
    assert await lists.counts(listing) == await lists.counts(upload.session_id) == (40, 0, 0)
    assert await lists.drifted() == []
    assert tmdb.state.requests == 40
    assert await database.fetchval("select count(*) from lookups where due_at is not null") == 0


async def test_held_films_are_given_back_by_a_drain_that_comes_too_early(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    upload: OpenUpload,
    database: Database,
    completed: Completed,
    answered: Answered,
) -> None:
    listing = await lists.add(*by_id(0, 40))
    await upload.list_keys(by_id(0, 40))
    stopped = await make_worker(concurrency=5, drain=1.0)
    await stopped.start_scheduler()
    await answered(40)
    with capture_logs() as events:
        await stopped.stop_scheduler()
    (given_back,) = [event for event in events if event["event"] == "claims_given_back"]
    assert given_back["count"] == 40
    assert await database.fetchval("select max(attempts) from lookups") == 0
    worker = await make_worker(concurrency=5)
    await worker.start_scheduler()
    await upload.commit()
    await completed(listing)
    await completed(upload.session_id)
    assert await lists.counts(listing) == (40, 0, 0)
    assert await lists.drifted() == []


async def test_a_session_held_by_an_addition_delays_no_other_session(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    other: asyncpg.Connection[asyncpg.Record],
    tmdb: RunningStandIn,
    completed: Completed,
    answered: Answered,
) -> None:
    """Whoever adds to a session holds it until the commit, though not each of its lookups."""
    held = await lists.add(*by_id(0, 60))
    worker = await make_worker(concurrency=10)
    async with other.transaction():
        await other.execute("select 1 from sessions where id = $1 for no key update", held)
        await worker.start_scheduler()
        await answered(60)
        bystander = await lists.add(*by_id(60, 200))
        await lists.announce(bystander)
        await completed(bystander)
        assert await lists.counts(held) == (0, 0, 0)
    await completed(held)
    assert await lists.drifted() == []
    assert tmdb.state.requests == 260


async def test_a_title_queued_by_an_open_upload_delays_no_other_film(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    asked: type[Asked],
    other: asyncpg.Connection[asyncpg.Record],
    completed: Completed,
) -> None:
    """An id that TMDB does not know falls back to a title that is queued but not committed."""
    fallen = await lists.add(*[asked(f"imdb:tt999{n:04}", "Heat", 1995) for n in range(1)])
    worker = await make_worker()
    async with other.transaction():
        await other.execute(
            """
            insert into lookups (key, title, due_at, turn)
            values ('title:heat|1995', 'Heat', clock_timestamp(), 1)
            """
        )
        await worker.start_scheduler()
        bystander = await lists.add(*by_id(0, 30))
        await lists.announce(bystander)
        await completed(bystander)
        assert await lists.counts(fallen) == (0, 0, 0)
    await completed(fallen)
    assert await lists.keys(fallen) == ["title:heat|1995"]
    assert await lists.drifted() == []


async def test_every_held_film_has_its_turn_to_wait(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    asked: type[Asked],
    upload: OpenUpload,
    other: asyncpg.Connection[asyncpg.Record],
    database: Database,
    until: Until,
    completed: Completed,
) -> None:
    """Also one of an unknown id, which is saved by itself, after all that are saved together."""
    await lists.add(*by_id(0, 3))
    await upload.list_keys(by_id(0, 3))
    worker = await make_worker()
    await worker.start_scheduler()
    await until(lambda: worker.get_status().blocked == 3)
    unknown = await lists.add(asked("imdb:tt9990000", "Heat", 1995))
    waited_for = """
        select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))
    """
    async with other.transaction():
        await other.execute("select from lookups where key = 'imdb:tt9990000' for key share")
        await lists.announce(unknown)
        await until(lambda: database.fetchval(waited_for, other.get_server_pid()))
    await completed(unknown)
    await upload.commit()


async def test_refresh_waits_for_no_session_that_lists_its_film(
    *,
    storage: StorageService,
    lists: Lists,
    other: asyncpg.Connection[asyncpg.Record],
    database: Database,
) -> None:
    """It moves no count, and its film may stand in ten thousand sessions."""
    session = await lists.add("tmdb:603")
    await find_all(storage)
    await database.fetchval("update catalogue set fetched_at = now() - interval '31 days'")
    await storage.records.queue_refreshes(30, 1)
    pause = WorkerOptions().background_pause
    claim = await storage.background.claim(uuid4(), uuid4(), pause, in_share=False)
    assert claim is not None
    async with other.transaction():
        await other.execute("select 1 from sessions where id = $1 for no key update", session)
        saved = await storage.completions.save([found(claim)], pass_by=True)
    assert (saved.held, saved.lost) == ([], [])


async def ticked(worker: EnrichmentWorker, until: Until) -> None:
    """Wait until a worker has looked at the queue by itself once more."""
    before = worker.get_status().last_run
    await until(lambda: worker.get_status().last_run != before)
