"""What is no longer needed goes: lookups that nobody lists, sessions that nobody reads, records."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg

from enrich_service.lookups import Completion
from enrich_service.storage import StorageService, retention
from shared.models import HELD_TURN, UPLOADS_LOCK, Outcome
from tests.support.daemon_answering import end_all, find_all
from tests.support.driving import until
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    import pytest

    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

A, B, C = "title:a|1999", "title:b|1999", "title:c|1999"


async def keys(database: Database) -> set[str]:
    return {row["key"] for row in await database.fetch("select key from lookups")}


# -- sweeping ----------------------------------------------------------------------------------


async def test_what_nobody_lists_any_more_leaves_the_queue(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    kept = await lists.add(A)
    gone = await lists.add(A, B, C)
    await database.fetchval("delete from sessions where id = $1", gone)
    assert await storage.retention.prune_queue() == 2
    assert await lists.keys(kept) == [A]
    assert await database.fetchval("select array_agg(key) from lookups") == [A]
    assert await storage.retention.prune_queue() == 0


async def test_orphans_of_held_lists_go_a_part_at_a_time_and_hide_no_others(
    storage: StorageService, lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SWEEP_LOOKUPS", 2)
    session = await lists.add("tmdb:1", "tmdb:2", "tmdb:3", "tmdb:4", "tmdb:5")
    await database.fetchval(
        "update lookups set turn = $1, due_at = clock_timestamp() + interval '1 year'", HELD_TURN
    )
    await database.fetchval(
        "delete from movies where session_id = $1 and position in (2, 5)", session
    )
    await lists.add("tmdb:6", "tmdb:7")
    await database.fetchval("delete from movies where position = 2 and session_id <> $1", session)
    gone = [await storage.retention.prune_queue() for _ in range(4)]
    assert gone == [2, 0, 1, 0]


async def test_an_answer_is_kept_even_when_nobody_lists_it(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A)
    await end_all(storage)
    await database.fetchval("delete from sessions")
    assert await storage.retention.prune_queue() == 0
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
        assert await storage.retention.prune_queue() == 0
    assert await storage.retention.prune_queue() == 1


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
        assert await storage.retention.prune_queue() == 1
    assert await storage.retention.prune_queue() == 1


async def test_an_old_answer_that_nobody_lists_goes_and_a_young_or_listed_one_stays(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A, B)
    await lists.add(C)
    await end_all(storage)
    await database.fetchval(
        """
        update lookups set answered_at = clock_timestamp() - interval '31 days' where key <> $1
        """,
        B,
    )
    await database.fetchval(
        "delete from sessions where id = (select session_id from movies limit 1)"
    )
    assert await storage.retention.prune_answers(30) == 1
    assert await keys(database) == {B, C}
    assert await storage.retention.prune_answers(30) == 0


async def test_the_sweep_goes_round_all_lookups_a_few_at_a_time(
    storage: StorageService, lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrich_service.storage.retention.SWEEP_LOOKUPS", 2)
    await lists.add(*(f"title:film {n}|1999" for n in range(5)))
    await end_all(storage)
    await database.fetchval("update lookups set answered_at = '2020-01-01'")
    await database.fetchval("delete from sessions")
    assert [await storage.retention.prune_answers(30) for _ in range(4)] == [2, 2, 1, 0]
    await lists.add(A)
    await end_all(storage)
    await database.fetchval("update lookups set answered_at = '2020-01-01'")
    await database.fetchval("delete from sessions")
    assert await storage.retention.prune_answers(30) == 1, "it began anew"


async def test_sweep_goes_on_where_another_daemon_came_to(
    storage: StorageService, lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrich_service.storage.retention.SWEEP_LOOKUPS", 2)
    await lists.add(*(f"title:film {n}|1999" for n in range(5)))
    await end_all(storage)
    await database.fetchval("update lookups set answered_at = '2020-01-01'")
    await database.fetchval("update lookups set kept = true where id <= 2")
    await database.fetchval("delete from sessions")
    assert await storage.retention.prune_answers(30) == 0
    assert [await StorageService(database).retention.prune_answers(30) for _ in range(2)] == [2, 1]


async def test_one_daemon_sweeps_at_a_time(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    await lists.add(A, B)
    await end_all(storage)
    await lists.add(C)
    await database.fetchval("update lookups set answered_at = '2020-01-01' where key <> $1", C)
    await database.fetchval("delete from sessions")
    async with other.transaction():
        await other.execute("select 1 from orphan_sweep for no key update")
        assert await storage.retention.prune_answers(30) == 0
        assert await storage.retention.prune_queue() == 0
    assert await storage.retention.prune_answers(30) == 2
    assert await storage.retention.prune_queue() == 1


async def test_sweep_that_gave_way_comes_to_the_same_again(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    await lists.add(A)
    await end_all(storage)
    await database.fetchval("update lookups set answered_at = '2020-01-01'")
    await database.fetchval("delete from sessions")
    async with other.transaction():
        await other.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
        assert await storage.retention.prune_answers(30) == 0
    assert await storage.retention.prune_answers(30) == 1


async def test_uploads_that_overlap_for_ever_do_not_starve_the_sweep(
    storage: StorageService, lists: Lists, database: Database, dsn: str
) -> None:
    await lists.add(A)
    await database.fetchval("delete from sessions")
    connections = [await asyncpg.connect(dsn) for _ in range(2)]
    uploading = asyncio.create_task(overlap(*connections))
    try:

        async def swept() -> bool:
            return await storage.retention.prune_queue() == 1

        await until(swept)
    finally:
        uploading.cancel()
        for connection in connections:
            connection.terminate()


async def overlap(
    first: asyncpg.Connection[asyncpg.Record], second: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Upload after upload: each ends a moment after the next has begun, or has begun to wait."""
    begin = "begin; select pg_advisory_xact_lock_shared($1)".replace("$1", str(UPLOADS_LOCK))
    await first.execute(begin)
    while True:
        beginning = asyncio.create_task(second.execute(begin))
        await asyncio.wait({beginning}, timeout=0.02)
        await first.execute("commit")
        await beginning
        first, second = second, first


# -- forgetting --------------------------------------------------------------------------------


async def test_sessions_that_nobody_reads_are_deleted_oldest_first(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    sessions = [await lists.add(A) for _ in range(4)]
    for days, session in zip((33, 31, 29, 32), sessions, strict=True):
        await database.fetchval(
            "update sessions set read_at = clock_timestamp() - $2 * interval '1 day' where id = $1",
            session,
            days,
        )
    for gone in (0, 3, 1):
        assert await storage.retention.expire_unread(30)
        left = await database.fetchval("select array_agg(id) from sessions")
        assert sessions[gone] not in left
    assert not await storage.retention.expire_unread(30)
    assert left == [sessions[2]]
    assert await database.fetchval("select count(*) from movies") == 1


async def test_a_forgotten_session_takes_the_lookups_along_that_nobody_else_lists(
    storage: StorageService, lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrich_service.storage.retention.SWEEP_LOOKUPS", 1)
    kept = await lists.add(B)
    await end_all(storage)
    gone = await lists.add(A, B, C)
    (claimed, *_) = await storage.queue.claim(uuid4(), uuid4(), 1)
    await storage.completions.save([Completion(claimed, Outcome.NOT_FOUND, "test")])
    await database.fetchval("update sessions set read_at = '2020-01-01' where id = $1", gone)
    assert await storage.retention.expire_unread(30)
    assert await keys(database) == {B}, "answered or not"
    assert await lists.keys(kept) == [B]


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
        assert not await storage.retention.expire_unread(30)
    assert await storage.retention.expire_unread(30)


# -- records -----------------------------------------------------------------------------------


async def test_an_old_record_that_no_lookup_needs_is_deleted(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("tmdb:603", "tmdb:949")
    await find_all(storage)
    await database.fetchval("update catalogue set fetched_at = '2020-01-01'")
    assert await storage.retention.drop_records(30) == 0, "lookups refer to both"
    await database.fetchval("delete from sessions")
    await database.fetchval("update lookups set answered_at = '2020-01-01' where key = 'tmdb:603'")
    assert await storage.retention.prune_answers(30) == 1
    assert await storage.retention.drop_records(30) == 1
    assert await database.fetchval("select array_agg(tmdb_id) from catalogue") == [949]


async def test_a_young_record_stays_though_no_lookup_needs_it(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("tmdb:603")
    await find_all(storage)
    await database.fetchval("delete from sessions")
    await database.fetchval("delete from lookups")
    assert await storage.retention.drop_records(30) == 0


# -- whose sessions they are -------------------------------------------------------------------


async def test_sessions_forget_their_client_after_so_many_days(
    storage: StorageService, database: Database
) -> None:
    sessions = {age: uuid4() for age in (29, 31, 40)}
    for age, session_id in sessions.items():
        await database.fetchval(ADD_SESSION, session_id, 1)
        await database.fetchval(
            """
            update sessions
            set client = 'somebody', created_at = clock_timestamp() - make_interval(days => $2)
            where id = $1
            """,
            session_id,
            age,
        )
    assert await storage.retention.expire_clients(30) == 2
    rows = await database.fetch("select id from sessions where client is not null")
    assert [row["id"] for row in rows] == [sessions[29]]
    assert await storage.retention.expire_clients(30) == 0


async def test_session_that_was_added_to_lately_keeps_its_client(
    storage: StorageService, database: Database
) -> None:
    session_id = uuid4()
    await database.fetchval(ADD_SESSION, session_id, 1)
    await database.fetchval(
        """
        update sessions set client = 'somebody', created_at = clock_timestamp() - interval '40 days'
        """
    )
    for age in (40, 29):
        await database.fetchval(
            """
            insert into upload_reports (session_id, report, uploaded_at)
            values ($1, '{}', clock_timestamp() - make_interval(days => $2))
            """,
            session_id,
            age,
        )
    assert await storage.retention.expire_clients(30) == 0
    await database.fetchval(
        "update upload_reports set uploaded_at = uploaded_at - interval '2 days'"
    )
    assert await storage.retention.expire_clients(30) == 1
