"""What TMDB says was changed is refreshed; what it does not speak of is not asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from enrich_service.options import WorkerOptions
from enrich_service.storage.changes import FEED_DAYS, ChangesRead
from local_stack.tmdb.changes import CHANGES_PAGE
from shared.lookup_keys import changes_key
from shared.models import BACKGROUND_TURN
from tests.support.scripted_daemon import find_all
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

HEAT = 949
A_DAY = timedelta(days=1)
PAUSE = WorkerOptions().background_pause
OLD = datetime.now(UTC) - timedelta(days=100)
KEYS = ("title:heat|1995", "title:alien|1979", "title:the matrix|1999")


def today() -> date:
    return datetime.now(UTC).date()


async def read_to(database: Database) -> date | None:
    """The last day whose changes were heeded."""
    day: date | None = await database.fetchval("select read_to from change_feed")
    return day


async def claim_page(storage: StorageService, database: Database) -> Claim:
    """Queue the feed's next page and claim it."""
    await storage.changes.begin()
    await storage.changes.queue()
    await database.fetchval("update lookups set due_at = now() where key like 'changes:%'")
    claim = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert claim is not None
    return claim


@pytest.fixture
def all_change(tmdb: RunningStandIn) -> None:
    """Every film is changed on every day."""
    tmdb.state.change_options(tmdb.state.options.model_copy(update={"changed": 1.0}))


@pytest.fixture
async def seen(make_worker: MakeWorker, lists: Lists, database: Database) -> UUID:
    """A list that was enriched two days ago, when the feed was read last."""
    session = await lists.add(*KEYS)
    await (await make_worker()).enrich_sessions()
    await database.fetchval("update request_slots set sent_at = '-infinity'")
    await database.fetchval("update catalogue set fetched_at = fetched_at - interval '2 days'")
    return session


async def read_to_the_end(worker: EnrichmentWorker, database: Database) -> None:
    """Let a worker read all days that are over and refresh what that made old."""
    await worker.start_scheduler()

    async def is_done() -> bool:
        old = await database.fetchval("select count(*) from catalogue where fetched_at < $1", OLD)
        return bool(await read_to(database) == today() - A_DAY and old == 0)

    await until(is_done)
    await worker.stop_scheduler()


# -- where it begins -----------------------------------------------------------------------------


async def test_feed_begins_with_the_first_record_after_midnight(
    storage: StorageService, database: Database, lists: Lists
) -> None:
    await storage.changes.begin()
    assert await read_to(database) is None
    await lists.add("tmdb:949")
    await find_all(storage)
    await storage.changes.begin()
    assert await read_to(database) == today() - A_DAY
    assert await storage.changes.queue() is None, "today is not over"


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(("age", "days_ago", "missed"), [(0, 2, 0), (100, FEED_DAYS, 88)])
async def test_feed_begins_with_the_oldest_record_or_as_early_as_it_tells(
    storage: StorageService, database: Database, age: int, days_ago: int, missed: int
) -> None:
    await database.fetchval(
        "update catalogue set fetched_at = fetched_at - $1::interval", age * A_DAY
    )
    await storage.changes.begin()
    assert await storage.changes.queue() == missed
    assert await storage.changes.queue() is None, "it is queued once"
    row = await database.fetchrow(
        "select key, turn, kept from lookups where due_at < now() + interval '1 hour'"
    )
    assert row is not None
    assert tuple(row) == (changes_key(today() - days_ago * A_DAY, 1), BACKGROUND_TURN, True)


@pytest.mark.parametrize("number", [1, 2])
async def test_page_that_an_earlier_release_has_failed_is_asked_again(
    storage: StorageService, database: Database, number: int
) -> None:
    day = today() - A_DAY
    await database.fetchval("insert into change_feed values (true, $1)", day - A_DAY)
    before = await claim_page(storage, database) if number > 1 else None
    key = changes_key(day, number)
    await database.fetchval(
        "insert into lookups (key, outcome, reason, answered_at, kept) "
        "values ($1, 'failed', 'internal error', now(), true)",
        key,
    )
    if before is None:
        assert await storage.changes.queue() == 0
    else:
        page = ChangesRead(day, number - 1, is_last=False)
        assert await storage.changes.turn_over(before, page, [], 150) == 0
    row = await database.fetchrow(
        "select outcome, turn, due_at is not null from lookups where key = $1", key
    )
    assert row is not None
    assert tuple(row) == (None, BACKGROUND_TURN, True)


# -- what it makes of pages ------------------------------------------------------------------------


@pytest.mark.usefixtures("all_change")
async def test_changed_records_are_refreshed_once_and_the_feed_goes_on_tomorrow(
    *,
    seen: UUID,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
) -> None:
    asked = tmdb.state.by_route["movie"]
    worker = await make_worker(interval=0.05)
    with capture_logs() as events:
        await read_to_the_end(worker, database)
    pages = -(-len(tmdb.state.catalogue.films) // CHANGES_PAGE)
    assert pages > 1
    assert tmdb.state.by_route["movie_changes"] == 2 * pages, "two days are over, no page twice"
    assert len(KEYS) <= tmdb.state.by_route["movie"] - asked <= 2 * len(KEYS)
    assert await lists.counts(seen) == (3, 0, 0)
    assert sum(event["event"] == "changes_read" for event in events) == 2 * pages
    assert await database.fetch("select key from lookups where key like 'changes:%'") == []


@pytest.mark.usefixtures("seen")
async def test_records_of_which_the_feed_does_not_speak_are_not_asked_for(
    make_worker: MakeWorker, tmdb: RunningStandIn, database: Database
) -> None:
    tmdb.state.change_options(tmdb.state.options.model_copy(update={"changed": 0.0}))
    await database.fetchval("update catalogue set fetched_at = fetched_at - interval '97 days'")
    asked = tmdb.state.by_route["movie"]
    await read_to_the_end(await make_worker(interval=0.05), database)
    assert tmdb.state.by_route["movie"] == asked
    assert tmdb.state.by_route["movie_changes"] == FEED_DAYS, "an empty page for each day"


@pytest.mark.usefixtures("all_change")
async def test_unlisted_record_that_changed_is_asked_for_when_somebody_lists_it(
    *,
    seen: UUID,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
) -> None:
    await database.fetchval("delete from sessions where id = $1", seen)
    await database.fetchval("delete from lookups")
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def all_read() -> bool:
        return await read_to(database) == today() - A_DAY

    await until(all_read)
    await worker.stop_scheduler()
    asked = tmdb.state.by_route["movie"]
    await lists.add("imdb:tt0113277")
    await (await make_worker()).enrich_sessions()
    assert tmdb.state.by_route["movie"] == asked + 1


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.usefixtures("seen")
async def test_page_whose_claim_was_lost_changes_nothing(
    storage: StorageService, database: Database
) -> None:
    claim = await claim_page(storage, database)
    await storage.reclaim.reclaim_silent(uuid4(), 0.0)
    page = ChangesRead(today(), 1, is_last=True)
    assert await storage.changes.turn_over(claim, page, [HEAT], 150) is None
    await storage.changes.leave_out(claim)
    assert await read_to(database) == today() - 3 * A_DAY
    assert (await claim_page(storage, database)).key == claim.key
    assert not await database.fetchval("select count(*) from catalogue where fetched_at < $1", OLD)


@pytest.mark.usefixtures("seen")
async def test_record_fetched_after_the_day_has_the_change_already(
    storage: StorageService, database: Database
) -> None:
    for day, old in ((3, 0), (2, 1)):
        await database.fetchval("delete from change_feed")
        claim = await claim_page(storage, database)
        page = ChangesRead(today() - day * A_DAY, 1, is_last=True)
        assert await storage.changes.turn_over(claim, page, [HEAT, 2**31 - 1], 150) == old


@pytest.mark.usefixtures("seen")
async def test_feed_that_tmdb_does_not_give_is_tried_again_tomorrow(
    make_worker: MakeWorker, database: Database, break_tmdb: BreakTMDB
) -> None:
    break_tmdb({"match": "/movie/changes", "kind": "status", "status": 404})
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def postponed() -> bool:
        return bool(
            await database.fetchval(
                "select outcome is null and due_at > now() + interval '23 hours' "
                "from lookups where key like 'changes:%'"
            )
        )

    await until(postponed)
    await worker.stop_scheduler()


@pytest.mark.usefixtures("seen")
async def test_gap_longer_than_the_feed_goes_on_where_the_feed_begins(
    make_worker: MakeWorker, tmdb: RunningStandIn, database: Database
) -> None:
    await database.fetchval("insert into change_feed values (true, $1)", today() - 40 * A_DAY)
    await database.fetchval(
        "insert into lookups (key, due_at, turn, kept) values ($1, now(), $2, true)",
        changes_key(today() - 30 * A_DAY, 7),
        BACKGROUND_TURN,
    )
    with capture_logs() as events:
        await read_to_the_end(await make_worker(interval=0.05), database)
    (missed,) = [event for event in events if event["event"] == "changes_missed"]
    assert missed["days"] == 39 - FEED_DAYS
    assert tmdb.state.by_route["movie_changes"] >= FEED_DAYS
