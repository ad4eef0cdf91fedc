"""What the tests of shared code need besides: cutting it off from its database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from local_stack.postgres import EmbeddedPostgres


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
