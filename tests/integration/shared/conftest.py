"""What the tests of shared code need besides: other connections, waiting, and cutting off."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from local_stack.postgres import EmbeddedPostgres

PATIENCE_SECONDS = 20.0


@pytest.fixture
async def other(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Somebody else's connection to the test's database."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Waits until a condition holds, and fails when it does not come to hold."""

    async def wait(condition: Callable[[], Awaitable[object]]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def cut_off(
    postgres: EmbeddedPostgres, dsn: str
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """While it is entered, the test's database ends every connection and accepts none."""
    name = dsn.partition("@/")[2].partition("?")[0]

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        admin = await asyncpg.connect(postgres.dsn())
        try:
            await admin.execute(f"alter database {name} allow_connections false")
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
            )
            yield
        finally:
            await admin.execute(f"alter database {name} allow_connections true")
            await admin.close()

    return away
