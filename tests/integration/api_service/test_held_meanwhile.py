"""An operator's hold that comes while a request for the same list is under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from tests.support.api_driving import Service

ADDITION = (
    "POST",
    "/upload",
    {"data": b"Title,Year\nRan,1985\n", "headers": {"Content-Type": "text/csv"}},
)
CORRECTION = ("PUT", "/movies/1/match", {"json": {"tmdb_id": 603}})


@pytest.mark.parametrize("request_", [ADDITION, CORRECTION], ids=["addition", "correction"])
async def test_what_began_before_a_hold_is_refused_after_it(
    service: Service,
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Callable[[], Awaitable[None]],
    request_: tuple[str, str, dict[str, Any]],
) -> None:
    session_id = await service.session("Heat,1995")
    method, path, options = request_
    async with other.transaction():
        await other.execute(
            "update sessions set held_at = clock_timestamp() where id = $1", session_id
        )
        asking = asyncio.create_task(
            service.client.request(method, f"/api/session/{session_id}{path}", **options)
        )
        await somebody_waits()
    await service.problem(await asking, 409, "session_held")
    assert (await service.counts(session_id))[1] == 1
    assert (
        await service.database.fetchval(
            "select count(*) from movies where session_id = $1", session_id
        )
        == 1
    )


async def test_a_share_of_a_held_list_can_be_read(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.post(f"/api/session/{session_id}/shares", json={})
    share_id = (await response.json())["share_id"]
    await other.execute("update sessions set held_at = clock_timestamp()")
    status = await service.get(f"/api/share/{share_id}")
    assert status["eta_seconds"] is None
