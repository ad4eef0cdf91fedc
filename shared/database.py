"""The database as both services see it: a pool, and transactions that survive what may pass.

Every transaction is written so that it may be run again: after a deadlock, or after the connection
was lost, even when the lost answer was that of its COMMIT.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import structlog

from shared.connecting import CONNECT_SECONDS, Connector
from shared.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    QueryTimeoutError,
    SchemaOutdatedError,
    StorageFullError,
)
from shared.transactions import LEAVING_SECONDS, transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from asyncpg.pool import PoolConnectionProxy

    from shared.settings import Settings

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

SCHEMA_REVISION = "0016"
"""The newest Alembic revision, four digits; a test compares it with the migrations."""

COMMAND_SECONDS = 60.0
FREE_SECONDS = 5.0
"""How long is waited until a connection of the pool is free."""
RETRY_AFTER_SECONDS = 5
FULL_RETRY_SECONDS = 60
_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.05

# What asyncpg raises when a connection is gone, cannot be made, or reaches a server that is going
# down, coming up, out of resources or has become a standby. InternalClientError and InterfaceError
# are outside PostgresError; OSError covers refused and reset sockets.
LOST_CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database allows no connections
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TargetServerAttributeNotMatched,
)


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many connections of a pool are at work, open and idle, and allowed."""

    in_use: int
    idle: int
    most: int


class CollisionError(Exception):
    """Raised by a transaction that met somebody else's and wants to be run again."""


# A unique violation is what the second try sees when the first, whose answer was lost, is still
# being committed.
COLLISION = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,  # a table was altered while the transaction was under way
    CollisionError,
)

# What the newest revision of the schema would have made, or granted to a service's role.
_SCHEMA_MISSING = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InsufficientPrivilegeError,
)

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
        self._max_size = max_size
        # Apart from the pool, so that waiting for a free connection is told from making a new one.
        self._free = asyncio.Semaphore(max_size)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._since: dict[Connection, float] = {}
        """Since when each connection has been at work (`time.monotonic()` seconds)."""
        self.lost_at: float | None = None
        """When a connection was last found lost (`time.monotonic()` seconds)."""

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def _open(self) -> None:
        self._pool = asyncpg.create_pool(
            self._connector.address,
            min_size=0,
            max_size=self._max_size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            connect=self._connector.connect,
            reset=_leave_as_it_is,
        )
        await self._pool

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except (TimeoutError, *LOST_CONNECTION):
            self._pool.terminate()

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a READ COMMITTED transaction; again after a deadlock or a lost connection.

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
        """Run one statement, of so many seconds at most; all its rows.

        Raises as `transact` does.
        """
        return await self._run_one(lambda connection: connection.fetch(query, *args), seconds)

    async def fetchrow(
        self, query: str, *args: object, seconds: float | None = None
    ) -> asyncpg.Record | None:
        """Run one statement, as `fetch` does; its first row."""
        return await self._run_one(lambda connection: connection.fetchrow(query, *args), seconds)

    async def fetchval(self, query: str, *args: object, seconds: float | None = None) -> Any:  # noqa: ANN401  # any SQL type
        """Run one statement, as `fetch` does; the first value of its first row."""
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

    @property
    def _pooled(self) -> bool:
        """Whether a pooler is before the server; the first connection has found out."""
        return bool(self._connector.pooled)

    @property
    def pool_use(self) -> PoolUse:
        """How much of the pool is in use."""
        there = self._pool.get_size() if self._pool else 0
        idle = self._pool.get_idle_size() if self._pool else 0
        return PoolUse(there - idle, idle, self._max_size)

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
                await self._start_anew()
            return await task
        finally:
            task.cancel()

    async def give_up_unanswered(self, seconds: float) -> None:
        """End connections over which an answer was waited for so long that will never come.

        Some connections may be silent while others work. PostgreSQL itself says which: it has done
        nothing for them for as long. Whoever is only slow, or waits for a lock, is left alone.
        """
        started = time.monotonic() - seconds
        waiting = {
            connection.get_server_pid(): connection
            for connection, since in self._since.items()
            if since < started
        }
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
            if waiting[pid] in self._since:
                waiting[pid].terminate()
        if silent:
            log.warning("connections_silent", count=len(silent))

    async def _start_anew(self) -> None:
        silent = self._pool
        await self._open()
        self.lost_at = time.monotonic()
        if silent is not None:
            silent.terminate()

    async def expire_connections(self) -> None:
        """Have every connection of the pool replaced before it is used again."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def check_schema(self) -> None:
        """Ask whether the schema is at least the one that this program was written for.

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

    async def connect_listener(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection of its own for LISTEN, outside the pool."""
        return await self._connector.connect_listener()

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            raise RuntimeError("the database is used outside its `async with`")
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._borrowed() as connection:
                    return await work(connection)
            except _SCHEMA_MISSING as error:
                raise SchemaOutdatedError(
                    f"{error}: run `alembic upgrade head`.",
                    told="Tables of this service are missing: run `alembic upgrade head`.",
                    retry_after=RETRY_AFTER_SECONDS,
                ) from error
            except COLLISION as error:
                log.info("transaction_collided", attempt=attempt, error=str(error))
                last: Exception = error
            except asyncpg.LockNotAvailableError:
                raise  # somebody holds a row for long, over a connection that is sound
            except asyncpg.QueryCanceledError as error:  # by its own or an operator's will
                raise QueryTimeoutError(
                    f"PostgreSQL ended a statement: {error}",
                    told="The database took too long over this; try again later.",
                    retry_after=RETRY_AFTER_SECONDS,
                ) from error
            except asyncpg.DiskFullError as error:
                raise StorageFullError(
                    f"The database's disk is full: {error}",
                    told="The database has no room for it: try again later.",
                    retry_after=FULL_RETRY_SECONDS,
                ) from error
            except LOST_CONNECTION as error:
                self.lost_at = time.monotonic()
                # The pool keeps idle connections that the same outage has cut: each would fail
                # once more, so all are replaced.
                await self.expire_connections()
                last = error
            if attempt < _ATTEMPTS:
                await asyncio.sleep(pause)
                pause *= 4
        raise DatabaseUnavailableError(
            f"PostgreSQL did not answer: {type(last).__name__}: {last}",
            told="The database does not answer at the moment.",
            retry_after=RETRY_AFTER_SECONDS,
        ) from last

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        """A connection of the pool.

        How giving it back goes changes nothing of what was done over it. Of a cancelled statement
        the server's word is waited for then, which over a silent connection never comes.
        """
        assert self._pool is not None  # noqa: S101  # `_with_connection` has looked
        try:
            async with asyncio.timeout(FREE_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseBusyError(
                f"All {self._max_size} connections were at work for {FREE_SECONDS:.0f} s.",
                told="The database is busy at the moment.",
                retry_after=RETRY_AFTER_SECONDS,
            ) from None
        try:
            pool = self._pool
            connection = await pool.acquire(timeout=CONNECT_SECONDS)
            self._since[connection] = time.monotonic()
            try:
                yield connection
            finally:
                del self._since[connection]
                with contextlib.suppress(Exception):  # asyncpg has ended it by then
                    await pool.release(connection, timeout=LEAVING_SECONDS)
        finally:
            self._free.release()


async def _leave_as_it_is(_: Connection) -> None:
    """Save the round trip by which asyncpg resets a connection that comes back.

    Nothing here outlives its transaction: no session lock, no SET but LOCAL ones, no cursor, and
    LISTEN has a connection of its own.
    """
