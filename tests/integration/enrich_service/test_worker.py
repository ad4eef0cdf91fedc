"""One daemon's life: its loops, its public face, and what it does when it stops or is cut off."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.conftest import RunningStandIn
    from tests.integration.enrich_service.conftest import Asked, Lists

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

HEAT, ALIEN, MATRIX = "title:heat|1995", "title:alien|1979", "title:the matrix|1999"
NEVER = 3600.0


@pytest.fixture
def completed(lists: Lists, until: Until) -> Callable[[Any], Awaitable[None]]:
    """Waits until a session is completed."""

    async def wait(session: Any) -> None:  # noqa: ANN401  # a session's id
        async def done() -> bool:
            return await lists.status(session) == "completed"

        await until(done)

    return wait


if TYPE_CHECKING:
    Completed = Callable[[Any], Awaitable[None]]


# -- start, stop, status -----------------------------------------------------------------------


async def test_status_follows_the_scheduler(
    make_worker: MakeWorker, until: Until, database: Database
) -> None:
    worker = await make_worker(interval=0.1)
    before = worker.get_status()
    assert (before.worker_status, before.running, before.listening) == ("stopped", False, False)
    assert (before.last_run, before.next_run, before.interval) == (None, None, 0.1)
    await worker.start_scheduler()

    async def ticked_and_listens() -> bool:
        status = worker.get_status()
        return status.listening and status.last_run is not None

    await until(ticked_and_listens)
    during = worker.get_status()
    assert (during.worker_status, during.running, during.tick_overdue) == ("running", True, False)
    assert during.next_run is not None
    row = await database.fetchrow("select id, draining from workers")
    assert row is not None
    assert tuple(row) == (worker.worker_id, False)
    await worker.stop_scheduler()
    after = worker.get_status()
    assert (after.worker_status, after.running, after.next_run) == ("stopped", False, None)
    assert not after.listening
    assert await database.fetchval("select count(*) from workers") == 0


async def test_starting_and_stopping_twice_changes_nothing(make_worker: MakeWorker) -> None:
    worker = await make_worker()
    await worker.stop_scheduler()
    await worker.wait_until_stopped()
    await worker.start_scheduler()
    await worker.start_scheduler()
    with capture_logs() as events:
        await worker.stop_scheduler()
        await worker.stop_scheduler()
    assert [event["event"] for event in events].count("worker_stopped") == 1


async def test_a_stopped_worker_may_be_started_again(
    make_worker: MakeWorker, lists: Lists, completed: Completed
) -> None:
    worker = await make_worker()
    await worker.start_scheduler()
    await worker.stop_scheduler()
    session = await lists.add(HEAT)
    await worker.start_scheduler()
    await completed(session)


async def test_a_loop_that_ends_by_a_defect_ends_the_worker_and_is_not_hidden(
    make_worker: MakeWorker, database: Database
) -> None:
    worker = await make_worker()
    await database.fetchval("delete from fleet")
    await worker.start_scheduler()
    with pytest.raises(ExceptionGroup) as caught:
        await worker.wait_until_stopped()
    assert caught.group_contains(RuntimeError, match="fleet has lost its row")
    with pytest.raises(ExceptionGroup):
        await worker.stop_scheduler()


async def test_a_tick_that_does_not_come_shows_in_the_status(
    make_worker: MakeWorker, until: Until
) -> None:
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def scheduled() -> bool:
        return worker.get_status().next_run is not None

    await until(scheduled)
    time.sleep(0.3)  # noqa: ASYNC251  # the loop is to stand still
    assert worker.get_status().tick_overdue
    assert 0.2 < worker.get_status().tick_lag < 10

    async def came() -> bool:
        status = worker.get_status()
        return not status.tick_overdue and status.tick_lag == 0

    await until(came)


# -- working -----------------------------------------------------------------------------------


async def test_enrich_sessions_works_until_nothing_is_due(
    make_worker: MakeWorker, lists: Lists
) -> None:
    worker = await make_worker()
    session = await lists.add(HEAT, ALIEN, "title:no film of this name|1987")
    other = await lists.add(MATRIX, HEAT)
    await worker.enrich_sessions()
    assert await lists.counts(session) == (2, 1, 0)
    assert await lists.counts(other) == (2, 0, 0)
    assert worker.get_status().worker_status == "stopped"
    await worker.enrich_sessions()  # with nothing to do it comes back


async def test_a_film_of_two_sessions_is_asked_for_once(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn
) -> None:
    worker = await make_worker()
    for _ in range(3):
        await lists.add(HEAT)
    await worker.enrich_sessions()
    assert tmdb.state.requests == 2, "one search, one film"


async def test_enrich_session_works_on_that_session_only(
    make_worker: MakeWorker, lists: Lists
) -> None:
    worker = await make_worker()
    other = await lists.add(ALIEN, HEAT)
    mine = await lists.add(MATRIX, HEAT)
    await worker.enrich_session(mine)
    assert await lists.status(mine) == "completed"
    assert await lists.counts(other) == (1, 0, 0)
    await worker.enrich_sessions()
    assert await lists.status(other) == "completed"


async def test_working_by_hand_is_refused_while_the_scheduler_does_it(
    make_worker: MakeWorker,
) -> None:
    worker = await make_worker()
    await worker.start_scheduler()
    with pytest.raises(RuntimeError, match="scheduler"):
        await worker.enrich_sessions()


async def test_a_force_asks_again(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, break_tmdb: BreakTMDB
) -> None:
    worker = await make_worker(attempts=1)
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "query=heat", "kind": "status", "status": 500})
    await worker.enrich_sessions()
    assert await lists.counts(session) == (1, 0, 1)
    break_tmdb()
    asked_so_far = tmdb.state.requests
    assert await worker.force_enrich_session(session) == 1
    await worker.enrich_sessions()
    assert await lists.counts(session) == (2, 0, 0)
    assert tmdb.state.requests == asked_so_far + 2, "what was found is not asked for again"


# -- waking up ---------------------------------------------------------------------------------


async def test_a_notification_wakes_the_worker(
    make_worker: MakeWorker, lists: Lists, until: Until, completed: Completed, tmdb: RunningStandIn
) -> None:
    worker = await make_worker(interval=NEVER, heartbeat=NEVER, worker_timeout=2 * NEVER)
    await worker.start_scheduler()

    async def listens() -> bool:
        return worker.get_status().listening

    await until(listens)
    first = await lists.add(HEAT)
    await lists.announce(first)
    await completed(first)
    second = await lists.add(ALIEN)
    asked = tmdb.state.requests
    await lists.announce(second)
    await completed(second)
    assert tmdb.state.requests == asked + 2


async def test_the_tick_finds_work_whose_notification_was_lost(
    make_worker: MakeWorker, lists: Lists, until: Until, completed: Completed
) -> None:
    worker = await make_worker(interval=0.2, heartbeat=NEVER, worker_timeout=2 * NEVER)
    await worker.start_scheduler()

    async def ticks() -> bool:
        return worker.get_status().last_run is not None

    await until(ticks)
    await completed(await lists.add(HEAT))


def healed(events: Iterable[Mapping[str, Any]]) -> list[str]:
    return [event["session_id"] for event in events if event["event"] == "session_reconciled"]


async def test_the_tick_mends_what_was_broken_by_hand(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    database: Database,
    storage: StorageService,
    completed: Completed,
    until: Until,
) -> None:
    lost, miscounted, unread = [await lists.add(key) for key in (HEAT, ALIEN, MATRIX)]
    worker = await make_worker(interval=0.1, chore=60.0)
    await worker.enrich_session(miscounted)
    await database.fetchval(
        "update session_counts set enriched = 0 where session_id = $1", miscounted
    )
    await database.fetchval("update lookups set due_at = null, turn = null where key = $1", HEAT)
    await database.fetchval("update sessions set read_at = '2020-01-01' where id = $1", unread)
    with capture_logs() as events:
        await worker.start_scheduler()
        await completed(lost)
        await completed(miscounted)

        async def forgotten_and_told() -> bool:
            left = await database.fetchval("select count(*) from sessions")
            return bool(left == 2 and len(healed(events)) >= 2)

        await until(forgotten_and_told)
        await worker.stop_scheduler()
    assert await lists.drifted() == []
    assert sorted(healed(events)) == sorted([str(lost), str(miscounted)])
    assert await storage.sessions.waiting() == 0


async def test_the_tick_goes_on_after_a_mend_that_failed(
    make_worker: MakeWorker, database: Database, until: Until
) -> None:
    await database.fetchval("alter table sessions rename to sessions_away")
    worker = await make_worker(interval=0.05)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def failed_twice() -> bool:
            return [event["event"] for event in events].count("chore_failed") >= 2

        await until(failed_twice)
        assert worker.get_status().running
        await worker.stop_scheduler()


# -- pausing -----------------------------------------------------------------------------------


async def test_while_paused_nothing_is_sent_by_any_worker_old_or_new(
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    until: Until,
    completed: Completed,
) -> None:
    first = await make_worker(interval=0.1)
    await first.pause_enrichment()
    session = await lists.add(HEAT)
    await first.start_scheduler()
    second = await make_worker(interval=0.1)
    await second.start_scheduler()
    for worker in (first, second):

        async def is_paused(worker: EnrichmentWorker = worker) -> bool:
            status = worker.get_status()
            return status.worker_status == "paused" and status.last_run is not None

        await until(is_paused)
    assert tmdb.state.requests == 0
    assert (await lists.lookup(HEAT))["claimed_by"] is None
    await second.resume_enrichment()
    await completed(session)


async def test_a_paused_fleet_gives_enrich_sessions_nothing_to_do(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn
) -> None:
    worker = await make_worker()
    await worker.pause_enrichment()
    await lists.add(HEAT)
    await worker.enrich_sessions()
    assert tmdb.state.requests == 0


async def test_a_pause_holds_the_next_request_of_a_film_in_flight_and_resuming_sends_it(
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    until: Until,
) -> None:
    worker = await make_worker(interval=0.1, timeout_seconds=60.0)
    session = await lists.add(HEAT)
    break_tmdb({"match": "search", "kind": "hold"})
    working = asyncio.create_task(worker.enrich_sessions())

    async def asked() -> bool:
        return tmdb.state.requests == 1

    await until(asked)
    await worker.pause_enrichment()
    break_tmdb()

    async def answered() -> bool:
        return tmdb.state.answered[200] == 1 and worker._gate.waiting == 1  # noqa: SLF001  # where it waits

    await until(answered)
    assert tmdb.state.requests == 1
    await worker.resume_enrichment()
    async with asyncio.timeout(60):
        await working
    assert await lists.counts(session) == (1, 0, 0)


# -- stopping ----------------------------------------------------------------------------------


async def test_stopping_finishes_what_is_in_flight(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, break_tmdb: BreakTMDB, until: Until
) -> None:
    worker = await make_worker(drain=100.0, timeout_seconds=60.0)
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "/3/", "kind": "hold"})
    await worker.start_scheduler()

    async def both_asked() -> bool:
        return tmdb.state.requests >= 2

    await until(both_asked)
    later = await lists.add(MATRIX)
    await lists.announce(later)
    with capture_logs() as events:
        stopping = asyncio.create_task(worker.stop_scheduler())

        async def drains() -> bool:
            return "worker_draining" in [event["event"] for event in events]

        await until(drains)
        break_tmdb()
        await stopping
    assert await lists.counts(session) == (2, 0, 0)
    assert (await lists.lookup(MATRIX))["claimed_by"] is None


async def test_what_cannot_be_finished_in_time_is_given_back_untouched(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    until: Until,
    completed: Completed,
) -> None:
    worker = await make_worker(drain=0.2, timeout_seconds=60.0)
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "query=heat", "kind": "hang"})
    await worker.start_scheduler()

    async def one_hangs_and_one_is_done() -> bool:
        return tmdb.state.faults.struck["hang"] == 1 and await lists.counts(session) == (1, 0, 0)

    await until(one_hangs_and_one_is_done)
    await worker.stop_scheduler()
    row = await lists.lookup(HEAT)
    assert (row["claimed_by"], row["attempts"], row["outcome"]) == (None, 0, None)
    break_tmdb()
    successor = await make_worker()
    await successor.start_scheduler()
    await completed(session)


# -- being cut off -----------------------------------------------------------------------------


async def test_a_worker_whose_heartbeat_fails_stops_claiming_until_it_beats_again(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    database: Database,
    tmdb: RunningStandIn,
    until: Until,
    completed: Completed,
) -> None:
    worker = await make_worker(interval=0.1, heartbeat=0.1, worker_timeout=0.4)
    with capture_logs() as events:
        await worker.start_scheduler()
        await completed(await lists.add(HEAT))
        await database.fetchval("alter table workers rename to workers_away")

        async def cut_off() -> bool:
            failed = "heartbeat_failed" in [event["event"] for event in events]
            return failed and not worker._heartbeat.is_fresh  # noqa: SLF001  # what it goes by

        await until(cut_off)
        session = await lists.add(ALIEN)
        await lists.announce(session)
        before = worker.get_status().last_run

        async def ticked() -> bool:
            return worker.get_status().last_run != before

        await until(ticked)
        assert (await lists.lookup(ALIEN))["claimed_by"] is None
        assert tmdb.state.requests == 2
        await database.fetchval("alter table workers_away rename to workers")
        await completed(session)


async def test_films_of_a_worker_that_died_are_taken_over(
    make_worker: MakeWorker, lists: Lists, storage: StorageService, completed: Completed
) -> None:
    session = await lists.add(HEAT, ALIEN)
    await storage.queue.claim(uuid4(), uuid4(), 1)
    worker = await make_worker(heartbeat=0.1)
    with capture_logs() as events:
        await worker.start_scheduler()
        await completed(session)
    assert [event["count"] for event in events if event["event"] == "claims_reclaimed"] == [1]


async def test_a_claim_whose_answer_was_lost_is_taken_up_again(
    make_worker: MakeWorker, lists: Lists, storage: StorageService, completed: Completed
) -> None:
    session = await lists.add(HEAT)
    worker = await make_worker(heartbeat=0.1)
    await storage.queue.claim(worker.worker_id, uuid4(), 1)
    await worker.start_scheduler()
    await completed(session)


async def test_films_of_a_living_worker_are_left_to_it(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    database: Database,
    until: Until,
) -> None:
    busy = await make_worker(heartbeat=0.1, timeout_seconds=60.0, drain=0.1)
    session = await lists.add(HEAT)
    break_tmdb({"match": "query=heat", "kind": "hang", "times": 1})
    await busy.start_scheduler()

    async def hangs() -> bool:
        return tmdb.state.faults.struck["hang"] == 1

    await until(hangs)
    other = await make_worker(heartbeat=0.1, interval=0.1)
    beats: set[tuple[object, object]] = set()
    with capture_logs() as events:
        await other.start_scheduler()
        done = await lists.add(ALIEN)

        async def done_by_the_other() -> bool:
            return await lists.counts(done) == (1, 0, 0)

        await until(done_by_the_other)

        async def both_beat_on() -> bool:
            rows = await database.fetch("select id, heartbeat_at from workers")
            beats.update((row["id"], row["heartbeat_at"]) for row in rows)
            told = [worker_id for worker_id, _ in beats]
            return min(told.count(busy.worker_id), told.count(other.worker_id)) > 3

        await until(both_beat_on)
        assert (await lists.lookup(HEAT))["claimed_by"] == busy.worker_id
    assert "claims_reclaimed" not in [event["event"] for event in events]
    assert await lists.counts(session) == (0, 0, 0)


async def test_an_id_that_tmdb_does_not_know_is_found_by_title_in_the_same_run(
    make_worker: MakeWorker, lists: Lists, asked: type[Asked]
) -> None:
    worker = await make_worker()
    session = await lists.add(asked("imdb:tt99999999", "Heat", 1995), "tmdb:999999999")
    await worker.enrich_sessions()
    assert await lists.counts(session) == (1, 1, 0)
    assert (await lists.lookup(HEAT))["tmdb_id"] == 949
