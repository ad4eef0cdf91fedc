"""A client's grant counts as long as films of its sessions can stand at its turns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import pytest

from api_service.storage import StorageService
from benchmarks.client_uploads import TRACEPARENT, ClientUploads, Named
from enrich_service.storage import StorageService as DaemonStorage
from shared.models import UPLOADS_LOCK
from shared.postgres.database import Database
from shared.sql.requeue import bring_forward
from shared.sql.turn_grants import SHARES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from shared.postgres.database import Connection
    from shared.settings import Settings
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Until

T = TypeVar("T")
MOST_AT_A_TURN = """
    select coalesce(max(films), 0)
    from (select count(*) as films from lookups where due_at is not null group by turn) as turns
"""
GRANTS = "select first_turn, last_turn from queue_grants order by id"


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> ClientUploads:
    """Lists of named clients."""
    return ClientUploads(database, tmp_path)


def films(name: str, count: int) -> list[Named]:
    """So many films that no list of another name has."""
    return [Named(f"{name} {number}", 2000) for number in range(count)]


async def grants(database: Database) -> list[tuple[int, int]]:
    """The first and the last turn of each grant."""
    return [tuple(row) for row in await database.fetch(GRANTS)]


async def test_deleting_lists_that_others_share_crowds_no_turn(
    uploads: ClientUploads, database: Database
) -> None:
    for number in range(3 * SHARES):
        first = await uploads.store("one", films(f"list {number}", 10))
        await uploads.store("one", films(f"list {number}", 10))
        await StorageService(database).sessions.delete(first)
    assert await database.fetchval(MOST_AT_A_TURN) == SHARES
    assert len(await grants(database)) == 3 * SHARES


async def test_deleting_lists_during_an_upload_crowds_no_turn(
    uploads: ClientUploads, database: Database, dsn: str
) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
        for number in range(2 * SHARES):
            session_id = await uploads.store("one", films(f"list {number}", 10))
            await StorageService(database).sessions.delete(session_id)
    await connection.close()
    assert await database.fetchval(MOST_AT_A_TURN) == SHARES


async def test_removing_and_deleting_lists_crowds_no_turn(
    uploads: ClientUploads, database: Database
) -> None:
    storage = StorageService(database)
    for number in range(2 * SHARES):
        first = await uploads.store("one", films(f"list {number}", 2))
        await uploads.store("one", films(f"list {number}", 2))
        for position in (1, 2):
            await storage.matches.remove(first, position)
        await storage.sessions.delete(first)
    assert await database.fetchval(MOST_AT_A_TURN) == SHARES


async def test_a_forgotten_list_keeps_its_turns_until_they_have_passed(
    uploads: ClientUploads, database: Database
) -> None:
    session_id = await uploads.store("one", films("list", 10))
    await database.fetchval(
        "update sessions set read_at = now() - interval '2 days' where id = $1", session_id
    )
    retention = DaemonStorage(database).retention
    assert await retention.expire_unread(1)
    await retention.prune_grants()
    assert await grants(database) == [(1, 10)]
    await database.fetchval("insert into virtual_times (turn) values (10)")
    await retention.prune_grants()
    assert await grants(database) == []


async def test_a_list_deleted_half_way_frees_the_turns_to_come(
    uploads: ClientUploads, database: Database
) -> None:
    session_id = await uploads.store("one", films("list", 10))
    await database.fetchval("insert into virtual_times (turn) values (4)")
    await database.fetchval(
        """
        update lookups
        set outcome = 'not_found', answered_at = now(), due_at = null, turn = null
        where turn <= 4
        """
    )
    await StorageService(database).sessions.delete(session_id)
    assert await grants(database) == []


class UnansweredCommits(Database):
    """Runs the work of each transaction twice, as when the first COMMIT's answer is lost."""

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run it, and run it again."""
        await super().transact(work)
        return await super().transact(work)


@pytest.fixture
async def unanswered(settings: Settings) -> AsyncIterator[Database]:
    """The database, by way of which every transaction happens twice."""
    async with UnansweredCommits(settings, application_name="tests", max_size=2) as database:
        yield database


async def test_a_correction_run_twice_keeps_its_grant(
    uploads: ClientUploads, database: Database, unanswered: Database
) -> None:
    session_id = await uploads.store("one", films("list", 3))
    await StorageService(unanswered).matches.repoint(session_id, 3, "tmdb:603", TRACEPARENT)
    assert (1, 1) in await grants(database)


async def test_a_force_run_twice_keeps_its_grant(
    uploads: ClientUploads, database: Database, unanswered: Database, daemon: Daemon
) -> None:
    session_id = await uploads.store("one", films("failed", 3))
    await daemon.answer(failed=[f"title:failed {number}|2000" for number in range(3)])
    await database.fetchval("delete from queue_grants")
    base = await database.fetchval("select max(turn) from virtual_times")
    await DaemonStorage(unanswered).sessions.force(session_id)
    assert (base + 1, base + 3) in await grants(database)


async def test_films_moved_twice_keep_their_grant(
    uploads: ClientUploads, database: Database, unanswered: Database
) -> None:
    await uploads.store("one", [*films("first", 20), *films("later", 2)])
    again = await uploads.store("two", films("later", 2))
    await database.fetchval("delete from queue_grants")
    await database.fetchval("update lookups set turn = turn + 30")
    await bring_forward(unanswered, again)
    assert (1, 2) in await grants(database)


async def test_a_force_in_two_passes_gives_no_turn_twice(
    uploads: ClientUploads, database: Database, dsn: str, daemon: Daemon, until: Until
) -> None:
    session_id = await uploads.store("one", films("failed", 3))
    await daemon.answer(failed=[f"title:failed {number}|2000" for number in range(3)])
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await connection.fetch("select from lookups where key = 'title:failed 1|2000' for update")
        forcing = asyncio.create_task(DaemonStorage(database).sessions.force(session_id))

        async def has_queued() -> bool:
            return bool(await database.fetchval("select count(*) = 2 from lookups where turn > 0"))

        await until(has_queued)
    await connection.close()
    assert await forcing == 3
    assert await database.fetchval("select count(distinct turn) from lookups") == 3
    assert await database.fetchval(MOST_AT_A_TURN) == 1
    first, last = (await grants(database))[-1]
    assert (await database.fetchval("select min(turn) from lookups")) == first
    assert (await database.fetchval("select max(turn) from lookups")) == last
