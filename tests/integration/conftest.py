"""What all integration tests share: another connection, and waiting for what must happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support import driving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
async def other(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Somebody else's connection to the test's database."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Waits until a condition holds, and fails when it does not come to hold."""
    return driving.until


@pytest.fixture
def somebody_waits(
    other: asyncpg.Connection[asyncpg.Record],
) -> Callable[[], Awaitable[None]]:
    """Waits until anybody waits for a lock."""

    async def is_so() -> bool:
        return bool(await other.fetchval("select exists (select from pg_locks where not granted)"))

    return lambda: driving.until(is_so)
