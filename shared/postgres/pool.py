"""The pool: connections on loan, and the end of those over which no answer comes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import DatabaseBusyError
from shared.postgres.connector import CONNECT_SECONDS, Connector
from shared.postgres.failures import LOST_CONNECTION, RETRY_AFTER_SECONDS
from shared.postgres.transactions import LEAVING_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.postgres.transactions import Connection

COMMAND_SECONDS = 60.0
FREE_SECONDS = 5.0
"""How long a loan is waited for until a connection is free."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many connections of a pool are at work, open and idle, and allowed."""

    in_use: int
    idle: int
    most: int


class ConnectionPool:
    """asyncpg's pool, with loans that are timed and can be ended from outside.

    Args:
        connector: opens the connections.
        max_size: connections at most.
    """

    def __init__(self, connector: Connector, max_size: int) -> None:
        self._connector = connector
        self._max_size = max_size
        # Apart from the pool, so that waiting for a free connection is told from making a new one.
        self._free = asyncio.Semaphore(max_size)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._lent_at: dict[Connection, float] = {}
        """When each connection was lent (`time.monotonic()` seconds)."""

    @property
    def use(self) -> PoolUse:
        """How much of the pool is in use."""
        there = self._pool.get_size() if self._pool else 0
        idle = self._pool.get_idle_size() if self._pool else 0
        return PoolUse(there - idle, idle, self._max_size)

    async def open(self) -> None:
        """Start without any connection."""
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

    async def close(self) -> None:
        """Close every connection, by force after `CONNECT_SECONDS`."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except (TimeoutError, *LOST_CONNECTION):
            self._pool.terminate()

    async def replace(self) -> None:
        """Go on with a new pool; end the old one with all its connections."""
        silent = self._pool
        await self.open()
        if silent is not None:
            silent.terminate()

    async def expire(self) -> None:
        """Have every connection replaced before it is used again."""
        if self._pool is not None:
            await self._pool.expire_connections()

    def lent_before(self, moment: float) -> dict[int, Connection]:
        """Return the connections on loan since before a moment, by their server process."""
        return {
            connection.get_server_pid(): connection
            for connection, lent_at in self._lent_at.items()
            if lent_at < moment
        }

    def end(self, connection: Connection) -> None:
        """End a connection if it is still on loan."""
        if connection in self._lent_at:
            connection.terminate()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection.

        How giving it back goes changes nothing of what was done over it. Of a cancelled statement
        the server's word is waited for then, which over a silent connection never comes.

        Raises:
            DatabaseBusyError: every connection was at work for `FREE_SECONDS`.
        """
        if self._pool is None:
            raise RuntimeError("the database is used outside its `async with`")
        try:
            async with asyncio.timeout(FREE_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseBusyError(
                f"All {self._max_size} connections were at work for {FREE_SECONDS:.0f} s.",
                public_detail="The database is busy at the moment.",
                retry_after=RETRY_AFTER_SECONDS,
            ) from None
        try:
            pool = self._pool
            connection = await pool.acquire(timeout=CONNECT_SECONDS)
            self._lent_at[connection] = time.monotonic()
            try:
                yield connection
            finally:
                del self._lent_at[connection]
                with contextlib.suppress(Exception):  # asyncpg has ended it by then
                    await pool.release(connection, timeout=LEAVING_SECONDS)
        finally:
            self._free.release()


async def _leave_as_it_is(_: Connection) -> None:
    """Save the round trip by which asyncpg resets a connection that comes back.

    Nothing here outlives its transaction: no session lock, no SET but LOCAL ones, no cursor, and
    LISTEN has a connection of its own.
    """
