"""Expired idempotency keys: they answer for nothing, hold nobody up, and go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from api_service.storage.staging import PRUNED_KEYS, IdempotencyKey, hold_key

if TYPE_CHECKING:
    from tests.support.api_driving import Service

LIST = "Title\nHeat\nFargo\n"


async def test_small_upload_does_not_wait_for_a_large_one(service: Service, dsn: str) -> None:
    """While a large upload with a key is stored, expired keys are there for both."""
    await _expired_keys(service, 3)
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await hold_key(connection, IdempotencyKey("expired 1", b"large"))
            async with asyncio.timeout(20.0):
                small = await service.upload(LIST, {"Idempotency-Key": "small"})
            assert small.status == 201
    finally:
        await connection.close()


async def test_upload_with_an_expired_key_is_a_new_one(service: Service) -> None:
    session_id = await _expired_keys(service, 1)
    answer = await (await service.upload(LIST, {"Idempotency-Key": "expired 1"})).json()
    assert answer["session_id"] != session_id


async def test_held_keys_are_skipped_and_the_others_go(service: Service, dsn: str) -> None:
    await _expired_keys(service, 3)
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(
                "select from idempotency_keys where key = 'expired 2' for update"
            )
            await service.upload(LIST, {"Idempotency-Key": "new"})
            assert await _keys(service) == {"expired 2", "new"}
    finally:
        await connection.close()


async def test_each_upload_prunes_only_so_many(service: Service) -> None:
    await _expired_keys(service, PRUNED_KEYS + 5)
    await service.upload(LIST, {"Idempotency-Key": "new"})
    assert len(await _keys(service)) == 6
    await service.upload(LIST, {"Idempotency-Key": "newer"})
    assert await _keys(service) == {"new", "newer"}


async def _expired_keys(service: Service, count: int) -> str:
    session_id = await service.session("Ran,1985")
    await service.database.fetchval(
        """
        insert into idempotency_keys (key, body_sha256, session_id, created_at)
        select 'expired ' || number, '', $1::text::uuid, clock_timestamp() - interval '25 hours'
        from generate_series(1, $2) as number
        """,
        session_id,
        count,
    )
    return session_id


async def _keys(service: Service) -> set[str]:
    return {row["key"] for row in await service.database.fetch("select key from idempotency_keys")}
