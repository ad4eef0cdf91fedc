"""The turns of one client's films: never more than four at one turn, however many sessions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from api_service.storage import StorageService
from benchmarks.client_uploads import TRACEPARENT, ClientUploads, Named
from enrich_service.storage import StorageService as DaemonStorage
from shared.models import UPLOADS_LOCK
from shared.sql.requeue import bring_forward
from shared.sql.turn_grants import SHARES

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from shared.postgres.database import Database
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service, Until

CROWDED = """
    select turn, count(*)
    from lookups
    where due_at is not null
      and id in (
        select lookup_id
        from movies
        join sessions on sessions.id = session_id
        where client = $1
      )
    group by turn
    having count(*) > $2
"""
"""Turns at which more of a client's films stand than may."""
GRANTS = "select first_turn, last_turn from queue_grants where client = $1 order by id"


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> ClientUploads:
    """Lists of named clients."""
    return ClientUploads(database, tmp_path)


def films(name: str, count: int) -> list[Named]:
    """So many films that no list of another name has."""
    return [Named(f"{name} {number}", 2000) for number in range(count)]


async def turns(database: Database, session_id: UUID) -> list[int]:
    """The turns of a session's queued films, in the order of the list."""
    rows = await database.fetch(
        """
        select turn
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1 and due_at is not null
        order by position
        """,
        session_id,
    )
    return [row["turn"] for row in rows]


async def grants(database: Database, client: str = "one") -> list[tuple[int, int]]:
    """The first and the last turn of each of a client's grants."""
    return [tuple(row) for row in await database.fetch(GRANTS, client)]


async def crowded(database: Database, client: str = "one") -> list[asyncpg.Record]:
    """Turns that have more of a client's films than may be."""
    return await database.fetch(CROWDED, client, SHARES)


async def test_the_fifth_list_of_a_client_begins_after_the_fourth_largest(
    uploads: ClientUploads, database: Database
) -> None:
    for number, count in enumerate((10, 30, 20, 40)):
        assert await turns(
            database, await uploads.store("one", films(f"large {number}", count))
        ) == list(range(1, count + 1)), "four lists go side by side"
    fifth = await uploads.store("one", films("fifth", 3))
    sixth = await uploads.store("one", films("sixth", 3))
    assert await turns(database, fifth) == [11, 12, 13]
    assert await turns(database, sixth) == [14, 15, 16]
    assert await crowded(database) == []


async def test_a_small_list_goes_beside_three_large_ones(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(3):
        await uploads.store("one", films(f"large {number}", 100))
    assert await turns(database, await uploads.store("one", films("small", 2))) == [1, 2]


async def test_another_client_and_an_unknown_one_begin_at_once(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(6):
        await uploads.store("one", films(f"one {number}", 10))
    assert await turns(database, await uploads.store("two", films("two", 2))) == [1, 2]
    for number in range(6):
        unknown = await uploads.store(None, films(f"unknown {number}", 2))
        assert await turns(database, unknown) == [1, 2]


async def test_a_grant_that_the_clock_has_passed_counts_no_more(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    await database.fetchval("insert into virtual_times (turn) values (10)")
    assert await turns(database, await uploads.store("one", films("next", 2))) == [11, 12]
    await DaemonStorage(database).retention.prune_grants()
    assert await grants(database) == [(11, 12)]


async def test_uploads_at_once_never_crowd_a_turn(
    uploads: ClientUploads, database: Database
) -> None:
    lists = [films(f"list {number}", 1 + 7 * number % 23) for number in range(30)]
    lists += [[*films("list 3", 10), *films(f"more {number}", 5)] for number in range(10)]
    await asyncio.gather(*(uploads.store("one", listed) for listed in lists))
    assert await crowded(database) == []
    assert len(await grants(database)) >= len(lists), "each has its own"


async def test_a_grant_is_cut_to_what_was_queued(
    uploads: ClientUploads, database: Database, daemon: Daemon
) -> None:
    known = films("known", 20)
    await uploads.store(None, known)
    await daemon.answer(not_found=[f"title:{film.title}|2000" for film in known])
    await uploads.store("one", [*known, *films("new", 3)])
    base = await database.fetchval("select max(turn) from virtual_times")
    assert await grants(database) == [(base + 1, base + 3)]
    await uploads.store("one", known)
    assert len(await grants(database)) == 1, "nothing was queued, and nothing is granted"


async def test_a_failed_upload_leaves_no_grant(uploads: ClientUploads, database: Database) -> None:
    upload = uploads.staged("one", films("broken", 5))
    upload.movies.write_text("not,a,movie\n")
    with pytest.raises(asyncpg.PostgresError):
        await StorageService(database).uploads.store(upload)
    assert await grants(database) == []


async def test_a_cancelled_upload_leaves_no_grant(
    uploads: ClientUploads, database: Database, dsn: str, until: Until
) -> None:
    upload = uploads.staged("one", films("cancelled", 5))
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", UPLOADS_LOCK)
        storing = asyncio.create_task(StorageService(database).uploads.store(upload))
        await until(lambda: connection.fetchval("select count(*) from pg_locks where not granted"))
        assert await grants(database) == [(1, 5)]
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing
    await connection.close()
    assert await grants(database) == []


async def test_deleting_a_session_frees_its_turns(
    uploads: ClientUploads, database: Database
) -> None:
    sessions = [await uploads.store("one", films(f"list {number}", 10)) for number in range(6)]
    for session_id in sessions[3:]:
        await StorageService(database).sessions.delete(session_id)
    assert await turns(database, await uploads.store("one", films("next", 2))) == [1, 2]


async def test_a_force_waits_for_the_clients_other_lists(
    uploads: ClientUploads, database: Database, daemon: Daemon
) -> None:
    forced = await uploads.store("one", films("failed", 3))
    await daemon.answer(failed=[f"title:failed {number}|2000" for number in range(3)])
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    assert (await grants(database))[-1] == (4, 13)
    storage = DaemonStorage(database)
    assert await storage.sessions.force(forced) == 3
    assert await turns(database, forced) == [14, 15, 16]
    assert (await grants(database))[-1] == (14, 16)
    assert await storage.sessions.force(forced) == 0
    assert (await grants(database))[-1] == (14, 16), "nothing was queued"


async def test_a_correction_waits_for_the_clients_other_lists(
    uploads: ClientUploads, database: Database
) -> None:
    sessions = [await uploads.store("one", films(f"list {number}", 10)) for number in range(SHARES)]
    await StorageService(database).matches.repoint(sessions[0], 3, "tmdb:603", TRACEPARENT)
    assert (await turns(database, sessions[0]))[2] == 11
    assert (await grants(database))[-1] == (11, 11)
    assert await crowded(database) == []


async def test_an_addition_waits_for_the_clients_other_lists(
    uploads: ClientUploads, database: Database, service: Service
) -> None:
    small = await uploads.store("one", films("small", 2))
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    answer = await service.client.post(
        f"/api/session/{small}/upload",
        data="Title,Year\nMore 1,2000\nMore 2,2000\nSmall 1,2000\n",
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status == 200, await answer.text()
    # Three of the lists end at 10; the fourth began after the small one, and ends at 12.
    assert await turns(database, small) == [1, 2, 11, 12]
    assert await crowded(database) == []


async def test_another_clients_film_takes_the_earliest_turn_that_any_gives(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    waiting = await uploads.store("one", films("wanted", 2))
    assert await turns(database, waiting) == [11, 12]
    await uploads.store("two", films("wanted", 2))
    assert await turns(database, waiting) == [1, 2]
    assert await grants(database, "two") == [(1, 2)]


async def test_a_client_brings_its_own_waiting_list_no_further_forward(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    waiting = await uploads.store("one", films("wanted", 2))
    again = await uploads.store("one", films("wanted", 2))
    await bring_forward(database, again)
    assert await turns(database, waiting) == [11, 12]
    assert len(await grants(database)) == SHARES + 1
