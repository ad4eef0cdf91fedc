"""What the tick mends: broken counts, and lookups that nobody queued."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from structlog.testing import capture_logs

from shared.models import HELD_TURN
from shared.sql.requeue import bring_forward
from tests.support.daemon_answering import end_all

if TYPE_CHECKING:
    import asyncpg

    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

A, B, C = "title:a|1999", "title:b|1999", "title:c|1999"


# -- healing -----------------------------------------------------------------------------------


async def test_counts_that_were_broken_by_hand_are_mended(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end_all(storage)
    await database.fetchval("update session_counts set not_found = 1")
    assert await lists.status(session) == "enriching"
    assert await storage.sessions.reconcile() == [session]
    assert await lists.counts(session) == (0, 2, 0)
    assert await lists.status(session) == "completed"
    assert await storage.sessions.reconcile() == []


async def test_completion_recounts_a_miscounted_session_and_is_saved(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A)
    await database.fetchval("update session_counts set enriched = 1")
    with capture_logs() as events:
        await end_all(storage)
    assert [event["event"] for event in events] == ["session_miscounted"]
    assert await lists.counts(session) == (0, 1, 0)
    assert await lists.drifted() == []


async def test_a_wrong_total_is_mended_too(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end_all(storage)
    await database.fetchval("update session_counts set total = 5")
    assert await storage.sessions.reconcile() == [session]
    assert await lists.drifted() == []


async def test_a_film_left_by_a_held_list_is_mended_for_another(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    """As an unknown id leaves it whose movie falls back to a title that only a held list had."""
    session = await lists.add(A, B)
    await database.fetchval(
        """
        update lookups
        set turn = $1, due_at = clock_timestamp() + interval '100 years'
        where key = $2
        """,
        HELD_TURN,
        B,
    )
    assert len(await storage.queue.claim(uuid4(), uuid4(), 10)) == 1
    assert await storage.sessions.reconcile() == [session]
    assert [claim.key for claim in await storage.queue.claim(uuid4(), uuid4(), 10)] == [B]


async def test_a_held_list_is_left_alone(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A)
    await database.fetchval("update sessions set held_at = clock_timestamp()")
    await database.fetchval(
        "update lookups set turn = $1, due_at = clock_timestamp() + interval '100 years'", HELD_TURN
    )
    assert await storage.sessions.reconcile() == []
    await bring_forward(database, session)
    assert await storage.queue.claim(uuid4(), uuid4(), 10) == []


async def test_held_session_is_healed_by_a_later_tick(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    held, free = await lists.add(A), await lists.add(B)
    await database.fetchval("update lookups set due_at = null, turn = null")
    async with other.transaction():
        await other.execute("select from sessions where id = $1 for no key update", held)
        assert await storage.sessions.reconcile() == [free]
    assert await storage.sessions.reconcile() == [held]


async def test_lookups_that_fell_out_of_the_queue_are_queued_again(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await database.fetchval("update lookups set due_at = null, turn = null")
    assert (await storage.queue.view(20)).due == 0
    assert await storage.sessions.reconcile() == [session]
    storage.queue.floor.lower(0)  # as it is told
    assert (await storage.queue.view(20)).due == 2
    assert await lists.counts(session) == (0, 0, 0)


async def test_a_session_with_some_films_out_of_the_queue_is_healed_in_the_end(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C)
    await database.fetchval("update lookups set due_at = null, turn = null where key = $1", B)
    await end_all(storage)
    assert await storage.sessions.reconcile() == [session]
    await end_all(storage)
    assert await lists.status(session) == "completed"


async def test_healthy_sessions_are_left_alone(storage: StorageService, lists: Lists) -> None:
    await lists.add(A, B)
    claimed = await storage.queue.claim(uuid4(), uuid4(), 1)
    await storage.queue.retry(claimed[0], attempts=1, backoff_seconds=60)
    await lists.add(C)
    await storage.queue.claim(uuid4(), uuid4(), 10)
    assert await storage.sessions.reconcile() == []


async def test_healing_tells_those_who_watch_and_those_who_work(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    heard: list[tuple[str, str]] = []
    for channel in ("new_work", "session_progress"):
        await other.add_listener(channel, lambda *said: heard.append((said[2], str(said[3]))))
    session = await lists.add(A)
    await database.fetchval("update lookups set due_at = null, turn = null")
    await storage.sessions.reconcile()
    await other.execute("select 1")  # notifications come before its answer
    assert sorted(heard) == [("new_work", "0"), ("session_progress", str(session))]


async def test_waiting_counts_sessions_that_are_not_complete(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add(A)
    assert await storage.sessions.waiting() == 1
    await end_all(storage)
    assert await storage.sessions.waiting() == 0
