"""What the tick mends: broken counts, lookups that nobody queued, what nobody lists or reads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.storage.completions import Completion
from shared.models import UPLOADS_LOCK, Outcome

if TYPE_CHECKING:
    import asyncpg

    from enrich_service.storage import StorageService
    from shared.database import Database
    from tests.integration.enrich_service.conftest import Lists

A, B, C = "title:a|1999", "title:b|1999", "title:c|1999"


async def end_all(storage: StorageService, outcome: Outcome = Outcome.NOT_FOUND) -> None:
    claims = await storage.queue.claim(uuid4(), uuid4(), 100)
    await storage.completions.save([Completion(claim, outcome, "test") for claim in claims])


# -- healing -----------------------------------------------------------------------------------


async def test_counts_that_were_broken_by_hand_are_mended(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end_all(storage)
    await database.fetchval("update sessions set not_found = 1")
    assert await lists.status(session) == "enriching"
    assert await storage.sessions.heal() == [session]
    assert await lists.counts(session) == (0, 2, 0)
    assert await lists.status(session) == "completed"
    assert await storage.sessions.heal() == []


async def test_a_wrong_total_is_mended_too(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end_all(storage)
    await database.fetchval("update sessions set total = 5")
    assert await storage.sessions.heal() == [session]
    assert await lists.drifted() == []


async def test_lookups_that_fell_out_of_the_queue_are_queued_again(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await database.fetchval("update lookups set due_at = null, turn = null")
    assert (await storage.queue.view(20)).due == 0
    assert await storage.sessions.heal() == [session]
    assert (await storage.queue.view(20)).due == 2
    assert await lists.counts(session) == (0, 0, 0)


async def test_a_session_with_some_films_out_of_the_queue_is_healed_in_the_end(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C)
    await database.fetchval("update lookups set due_at = null, turn = null where key = $1", B)
    await end_all(storage)
    assert await storage.sessions.heal() == [session]
    await end_all(storage)
    assert await lists.status(session) == "completed"


async def test_healthy_sessions_are_left_alone(storage: StorageService, lists: Lists) -> None:
    await lists.add(A, B)
    claimed = await storage.queue.claim(uuid4(), uuid4(), 1)
    await storage.queue.retry(claimed[0], attempts=1, backoff_seconds=60)
    await lists.add(C)
    await storage.queue.claim(uuid4(), uuid4(), 10)
    assert await storage.sessions.heal() == []


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
    await storage.sessions.heal()
    await other.execute("select 1")  # notifications come before its answer
    assert sorted(heard) == [("new_work", str(session)), ("session_progress", str(session))]


# -- sweeping ----------------------------------------------------------------------------------


async def test_what_nobody_lists_any_more_leaves_the_queue(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    kept = await lists.add(A)
    gone = await lists.add(A, B, C)
    await database.fetchval("delete from sessions where id = $1", gone)
    assert await storage.sessions.sweep_unlisted() == 2
    assert await lists.keys(kept) == [A]
    assert await database.fetchval("select array_agg(key) from lookups") == [A]
    assert await storage.sessions.sweep_unlisted() == 0


async def test_an_answer_is_kept_even_when_nobody_lists_it(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A)
    await end_all(storage)
    await database.fetchval("delete from sessions")
    assert await storage.sessions.sweep_unlisted() == 0
    assert await database.fetchval("select count(*) from lookups") == 1


async def test_sweeping_gives_way_to_an_upload_in_progress(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    await lists.add(A)
    await database.fetchval("delete from sessions")
    async with other.transaction():
        await other.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
        assert await storage.sessions.sweep_unlisted() == 0
    assert await storage.sessions.sweep_unlisted() == 1


async def test_what_somebody_holds_is_not_swept(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    await lists.add(A, B)
    await database.fetchval("delete from sessions")
    async with other.transaction():
        await other.execute("select 1 from lookups where key = $1 for key share", A)
        assert await storage.sessions.sweep_unlisted() == 1
    assert await storage.sessions.sweep_unlisted() == 1


# -- forgetting --------------------------------------------------------------------------------


async def test_sessions_that_nobody_reads_are_deleted_a_few_at_a_time_oldest_first(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    sessions = [await lists.add(A) for _ in range(4)]
    for days, session in zip((33, 31, 29, 32), sessions, strict=True):
        await database.fetchval(
            "update sessions set read_at = clock_timestamp() - $2 * interval '1 day' where id = $1",
            session,
            days,
        )
    assert await storage.sessions.forget_unread(30, 2) == 2
    left = await database.fetchval("select array_agg(id) from sessions")
    assert set(left) == {sessions[1], sessions[2]}
    assert await storage.sessions.forget_unread(30, 2) == 1
    assert await storage.sessions.forget_unread(30, 2) == 0
    assert await database.fetchval("select count(*) from movies") == 1


async def test_a_session_that_is_being_worked_on_is_not_waited_for(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    await lists.add(A)
    await database.fetchval("update sessions set read_at = '2020-01-01'")
    async with other.transaction():
        await other.execute("select 1 from sessions for no key update")
        assert await storage.sessions.forget_unread(30, 20) == 0
    assert await storage.sessions.forget_unread(30, 20) == 1


async def test_waiting_counts_sessions_that_are_not_complete(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add(A)
    assert await storage.sessions.waiting() == 1
    await end_all(storage)
    assert await storage.sessions.waiting() == 0
