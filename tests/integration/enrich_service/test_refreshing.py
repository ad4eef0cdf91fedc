"""Records grow old and are refreshed while nobody waits; what was found stays found meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from enrich_service.options import WorkerOptions
from enrich_service.storage.request_limit import RequestLimit
from shared.models import BACKGROUND_TURN, Outcome
from tests.support.scripted_daemon import found
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from enrich_service.lookups import Claim
    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

HEAT, ALIEN, MATRIX = "title:heat|1995", "title:alien|1979", "title:the matrix|1999"
MATRIX_ID = 603
DAY = 86400.0
PAUSE = WorkerOptions().background_pause


@pytest.fixture
async def seen(
    make_worker: MakeWorker, lists: Lists, storage: StorageService, database: Database
) -> UUID:
    """A list that was enriched long ago; nothing has changed since."""
    session = await lists.add(HEAT, ALIEN, MATRIX)
    await (await make_worker()).enrich_sessions()
    await storage.changes.begin()
    assert await lists.counts(session) == (3, 0, 0)
    await database.fetchval("update request_slots set sent_at = '-infinity'")
    await database.fetchval("update catalogue set fetched_at = fetched_at - interval '151 days'")
    return session


async def old_records(database: Database) -> int:
    return int(
        await database.fetchval(
            "select count(*) from catalogue where fetched_at < clock_timestamp() - interval '30 d'"
        )
    )


# -- what is queued ----------------------------------------------------------------------------


async def test_old_records_that_somebody_lists_are_queued_once_oldest_first(
    seen: UUID, storage: StorageService, lists: Lists, database: Database
) -> None:
    await database.fetchval(
        "update catalogue set fetched_at = fetched_at - interval '1 d' where tmdb_id = $1",
        MATRIX_ID,
    )
    assert await storage.records.queue_refreshes(30, 1) == 1
    assert (await lists.lookup(MATRIX))["turn"] == BACKGROUND_TURN
    assert await storage.records.queue_refreshes(30, 1) == 0, "one is queued, and that is the most"
    assert await storage.records.queue_refreshes(30, 10) == 2
    assert await storage.records.queue_refreshes(30, 10) == 0
    assert await lists.status(seen) == "completed"
    assert await lists.counts(seen) == (3, 0, 0)


@pytest.mark.usefixtures("seen")
async def test_a_record_that_many_lookups_share_is_queued_once(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(f"tmdb:{MATRIX_ID}")
    (claim,) = await storage.queue.claim(uuid4(), uuid4(), 10)
    await storage.completions.save([found(claim, MATRIX_ID)])
    await database.fetchval("update catalogue set fetched_at = '2020-01-01'")
    assert await storage.records.queue_refreshes(30, 10) == 3
    assert await storage.records.queue_refreshes(30, 10) == 0


@pytest.mark.usefixtures("seen")
async def test_young_records_and_those_that_nobody_lists_are_left_alone(
    storage: StorageService, database: Database
) -> None:
    assert await storage.records.queue_refreshes(152, 10) == 0
    await database.fetchval("delete from sessions")
    assert await storage.records.queue_refreshes(30, 10) == 0


# -- who comes first ---------------------------------------------------------------------------


@pytest.mark.usefixtures("seen")
async def test_whoever_waits_comes_first_and_the_clock_stays_with_them(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await storage.records.queue_refreshes(30, 10)
    view = await storage.queue.view(10)
    assert (view.due, view.background) == (0, True)
    await lists.add("title:se7en|1995")
    assert (await storage.queue.view(10)).due == 1
    (waited_for,) = await storage.queue.claim(uuid4(), uuid4(), 2)
    assert (waited_for.key, waited_for.refreshes) == ("title:se7en|1995", None)
    refresh = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=True)
    assert refresh is not None
    assert refresh.refreshes is not None
    assert await database.fetchval("select max(turn) from virtual_times") < BACKGROUND_TURN


@pytest.mark.usefixtures("seen")
async def test_a_claim_in_the_background_is_rescued_and_given_back_like_any_other(
    storage: StorageService, database: Database
) -> None:
    await storage.records.queue_refreshes(30, 10)
    gone = uuid4()

    async def claim_all() -> list[Claim]:
        claims = [
            await storage.background.claim(gone, uuid4(), PAUSE, in_share=False) for _ in range(3)
        ]
        return [claim for claim in claims if claim]

    assert len(await claim_all()) == 3
    assert (await storage.reclaim.reclaim_silent(uuid4(), 12.0)).freed == 3
    (claim, *others) = await claim_all()
    await storage.queue.release(claim)
    assert await storage.reclaim.release_all(gone) == len(others) == 2
    assert await database.fetchval("select array_agg(distinct turn) from lookups") == [
        BACKGROUND_TURN
    ]


# -- what becomes of them ----------------------------------------------------------------------


async def test_a_daemon_refreshes_old_records_with_one_request_each_and_moves_no_count(
    *, seen: UUID, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    before = {key: await lists.lookup(key) for key in (HEAT, ALIEN, MATRIX)}
    asked = tmdb.state.requests
    worker = await make_worker(interval=0.05)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def all_fresh() -> bool:
            return await old_records(database) == 0

        await until(all_fresh)
        await worker.stop_scheduler()
    assert tmdb.state.requests - asked == 3
    assert tmdb.state.by_route["search_movie"] == 3, "from the first time"
    assert await lists.counts(seen) == (3, 0, 0)
    for key, then in before.items():
        now = await lists.lookup(key)
        for name in ("outcome", "reason", "confidence", "tmdb_id", "due_at", "claimed_by"):
            assert now[name] == then[name]
        assert now["answered_at"] == then["answered_at"], "it is no new answer"
    said = {event["event"] for event in events}
    assert "refreshes_queued" in said
    assert not said & {"movie_enriched", "session_completed", "sessions_found"}


async def test_a_doubtful_film_that_is_refreshed_keeps_what_it_could_be_instead(
    make_worker: MakeWorker, lists: Lists, database: Database
) -> None:
    key = "title:girl with the dragon tattoo|2012"
    await lists.add(key)
    worker = await make_worker(interval=0.05)
    await worker.enrich_sessions()
    before = await lists.lookup(key)
    assert (before["outcome"], before["confidence"]) == ("found", 93)
    others = [other["tmdb_id"] for other in json.loads(before["candidates"])]
    assert others
    assert before["tmdb_id"] not in others

    await database.fetchval("update catalogue set fetched_at = fetched_at - interval '151 days'")
    await worker.start_scheduler()

    async def all_fresh() -> bool:
        return await old_records(database) == 0

    await until(all_fresh)
    await worker.stop_scheduler()
    assert (await lists.lookup(key))["candidates"] == before["candidates"]


async def test_a_record_that_cannot_be_refreshed_stays_and_is_tried_again_tomorrow(
    *, seen: UUID, make_worker: MakeWorker, lists: Lists, database: Database, break_tmdb: BreakTMDB
) -> None:
    break_tmdb({"match": f"/3/movie/{MATRIX_ID}", "kind": "status", "status": 500})
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def postponed() -> bool:
        seconds = await database.fetchval(
            "select extract(epoch from due_at - clock_timestamp()) from lookups where key = $1",
            MATRIX,
        )
        return seconds is not None and seconds > DAY - 60

    await until(postponed)
    await worker.stop_scheduler()
    row = await lists.lookup(MATRIX)
    assert (row["outcome"], row["attempts"], row["turn"]) == ("found", 0, BACKGROUND_TURN)
    assert await lists.counts(seen) == (3, 0, 0)
    assert await lists.status(seen) == "completed"


async def test_a_film_that_tmdb_has_no_more_is_looked_for_anew(
    *, seen: UUID, make_worker: MakeWorker, lists: Lists, break_tmdb: BreakTMDB
) -> None:
    break_tmdb({"match": f"/3/movie/{MATRIX_ID}", "kind": "status", "status": 404})
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def gone() -> bool:
        return str((await lists.lookup(MATRIX))["outcome"]) == Outcome.NOT_FOUND

    await until(gone)
    await worker.stop_scheduler()
    assert await lists.counts(seen) == (2, 1, 0)
    assert await lists.drifted() == []


@pytest.mark.usefixtures("seen")
async def test_background_work_uses_half_the_budget_so_that_a_new_list_starts_at_once(
    *, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    asked = tmdb.state.requests
    worker = await make_worker(
        interval=0.05, request_limit=RequestLimit(limit=4, period=60.0, margin=0.2)
    )
    await worker.start_scheduler()

    async def half_refreshed() -> bool:
        return await old_records(database) == 1

    await until(half_refreshed)
    session = await lists.add("title:se7en|1995")
    await lists.announce(session)

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)
    await worker.stop_scheduler()
    assert await lists.counts(session) == (1, 0, 0)
    assert tmdb.state.requests - asked == 4
    assert await old_records(database) == 1, "the rest waits for its half of the next minute"
