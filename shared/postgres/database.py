"""The database as both services see it: statements and transactions that are safe to retry.

Every transaction is written so that it may be run again: after a deadlock, or after the connection
was lost, even when the lost answer was that of its COMMIT.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from shared.errors import SchemaOutdatedError
from shared.postgres.connector import Connector
from shared.postgres.failures import COLLISION, RETRY_AFTER_SECONDS, final_error, unavailable
from shared.postgres.pool import ConnectionPool, PoolUse
from shared.postgres.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType
    from typing import Self

    import asyncpg

    from shared.postgres.transactions import Connection
    from shared.settings import Settings

SCHEMA_REVISION = "0018"
"""The newest Alembic revision, four digits; a test compares it with the migrations."""

_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.05

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Database:
    """A pool of connections to one PostgreSQL, opened lazily, so that a service starts without it.

    Args:
        settings: `DATABASE_URL` and, for LISTEN, `LISTEN_DATABASE_URL`.
        application_name: how the connections show in `pg_stat_activity`.
        max_size: connections at most.
    """

    def __init__(self, settings: Settings, *, application_name: str, max_size: int = 10) -> None:
        self._connector = Connector(settings, application_name)
        self._pool = ConnectionPool(self._connector, max_size)
        self.lost_at: float | None = None
        """When a connection was last found lost (`time.monotonic()` seconds)."""

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.close()

    @property
    def pool_use(self) -> PoolUse:
        """How much of the pool is in use."""
        return self._pool.use

    @property
    def _pooled(self) -> bool:
        """Whether a pooler is before the server; the first connection has found out."""
        return bool(self._connector.pooled)

    # -- statements and transactions ---------------------------------------------------------------

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a READ COMMITTED transaction; retry after a deadlock or a lost connection.

        Raises:
            DatabaseUnavailableError: PostgreSQL could not be reached in four tries.
            DatabaseBusyError: every connection of the pool was at work for `FREE_SECONDS`.
            StorageFullError: its disk is full.
            QueryTimeoutError: PostgreSQL ended a statement that took too long.
            SchemaOutdatedError: something that the work names is not there, or not granted.
        """

        async def in_transaction(connection: Connection) -> T:
            async with transaction(connection, pooled=self._pooled):
                return await work(connection)

        return await self._with_connection(in_transaction)

    async def fetch(
        self, query: str, *args: object, seconds: float | None = None
    ) -> list[asyncpg.Record]:
        """Run one statement, of so many seconds at most; return its rows.

        Raises as `transact` does.
        """
        return await self._run_one(lambda connection: connection.fetch(query, *args), seconds)

    async def fetchrow(
        self, query: str, *args: object, seconds: float | None = None
    ) -> asyncpg.Record | None:
        """Run one statement, as `fetch` does; return its first row."""
        return await self._run_one(lambda connection: connection.fetchrow(query, *args), seconds)

    async def fetchval(self, query: str, *args: object, seconds: float | None = None) -> Any:  # noqa: ANN401  # any SQL type
        """Run one statement, as `fetch` does; return the first value of its first row."""
        return await self._run_one(lambda connection: connection.fetchval(query, *args), seconds)

    async def _run_one(
        self, statement: Callable[[Connection], Awaitable[T]], seconds: float | None
    ) -> T:
        """Run one statement by itself where the connection has stated what it relies on."""

        async def run(connection: Connection) -> T:
            if seconds is None and not self._pooled:
                return await statement(connection)
            async with transaction(connection, pooled=self._pooled, statement_seconds=seconds):
                return await statement(connection)

        return await self._with_connection(run)

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._pool.lend() as connection:
                    return await work(connection)
            except Exception as error:
                if final := final_error(error):
                    if final is error:
                        raise
                    raise final from error
                if isinstance(error, COLLISION):
                    log.info("transaction_collided", attempt=attempt, error=str(error))
                else:
                    self.lost_at = time.monotonic()
                    # The pool keeps idle connections that the same outage has cut: each would
                    # fail once more, so all are replaced.
                    await self.expire_connections()
                if attempt == _ATTEMPTS:
                    raise unavailable(error) from error
            await asyncio.sleep(pause)
            pause *= 4
        raise AssertionError("the last attempt returns or raises")

    # -- silent connections ------------------------------------------------------------------------

    async def within(self, seconds: float, work: Coroutine[None, None, T]) -> T:
        """Await work on this database that never takes so long, unless the server is silent.

        Then every connection is given up, also those over which somebody waits for an answer, and
        all who wait go on over new ones. Without this each would wait for `COMMAND_SECONDS`: over a
        connection whose other end has gone without a word, nobody ever says that it has.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task}, timeout=seconds)
            if not task.done():
                log.warning("database_silent", seconds=seconds)
                await self._pool.replace()
                self.lost_at = time.monotonic()
            return await task
        finally:
            task.cancel()

    async def give_up_unanswered(self, seconds: float) -> None:
        """End connections over which an answer was waited for so long that will never come.

        Some connections may be silent while others work. PostgreSQL itself says which: it has done
        nothing for them for as long. Whoever is only slow, or waits for a lock, is left alone.
        """
        waiting = self._pool.lent_before(time.monotonic() - seconds)
        if not waiting or self._pooled:  # a pooler's process numbers mean nothing
            return
        busy = await self.fetch(
            """
            select pid
            from pg_stat_activity
            where pid = any($1::integer[])
              and (state = 'active' or state_change > clock_timestamp() - $2::interval)
            """,
            list(waiting),
            timedelta(seconds=seconds),
        )
        silent = waiting.keys() - {row["pid"] for row in busy}
        for pid in silent:
            self._pool.end(waiting[pid])
        if silent:
            log.warning("connections_silent", count=len(silent))

    async def expire_connections(self) -> None:
        """Have every connection of the pool replaced before it is used again."""
        await self._pool.expire()

    async def connect_listener(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection of its own for LISTEN, outside the pool."""
        return await self._connector.connect_listener()

    # -- the schema and the server -----------------------------------------------------------------

    async def check_schema(self) -> None:
        """Check that the schema is at least the one that this program was written for.

        A newer one will do: a revision leaves the release before it at work, so that a fleet is
        upgraded without a pause and rolled back without touching the data (decision 0015).

        Raises:
            SchemaOutdatedError: it is older; the text says what is there and what to do.
            DatabaseUnavailableError: PostgreSQL could not be reached.
        """
        there = await self.fetchval("select version_num from alembic_version")
        if there is None or there < SCHEMA_REVISION:  # numbers of four digits, as texts
            raise SchemaOutdatedError(
                f"The schema is at revision {there}, this service needs {SCHEMA_REVISION}: "
                "run `alembic upgrade head`.",
                retry_after=RETRY_AFTER_SECONDS,
            )

    async def is_read_only(self) -> bool:
        """Return whether a transaction that begins now, or over a new connection, could not write.

        A standby takes no writes. A default that somebody sets for the database or the role holds
        for new connections alone, so the catalogue is asked as well: of several, the most special
        one counts.

        Raises as `fetch` does.
        """
        return bool(
            await self.fetchval(
                """
                select pg_is_in_recovery()
                  or current_setting('transaction_read_only')::boolean
                  or coalesce(
                    (
                      select split_part(setting, '=', 2)::boolean
                      from pg_db_role_setting, unnest(setconfig) as setting
                      where setting like 'default\\_transaction\\_read\\_only=%'
                        and setrole in (0, (select oid from pg_roles where rolname = session_user))
                        and setdatabase in (
                          0, (select oid from pg_database where datname = current_database())
                        )
                      order by setrole <> 0 desc, setdatabase <> 0 desc
                      limit 1
                    ),
                    false
                  )
                """
            )
        )
