"""The dispatcher: who gets the slots, how many films are in flight, and the law kept by a fleet."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from enrich_service.storage.request_limit import RequestLimit
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]


@pytest.fixture
def films(bundled_catalogue: Catalogue) -> list[str]:
    """Lookups of films that the stand-in has, by their ids: one request each."""
    return [f"tmdb:{film.id}" for film in bundled_catalogue.films if film.id < 1_000_000]


async def completed(lists: Lists, session: UUID) -> None:
    async def done() -> bool:
        return await lists.status(session) == "completed"

    await until(done)


async def test_no_more_films_are_in_flight_than_allowed(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    films: list[str],
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    database: Database,
) -> None:
    break_tmdb({"match": "/3/", "kind": "hang"})
    await lists.add(*films[:10])
    worker = await make_worker(concurrency=3, interval=0.05, drain=0.1, timeout_seconds=60.0)
    await worker.start_scheduler()

    async def three_hang_and_the_tick_came() -> bool:
        ticked = worker.get_status().last_run is not None
        return tmdb.state.faults.struck["hang"] >= 3 and ticked

    await until(three_hang_and_the_tick_came)
    assert worker.get_status().in_flight == 3
    assert await database.fetchval("select count(claimed_by) from lookups") == 3


async def test_no_film_is_claimed_without_a_slot_to_start_on(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    films: list[str],
    storage: StorageService,
    tmdb: RunningStandIn,
    database: Database,
) -> None:
    await storage.window.hold(3600)
    session = await lists.add(*films[:5])
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def saw_the_queue() -> bool:
        status = worker.get_status()
        return status.last_run is not None and worker._dispatcher.view is not None  # noqa: SLF001  # what it saw

    await until(saw_the_queue)
    assert await database.fetchval("select count(claimed_by) from lookups") == 0
    assert tmdb.state.requests == 0
    await database.fetchval("update request_window set hold_until = '-infinity'")
    await worker.stop_scheduler()
    successor = await make_worker()
    await successor.start_scheduler()
    await completed(lists, session)


async def test_films_in_flight_go_before_new_ones(make_worker: MakeWorker, lists: Lists) -> None:
    """Two slots, two films: they are seen through before a third is begun."""
    session = await lists.add(
        "title:heat|1995", "title:alien|1979", "title:the matrix|1999", "title:toy story|1995"
    )
    worker = await make_worker(request_limit=RequestLimit(2, 0.3, 0.1))
    await worker.start_scheduler()
    most = 0

    async def done() -> bool:
        nonlocal most
        most = max(most, worker.get_status().in_flight)
        return await lists.status(session) == "completed"

    await until(done)
    assert 1 <= most <= 2


async def test_a_fleet_keeps_the_law_together_and_no_request_is_refused(
    *, make_worker: MakeWorker, lists: Lists, films: list[str], tmdb: RunningStandIn
) -> None:
    rule = RequestLimit(limit=25, period=0.5, margin=0.1)
    tmdb.state.change_options(
        tmdb.state.options.model_copy(update={"limit": rule.limit, "period": rule.period})
    )
    sessions = [await lists.add(*films[:60]), await lists.add(*films[40:100])]
    workers = [await make_worker(request_limit=rule) for _ in range(3)]
    await asyncio.gather(*(worker.start_scheduler() for worker in workers))
    for session in sessions:
        await completed(lists, session)
    assert tmdb.state.refused == 0
    assert tmdb.state.window.largest <= rule.limit
    assert tmdb.state.requests == 100, "each film was asked for once"
    assert await lists.drifted() == []


async def test_a_small_list_beside_a_large_one_is_done_long_before_it(
    make_worker: MakeWorker, lists: Lists, films: list[str], database: Database
) -> None:
    large = await lists.add(*films[:80])
    small = await lists.add(*films[80:84])
    worker = await make_worker(request_limit=RequestLimit(5, 0.1, 0.05), concurrency=5)
    await worker.start_scheduler()
    await completed(lists, small)
    await completed(lists, large)
    before_it = await database.fetchval(
        """
        select count(*)
        from lookups
        where key = any($1)
          and answered_at < (select max(answered_at) from lookups where key = any($2))
        """,
        await lists.keys(large),
        await lists.keys(small),
    )
    assert before_it <= 20


async def test_sessions_found_are_told_once_and_again_after_a_rest(
    make_worker: MakeWorker, lists: Lists, films: list[str]
) -> None:
    worker = await make_worker()
    with capture_logs() as events:
        await lists.add(films[0])
        await lists.add(*films[:30])
        await worker.enrich_sessions()
        session = await lists.add(films[30])
        await worker.enrich_sessions()
        await completed(lists, session)
    told = [event["sessions"] for event in events if event["event"] == "sessions_found"]
    assert told == [2, 1]


async def test_after_losing_the_database_nothing_is_sent_for_one_period(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    films: list[str],
    tmdb: RunningStandIn,
    postgres_admin: Callable[[str], Awaitable[None]],
) -> None:
    """A standby that was promoted may have lost the last slots."""
    rule = RequestLimit(limit=500, period=1.0, margin=0.1)
    worker = await make_worker(request_limit=rule, interval=0.1, heartbeat=0.1)
    await worker.start_scheduler()
    await completed(lists, await lists.add(films[0]))
    cut_at = time.time()  # before any loss that the worker may find
    await postgres_admin(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'tests-worker'"
    )
    await until(lambda: worker._storage.database.lost_at is not None)  # noqa: SLF001  # its own pool
    session = await lists.add(films[1])
    await completed(lists, session)
    assert tmdb.state.arrivals[-1] >= cut_at + rule.period


async def test_a_database_that_is_away_ends_no_loop(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    films: list[str],
    dsn: str,
    postgres_admin: Callable[[str], Awaitable[None]],
) -> None:
    name = dsn.partition("@/")[2].partition("?")[0]
    session = await lists.add(*films[:40])
    worker = await make_worker(
        request_limit=RequestLimit(20, 0.2, 0.1), interval=0.2, heartbeat=0.2, worker_timeout=2.0
    )
    with capture_logs() as events:
        await worker.start_scheduler()

        async def under_way() -> bool:
            return (await lists.counts(session))[0] >= 5

        await until(under_way)
        await postgres_admin(f"alter database {name} allow_connections false")
        await postgres_admin(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'tests-worker'"
        )

        async def everybody_noticed() -> bool:
            names = {event["event"] for event in events}
            return {"heartbeat_failed", "listener_connect_failed"} <= names

        await until(everybody_noticed)
        await postgres_admin(f"alter database {name} allow_connections true")
        await completed(lists, session)
        assert worker.get_status().running
    assert await lists.counts(session) == (40, 0, 0)
    assert await lists.drifted() == []
