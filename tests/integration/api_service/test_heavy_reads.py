"""Heavy reads have few connections, and leave the others to whoever wants little."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from api_service.app import DATABASE_CONNECTIONS
from api_service.storage import STORED_AT_ONCE
from api_service.storage.heavy_reads import LARGE_FILMS, MOST_READS, HeavyReads
from shared.errors import DatabaseBusyError
from tests.support.driving import until

if TYPE_CHECKING:
    import asyncpg

    from tests.support.api_driving import Service

HEAVY = (
    "summary?genre=Drama",
    "movies?genre=Drama",
    "movies?outcome=found",
    "movies?sort=title",
    "movies/positions",
    "export",
    "report",
)


async def test_turns_are_few_and_come_back() -> None:
    heavy = HeavyReads(most=1, wait_seconds=0.05)
    async with heavy.turn(1):
        with pytest.raises(DatabaseBusyError) as caught:
            async with heavy.turn(LARGE_FILMS):
                pass
        assert caught.value.retry_after is not None
    with pytest.raises(ValueError, match="within"):
        async with heavy.turn(1):
            raise ValueError("within")
    async with heavy.turn(1):
        pass


async def test_large_lists_leave_turns_to_all_others() -> None:
    heavy = HeavyReads(most=1, wait_seconds=0.05)
    async with heavy.turn(LARGE_FILMS + 1), heavy.turn(LARGE_FILMS):
        for films in (1, LARGE_FILMS + 1):
            with pytest.raises(DatabaseBusyError):
                await heavy.turn(films).__aenter__()


async def test_others_are_answered_while_all_turns_are_taken(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Heavy reads wait for a table that somebody has locked; nobody else waits for them."""
    session_id = await service.session("Heat,1995")
    path = f"/api/session/{session_id}"
    async with other.transaction():
        await other.execute("lock table movies")
        taken = [
            asyncio.create_task(service.client.get(f"{path}/movies/positions"))
            for _ in range(MOST_READS)
        ]
        await until(lambda: _waiting(other, MOST_READS))
        refused = asyncio.gather(*(service.client.get(f"{path}/{heavy}") for heavy in HEAVY[1:]))
        while not refused.done():
            await service.status(session_id)
            await asyncio.sleep(0.2)
        for response in await refused:
            await service.problem(response, 503, "database_busy")
            assert int(response.headers["Retry-After"]) > 0
        assert await _waiting(other, MOST_READS), "nobody else has come as far"
    assert [response.status for response in await asyncio.gather(*taken)] == [200] * MOST_READS


async def test_others_are_answered_while_many_lists_are_added_to(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Each addition reads its list out first, here from a table that somebody has locked."""
    lists = [
        await service.session(f"Heat {number},1995") for number in range(DATABASE_CONNECTIONS + 2)
    ]
    async with other.transaction():
        await other.execute("lock table movies")
        adding = [
            asyncio.create_task(
                service.client.post(
                    f"/api/session/{session_id}/upload",
                    data=b"Title,Year\nRan,1985",
                    headers={"Content-Type": "text/csv"},
                )
            )
            for session_id in lists
        ]
        await until(lambda: _waiting(other, STORED_AT_ONCE))
        await service.status(lists[0])
    assert [answer.status for answer in await asyncio.gather(*adding)] == [200] * len(lists)


async def test_small_uploads_waiting_for_another_leave_turns_to_the_next(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Two list films that another upload is queueing, and the third lists one of its own."""
    async with other.transaction():
        await other.execute(
            """
            insert into lookups (key, title, due_at, turn)
            select 'title:' || title || '|1995', title, now(), 1
            from unnest(array['heat', 'seven']) as title
            """
        )
        shared = [
            asyncio.create_task(service.session("Heat,1995")),
            asyncio.create_task(service.session("Seven,1995")),
        ]
        await until(lambda: _waiting(other, 2))
        async with asyncio.timeout(20):
            await service.session("Ran,1985")
        assert await _waiting(other, 2)
    await asyncio.gather(*shared)


async def test_each_is_answered_where_nobody_is_in_the_way(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    for heavy in HEAVY:
        response = await service.client.get(f"/api/session/{session_id}/{heavy}")
        assert response.status == 200


async def test_a_summary_that_nobody_waits_for_ends(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    session_id = await service.session("Heat,1995")
    async with other.transaction():
        await other.execute("lock table movies")
        asking = asyncio.create_task(service.client.get(f"/api/session/{session_id}/summary"))
        await until(lambda: _waiting(other, 1))
        asking.cancel()
        await until(lambda: _waiting(other, 0))


async def _waiting(other: asyncpg.Connection[asyncpg.Record], count: int) -> bool:
    waiting: int = await other.fetchval("select count(*) from pg_locks where not granted")
    return waiting == count
