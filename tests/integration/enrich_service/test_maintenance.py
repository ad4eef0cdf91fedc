"""Each chore of a tick has its own deadline, its own errors and its turn at being first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from enrich_service.options import WorkerOptions
from enrich_service.scheduling.maintenance import Maintenance
from tests.support.scripted_daemon import find_all

if TYPE_CHECKING:
    import asyncpg

    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists

CHORES = (
    "reconcile_sessions",
    "prune_queue",
    "prune_clocks",
    "expire_sessions",
    "prune_answers",
    "prune_slots",
    "prune_grants",
    "expire_clients",
    "expire_titles",
    "drop_records",
    "follow_changes",
    "queue_refreshes",
    "queue_surveys",
    "queue_warm_up",
)
AWAY = (
    "sessions",
    "lookups",
    "request_slots",
    "retry_turns",
    "queue_grants",
    "titles",
    "catalogue",
)


def failed(events: list[Any]) -> list[str]:
    return [event["chore"] for event in events if event["event"] == "chore_failed"]


@pytest.fixture
def wake() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def old_record(storage: StorageService, lists: Lists, database: Database) -> None:
    """A film that somebody lists and whose record has grown old."""
    await lists.add("tmdb:603")
    await find_all(storage)
    await database.fetchval("update catalogue set fetched_at = now() - interval '151 days'")


@pytest.mark.usefixtures("old_record")
async def test_chore_that_takes_too_long_keeps_no_other_from_its_turn(
    storage: StorageService,
    other: asyncpg.Connection[asyncpg.Record],
    wake: asyncio.Event,
) -> None:
    housekeeping = Maintenance(storage, WorkerOptions(chore=1.0, index_votes=0), wake)
    with capture_logs() as events:
        async with other.transaction():
            await other.execute("lock table titles in access exclusive mode")
            await housekeeping.do_round()
    assert failed(events) == ["expire_titles"]
    assert "refreshes_queued" in {event["event"] for event in events}
    assert wake.is_set()


@pytest.mark.usefixtures("old_record")
async def test_chore_that_fails_keeps_no_other_from_its_turn(
    storage: StorageService, database: Database, wake: asyncio.Event
) -> None:
    await database.fetchval("alter table sessions alter read_at type text using read_at::text")
    housekeeping = Maintenance(storage, WorkerOptions(index_votes=0), wake)
    with capture_logs() as events:
        await housekeeping.do_round()
    assert failed(events) == ["expire_sessions"]
    assert "refreshes_queued" in {event["event"] for event in events}


async def test_each_round_begins_with_another_chore(
    storage: StorageService,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    wake: asyncio.Event,
) -> None:
    monkeypatch.setattr("enrich_service.scheduling.maintenance.ROUNDS_BETWEEN_SLOW_CHORES", 1)
    for table in AWAY:
        await database.fetchval(f"alter table {table} rename to {table}_away")
    housekeeping = Maintenance(storage, WorkerOptions(warm_films=1), wake)
    first = []
    for _ in CHORES:
        with capture_logs() as events:
            await housekeeping.do_round()
        assert sorted(failed(events)) == sorted(CHORES)
        first.append(failed(events)[0])
    assert first == list(CHORES)


async def test_forgetting_goes_on_where_it_was_cut_short(
    storage: StorageService, lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrich_service.storage.retention.SWEEP_LOOKUPS", 1)
    await lists.add("tmdb:1", "tmdb:2", "tmdb:3")
    await lists.add("tmdb:4")
    await database.fetchval("update sessions set read_at = '2020-01-01'")
    await database.fetchval(
        """
        create function refuse() returns trigger language plpgsql as $$
        begin
          raise exception 'refused';
        end
        $$
        """
    )
    await database.fetchval(
        """
        create trigger refused before delete on lookups
        for each row when (old.key <> 'tmdb:1') execute function refuse()
        """
    )
    housekeeping = Maintenance(storage, WorkerOptions(index_votes=0), asyncio.Event())
    with capture_logs() as events:
        await housekeeping.do_round()
    assert "expire_sessions" in failed(events)
    await database.fetchval("drop trigger refused on lookups")
    assert await storage.retention.expire_unread(30), "what was left of the first"
    assert await storage.retention.expire_unread(30)
    assert not await storage.retention.expire_unread(30)
    assert await database.fetchval("select count(*) from lookups") == 0
