"""Asking again: a force, an upload of what failed before, and moving up in the queue."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.lookups import Completion
from shared.models import Outcome
from shared.sql.requeue import bring_forward, reopen_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    import asyncpg

    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

A, B, C, D = (f"title:{letter}|1999" for letter in "abcd")


async def end(storage: StorageService, **outcomes: Outcome) -> None:
    """End the films named `a`, `b` … with these outcomes."""
    claims = await storage.queue.claim(uuid4(), uuid4(), 100)
    kept = {claim.key.removeprefix("title:").partition("|")[0]: claim for claim in claims}
    await storage.completions.save(
        [
            Completion(kept.pop(name), outcome, "test", candidates=({"tmdb_id": 1},))
            for name, outcome in outcomes.items()
        ]
    )
    for claim in kept.values():
        await storage.queue.release(claim)


async def make_found(database: Database, key: str) -> None:
    """Let a lookup that is pending be found, with the counts of its one session."""
    await database.fetchval(
        """
        insert into catalogue (
          tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
          vote_count, popularity
        )
        values (1, 'A', 'A', '{}', '[]', '[]', '{}', '{}', 0, 0)
        """
    )
    await database.fetchval(
        """
        update lookups
        set outcome = 'found', tmdb_id = 1, answered_at = clock_timestamp(), due_at = null,
          turn = null
        where key = $1
        """,
        key,
    )
    await database.fetchval("update session_counts set enriched = enriched + 1")


async def test_a_force_queues_again_what_was_not_found_or_failed_and_nothing_else(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C, D)
    await end(storage, b=Outcome.NOT_FOUND, c=Outcome.FAILED)
    await make_found(database, A)
    assert await lists.counts(session) == (1, 1, 1)
    assert await storage.sessions.force(session) == 2
    assert await lists.counts(session) == (1, 0, 0)
    assert await lists.drifted() == []
    again = await lists.lookup(B)
    cleared = ("outcome", "reason", "confidence", "candidates", "answered_at", "tmdb_id")
    assert [again[name] for name in cleared] == [None] * 6
    assert again["attempts"] == 0
    claimed = await storage.queue.claim(uuid4(), uuid4(), 10)
    assert {claim.key for claim in claimed} == {B, C, D}


async def test_a_force_moves_every_session_that_lists_the_film(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add(A, B)
    neighbour = await lists.add(B, C)
    await end(storage, a=Outcome.NOT_FOUND, b=Outcome.FAILED, c=Outcome.NOT_FOUND)
    assert await lists.status(neighbour) == "completed"
    await storage.sessions.force(session)
    assert await lists.counts(neighbour) == (0, 1, 0)
    assert await lists.status(neighbour) == "enriching"
    assert await lists.drifted() == []


async def test_a_completed_session_forgets_when_it_was_and_completes_anew(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A)
    await end(storage, a=Outcome.FAILED)
    first = await database.fetchval("select completed_at from sessions")
    await storage.sessions.force(session)
    assert await database.fetchval("select completed_at from sessions") is None
    await end(storage, a=Outcome.NOT_FOUND)
    assert await database.fetchval("select completed_at from sessions") > first


async def test_a_force_gives_turns_in_the_order_of_the_list(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add(C, A, B)
    await end(storage, a=Outcome.FAILED, b=Outcome.FAILED, c=Outcome.FAILED)
    await storage.sessions.force(session)
    claimed = await storage.queue.claim(uuid4(), uuid4(), 10)
    assert [claim.key for claim in claimed] == [C, A, B]


async def test_a_force_leaves_claimed_films_alone_and_does_not_wait_for_them(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end(storage, a=Outcome.FAILED, b=Outcome.FAILED)
    await database.fetchval(
        """
        update lookups
        set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid(),
          due_at = clock_timestamp(), turn = 1
        where key = $1
        """,
        A,
    )
    assert await storage.sessions.force(session) == 1
    assert (await lists.lookup(A))["outcome"] == "failed"


async def test_a_force_of_nothing_is_no_mistake(storage: StorageService, lists: Lists) -> None:
    session = await lists.add(A)
    assert await storage.sessions.force(session) == 0
    assert await storage.sessions.force(uuid4()) == 0


async def test_films_that_somebody_holds_are_tried_again_without_holding_others(
    storage: StorageService,
    lists: Lists,
    other: asyncpg.Connection[asyncpg.Record],
    until: Until,
) -> None:
    session = await lists.add(A, B)
    await end(storage, a=Outcome.FAILED, b=Outcome.FAILED)
    async with other.transaction():
        await other.execute("select 1 from lookups where key = $1 for key share", A)
        forcing = asyncio.create_task(storage.sessions.force(session))

        async def the_free_one_is_pending() -> bool:
            return (await lists.counts(session)) == (0, 0, 1)

        await until(the_free_one_is_pending)
        assert not forcing.done()
    assert await forcing == 2
    assert await lists.counts(session) == (0, 0, 0)


async def test_films_answered_between_two_passes_are_not_asked_a_second_time(
    storage: StorageService,
    lists: Lists,
    other: asyncpg.Connection[asyncpg.Record],
    until: Until,
) -> None:
    """One that the first pass queued again, and one that whoever held it did."""
    session = await lists.add(A, B)
    await end(storage, a=Outcome.FAILED, b=Outcome.FAILED)
    async with other.transaction():
        await other.execute("select 1 from lookups where key = $1 for update", B)
        forcing = asyncio.create_task(storage.sessions.force(session))

        async def the_free_one_is_pending() -> bool:
            return (await lists.counts(session)) == (0, 0, 1)

        await until(the_free_one_is_pending)
        await end(storage, a=Outcome.NOT_FOUND)
        await other.execute("update lookups set answered_at = clock_timestamp() where key = $1", B)
    assert await forcing == 1
    assert await lists.counts(session) == (0, 1, 1)


async def test_an_upload_asks_again_for_what_failed_and_for_what_is_long_not_found(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C)
    await end(storage, a=Outcome.NOT_FOUND, b=Outcome.NOT_FOUND, c=Outcome.FAILED)
    await database.fetchval(
        "update lookups set answered_at = clock_timestamp() - interval '8 days' where key = $1", A
    )
    count = await reopen_session(database, session, not_found_for=timedelta(days=7))
    assert count == 2
    assert (await lists.lookup(B))["outcome"] == "not_found"
    assert await lists.counts(session) == (0, 1, 0)


async def test_one_film_alone_is_asked_for_again(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B)
    await end(storage, a=Outcome.FAILED, b=Outcome.FAILED)
    lookup_id = (await lists.lookup(B))["id"]
    assert await reopen_session(database, session, lookup_id=lookup_id) == 1
    assert (await lists.lookup(A))["outcome"] == "failed"


async def turns(database: Database) -> dict[str, int]:
    return {
        row["key"]: row["turn"]
        for row in await database.fetch("select key, turn from lookups order by id")
    }


async def long_list_and_short(lists: Lists) -> tuple[UUID, UUID]:
    long = await lists.add(*(f"title:film {number}|1999" for number in range(20)))
    short = await lists.add("title:new|1999", "title:film 15|1999", "title:film 1|1999")
    return long, short


async def test_films_that_are_queued_later_get_the_better_turn(
    lists: Lists, database: Database
) -> None:
    _, short = await long_list_and_short(lists)
    await bring_forward(database, short)
    after = await turns(database)
    assert after["title:film 15|1999"] == 2
    assert after["title:film 1|1999"] == 2, "its own was better"
    assert after["title:film 14|1999"] == 15


async def test_what_is_claimed_or_held_is_not_brought_forward(
    lists: Lists, database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    _, short = await long_list_and_short(lists)
    await database.fetchval(
        "update lookups set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid() "
        "where key = 'title:film 15|1999'"
    )
    await bring_forward(database, short)
    assert (await turns(database))["title:film 15|1999"] == 16
    await database.fetchval("update lookups set claimed_by = null, claim_token = null")
    async with other.transaction():
        await other.execute("select 1 from lookups for update")
        await bring_forward(database, short)
    assert (await turns(database))["title:film 15|1999"] == 16
    await bring_forward(database, short)
    assert (await turns(database))["title:film 15|1999"] == 2
