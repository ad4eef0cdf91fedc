"""Uploads over a database whose defaults were set for others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.models import UPLOADS_LOCK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from tests.support.api_driving import Service


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_counts_stay_exact_under_another_isolation(
    make_service: Callable[..., Awaitable[Service]],
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Callable[[], Awaitable[None]],
    isolation: str,
) -> None:
    """An answer is committed between an upload's first statement and the listing of its films."""
    await _set(other, "default_transaction_isolation", isolation)
    service = await make_service()
    first = await service.session("Heat,1995")
    await other.execute("select pg_advisory_lock($1)", UPLOADS_LOCK)
    second = asyncio.create_task(service.session("Heat,1995"))
    await somebody_waits()
    await _answer(other, first)
    await other.execute("select pg_advisory_unlock($1)", UPLOADS_LOCK)
    assert (await service.counts(await second))[3] == 1
    assert await service.drifted() == []


async def test_uploads_wait_longer_than_a_role_lets_others(
    make_service: Callable[..., Awaitable[Service]],
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Callable[[], Awaitable[None]],
) -> None:
    service = await make_service()
    first = await service.session("Heat,1995")
    await _set(other, "lock_timeout", "1ms")
    late = await make_service()  # its connections are made from here on
    async with other.transaction():
        await _answer(other, first)
        second = asyncio.create_task(late.session("Heat,1995"))
        await somebody_waits()
        # Twice, so that the waiting has outlasted what the role would allow.
        await other.execute("select pg_sleep(0.05)")
        await somebody_waits()
    assert (await late.counts(await second))[3] == 1
    assert await late.drifted() == []


async def _set(other: asyncpg.Connection[asyncpg.Record], name: str, value: str) -> None:
    database = await other.fetchval("select current_database()")
    await other.execute(f"alter database {database} set {name} = '{value}'")


async def _answer(other: asyncpg.Connection[asyncpg.Record], session_id: str) -> None:
    """End the only lookup there is, as a daemon does: hold it, answer it, move the counts."""
    await other.execute("select from lookups for update")
    await other.execute(
        """
        update lookups
        set outcome = 'not_found', answered_at = clock_timestamp(), due_at = null, turn = null
        """
    )
    await other.execute(
        "update session_counts set not_found = 1 where session_id = $1::text::uuid", session_id
    )
