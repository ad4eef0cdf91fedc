"""The database as both services see it: a pool, and transactions that survive what may pass.

Every transaction is written so that it may be run again: after a deadlock, or after the connection
was lost, even when the lost answer was that of its COMMIT.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

import asyncpg
import structlog

from shared.errors import DatabaseUnavailableError, SchemaOutdatedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from asyncpg.pool import PoolConnectionProxy

    from shared.settings import Settings

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

SCHEMA_REVISION = "0005"
"""The newest Alembic revision, four digits; a test compares it with the migrations."""

COMMAND_SECONDS = 60.0
CONNECT_SECONDS = 5.0
# What a transaction-pooling PgBouncer refuses to pass on. A process that freezes or loses its power
# between two statements must not go on holding the locks that all others wait for; and statements
# as short as ours are never worth compiling.
_OF_A_DIRECT_CONNECTION = {
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
_KEPT_STATEMENTS = 100
RETRY_AFTER_SECONDS = 5
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


class _PoolerFoundError(Exception):
    """Between us and PostgreSQL is a pooler that nobody spoke of."""


# A unique violation is what the second try sees when the first, whose answer was lost, is still
# being committed.
COLLISION = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    CollisionError,
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
        self._dsn = settings.database_url.get_secret_value()
        listen = settings.listen_database_url
        self._listen_dsn = listen.get_secret_value() if listen else None
        self._pooled = True if listen else None
        """Whether a pooler is between us and PostgreSQL; None while that is not known."""
        self._application_name = application_name
        self._max_size = max_size
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
            _with_attributes(self._dsn),
            min_size=0,
            max_size=self._max_size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            connect=self._connect,
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
            SchemaOutdatedError: a table or column that the work names is not there.
        """

        async def in_transaction(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self._with_connection(in_transaction)

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Run one statement; all its rows. Raises as `transact` does."""
        return await self._with_connection(lambda connection: connection.fetch(query, *args))

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Run one statement; its first row. Raises as `transact` does."""
        return await self._with_connection(lambda connection: connection.fetchrow(query, *args))

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401  # any SQL type
        """Run one statement; the first value of its first row. Raises as `transact` does."""
        return await self._with_connection(lambda connection: connection.fetchval(query, *args))

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
        direct = self._listen_dsn is not None or not self._pooled
        return await asyncpg.connect(
            _with_attributes(self._listen_dsn or self._dsn),
            timeout=CONNECT_SECONDS,
            command_timeout=CONNECT_SECONDS,
            statement_cache_size=_KEPT_STATEMENTS if direct else 0,
            server_settings=self._server_settings(direct=direct),
        )

    async def _connect(self, *where: Any, **options: Any) -> asyncpg.Connection[asyncpg.Record]:  # noqa: ANN401  # asyncpg's own
        """Open a connection of the pool, as suits what it leads to.

        A transaction-pooling PgBouncer refuses to pass most settings on, and gives each transaction
        another server connection, so that a statement prepared before may be missing or, worse,
        another's. So the first connection finds out whether one is there, even if nobody said so.
        """
        if not self._pooled:
            try:
                return await self._connect_directly(*where, **options)
            except (asyncpg.ProtocolViolationError, _PoolerFoundError) as error:
                if not self._pooled:  # several may find out at once
                    log.warning("pooler_found", reason=str(error), advice="set LISTEN_DATABASE_URL")
                self._pooled = True
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            *where,
            **options,
            statement_cache_size=0,
            server_settings=self._server_settings(direct=False),
        )
        return connection

    async def _connect_directly(
        self,
        *where: Any,  # noqa: ANN401  # asyncpg's own
        **options: Any,  # noqa: ANN401  # asyncpg's own
    ) -> asyncpg.Connection[asyncpg.Record]:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            *where,
            **options,
            statement_cache_size=_KEPT_STATEMENTS,
            server_settings=self._server_settings(direct=True),
        )
        if self._pooled is None:
            try:
                await _check_who_answers(connection)
            except BaseException:
                connection.terminate()
                raise
            self._pooled = False
        return connection

    def _server_settings(self, *, direct: bool) -> dict[str, str]:
        names = {"application_name": self._application_name, "timezone": "UTC"}
        return names | _OF_A_DIRECT_CONNECTION if direct else names

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            raise RuntimeError("the database is used outside its `async with`")
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                    self._since[connection] = time.monotonic()
                    try:
                        return await work(connection)
                    finally:
                        del self._since[connection]
            except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
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
            except LOST_CONNECTION as error:
                self.lost_at = time.monotonic()
                # The pool keeps idle connections that the same outage has cut: each would fail
                # once more, so all are replaced.
                await self._pool.expire_connections()
                last = error
            if attempt < _ATTEMPTS:
                await asyncio.sleep(pause)
                pause *= 4
        raise DatabaseUnavailableError(
            f"PostgreSQL did not answer: {type(last).__name__}: {last}",
            told="The database does not answer at the moment.",
            retry_after=RETRY_AFTER_SECONDS,
        ) from last


async def _check_who_answers(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Raise _PoolerFoundError where somebody passes statements on to PostgreSQL."""
    async with connection.transaction():
        # Without a name, lest it stays behind on a server connection that others use.
        statement = await connection.prepare("select pg_backend_pid()", name="")
        answering = await statement.fetchval()
    connected = connection.get_server_pid()
    if answering != connected:
        raise _PoolerFoundError(f"connected to process {connected}, but {answering} answers")


async def _leave_as_it_is(_: Connection) -> None:
    """Save the round trip by which asyncpg resets a connection that comes back.

    Nothing here outlives its transaction: no session lock, no SET but LOCAL ones, no cursor, and
    LISTEN has a connection of its own.
    """


def _with_attributes(dsn: str) -> str:
    """Ask for the primary when the address names several hosts and does not say otherwise."""
    address, _, options = dsn.partition("://")[2].partition("?")
    hosts = [address.partition("/")[0].rpartition("@")[2], *parse_qs(options).get("host", ())]
    several_hosts = any("," in host for host in hosts)
    if not several_hosts or "target_session_attrs" in dsn:
        return dsn
    return f"{dsn}{'&' if '?' in dsn else '?'}target_session_attrs=read-write"
