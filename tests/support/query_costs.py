"""What statements read, as PostgreSQL counts it, on databases filled for that."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.postgres.database import Database
from shared.settings import Settings
from tests.support.databases import create_database, execute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from local_stack.postgres import EmbeddedPostgres

PLANS_SETTLED = 8
"""More often than it takes PostgreSQL to settle on one plan for all parameters."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a work read, in the mean of its runs.

    Attributes:
        rows: of each table, by whole scans and by its indexes.
        scanned: tables of which a row was read by a whole scan.
        buffers: of all tables and their indexes.
        indexes: read at least once a run.
    """

    rows: dict[str, float]
    scanned: set[str]
    buffers: float
    indexes: set[str]


@asynccontextmanager
async def filled_database(
    server: EmbeddedPostgres, template: str, fill: Sequence[str]
) -> AsyncIterator[str]:
    """Create a database and run these statements; its DSN."""
    dsn = await create_database(server, template=template)
    for statement in fill:
        await execute(dsn, statement)
    yield dsn
    await execute(server.dsn(), f"drop database {name_of(dsn)} with (force)")


@asynccontextmanager
async def single_connection(dsn: str, plans: str = "auto") -> AsyncIterator[Database]:
    """Open a database over one connection, whose statistics can be read at once.

    Args:
        dsn: of a database that no other test uses.
        plans: `plan_cache_mode` of its connections.
    """
    await execute(dsn, f"alter database {name_of(dsn)} set plan_cache_mode = {plans}")
    settings = Settings(_env_file=None, database_url=dsn)
    async with Database(settings, application_name="tests", max_size=1) as database:
        yield database


def name_of(dsn: str) -> str:
    """Return the name of a DSN's database."""
    return urlsplit(dsn).path.removeprefix("/")


async def cost_of(
    database: Database, work: Callable[[], Awaitable[object]], times: int = 1
) -> Cost:
    """Return what so many runs of a work read, over a database's only connection."""
    before = await _counted(database)
    for _ in range(times):
        await work()
    after = await _counted(database)
    read = {key: (after[key] - before[key]) / times for key in after}
    return Cost(
        rows={name: value for (kind, name), value in read.items() if kind == "rows"},
        scanned={name for (kind, name), value in read.items() if kind == "scanned" and value},
        buffers=sum(value for (kind, _), value in read.items() if kind == "buffers"),
        indexes={name for (kind, name), value in read.items() if kind == "index" and value >= 1},
    )


async def _counted(database: Database) -> dict[tuple[str, str], int]:
    await database.fetchval("select pg_stat_force_next_flush()")
    rows = await database.fetch(
        """
        select 'rows' as kind, relname as name, seq_tup_read + coalesce(idx_tup_fetch, 0) as n
        from pg_stat_user_tables
        union all
        select 'scanned', relname, seq_tup_read from pg_stat_user_tables
        union all
        select 'index', indexrelname, idx_scan from pg_stat_user_indexes
        union all
        select 'buffers', relname, heap_blks_read + heap_blks_hit
          + coalesce(idx_blks_read + idx_blks_hit, 0)
        from pg_statio_user_tables
        """
    )
    return {(row["kind"], row["name"]): row["n"] for row in rows}
