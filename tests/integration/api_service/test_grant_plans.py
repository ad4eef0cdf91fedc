"""A grant reads as little, however many grants its client and all others have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_service.storage import StorageService
from benchmarks.held_snapshot import CountingDatabase
from enrich_service.storage.retention import RetentionStorage
from shared.sql.turn_grants import grant_turns, settle_grant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    import asyncpg

    from shared.settings import Settings

MANY = "client 0"
"""The client that has half of 50,000 grants."""
MOST_BUFFERS = 40
"""Of one grant, which keeps three indexes; reading them all takes hundreds."""
FEW_BUFFERS = 16
"""Of what reads a short range of one index; reading the table takes more than 500."""
FILL = (
    """
    insert into sessions (id, client)
    select lpad(to_hex(n), 32, '0')::uuid, 'client ' || case when n % 2 = 0 then 0 else n end
    from generate_series(1, 50000) as n
    """,
    """
    insert into queue_grants (client, session_id, first_turn, last_turn)
    select client, id, n, n + 100
    from (select client, id, row_number() over (order by id) as n from sessions) as numbered
    """,
    "analyze queue_grants",
    "analyze sessions",
)


@pytest.fixture
async def counting(settings: Settings) -> AsyncIterator[CountingDatabase]:
    """A database with many grants that counts what statements read."""
    async with CountingDatabase(settings, application_name="tests", max_size=1) as database:
        for statement in FILL:
            await database.fetchval(statement)
        yield database


async def buffers(database: CountingDatabase, work: Callable[[], Awaitable[object]]) -> int:
    """What the work reads once its plans are made."""
    for _ in range(8):
        await work()
    database.counting, database.buffers = True, 0
    await work()
    database.counting = False
    return database.buffers


@pytest.mark.parametrize("client", [MANY, "client 1", "a new one"])
async def test_a_grant_is_one_range_from_its_young_end(
    counting: CountingDatabase, client: str
) -> None:
    assert await buffers(counting, lambda: grant_turns(counting, client, 5)) <= MOST_BUFFERS


async def test_a_grant_is_settled_by_its_key(counting: CountingDatabase) -> None:
    session_id: UUID = await counting.fetchval("select id from sessions limit 1")

    async def settle() -> None:
        grant = await grant_turns(counting, MANY, 5)
        assert grant is not None
        await counting.transact(
            lambda connection: settle_grant(connection, grant, session_id, grant.base + 2)
        )

    assert await buffers(counting, settle) <= 2 * MOST_BUFFERS


async def test_a_sessions_turns_are_found_by_index(counting: CountingDatabase) -> None:
    session_id: UUID = await counting.fetchval("select id from sessions limit 1")
    fleet = StorageService(counting).fleet
    assert await buffers(counting, lambda: fleet.turns_until(session_id)) <= 12


async def test_granted_turns_are_counted_without_those_that_have_passed(
    counting: CountingDatabase,
) -> None:
    await counting.fetchval("insert into virtual_times (turn) values (50000)")
    fleet = StorageService(counting).fleet
    assert await buffers(counting, lambda: fleet.granted_until(10)) <= FEW_BUFFERS


async def test_pruning_reads_neither_live_grants_nor_those_it_deleted(
    counting: CountingDatabase, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    retention = RetentionStorage(counting)
    assert await buffers(counting, retention.prune_grants) <= FEW_BUFFERS, "all lie ahead"
    async with other.transaction(isolation="repeatable_read", readonly=True):
        await other.fetch("select from queue_grants limit 1")
        await counting.fetchval("insert into virtual_times (turn) values (20000)")
        for _ in range(3):
            await retention.prune_grants()
        assert await counting.fetchval("select min(last_turn) from queue_grants") == 20_001
        assert await buffers(counting, retention.prune_grants) <= FEW_BUFFERS, "none has passed"


async def test_what_a_client_has_is_added_up_from_indexes(counting: CountingDatabase) -> None:
    clients = StorageService(counting).clients
    read = await buffers(counting, lambda: clients.usage("client 49999"))
    assert read <= FEW_BUFFERS
