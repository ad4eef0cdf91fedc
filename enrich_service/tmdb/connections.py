"""The connections to TMDB that this daemon may have open, idle ones included.

TMDB accepts few connections from one address, and daemons come and go: the limit changes while they
work. aiohttp's own is fixed and leaves idle connections out, so each connection here is a session
of its own that never has a second one, and is closed with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiohttp


class Connection:
    """One connection, open or still to be opened.

    Args:
        session: sends over it.
        is_open: whether it is there at this moment.
    """

    def __init__(self, session: aiohttp.ClientSession, is_open: Callable[[], bool]) -> None:
        self.session = session
        self._is_open = is_open
        self.is_revoked = False
        """Whether it was taken away, and closed, whatever was sent over it."""
        self.was_tried = False
        """Whether it could not be opened: the next request over it is to find out why."""

    @property
    def is_ready(self) -> bool:
        """Whether a request over it need not wait for a connect that may succeed."""
        return self.was_tried or self._is_open()


class ConnectionPool:
    """A limited number of connections, and a queue of those who wait for one.

    Args:
        limit: how many may be open.
        make: makes a connection that is not open yet.
        connect: opens one, or finds out that it cannot.
    """

    def __init__(
        self,
        limit: int,
        make: Callable[[], Connection],
        connect: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._limit = limit
        self._make = make
        self._connect = connect
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()
        self._queue: deque[asyncio.Future[Connection]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self._preparing: set[asyncio.Task[None]] = set()
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever there may be more room, or fewer connections."""

    @property
    def _in_use(self) -> int:
        return len(self._used)

    @property
    def limit(self) -> int:
        """How many may be open; lowering it closes idle ones at once, others after their use."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        while self._idle and self._in_use + len(self._idle) > limit:
            self._close(self._idle.pop(0))
        self._hand_out()
        self.on_change()

    @property
    def open(self) -> int:
        """How many may be open at this moment."""
        return self._in_use + len(self._idle) + len(self._closing)

    @property
    def free(self) -> int:
        """How many are there for whoever comes now."""
        return 0 if self._waits() else max(self._limit - self._in_use, 0)

    @property
    def ready(self) -> int:
        """How many of the free ones need not be opened first."""
        return min(self.free, sum(connection.is_ready for connection in self._idle))

    def try_acquire(self) -> Connection | None:
        """A connection, ready if any is, or None where none is free."""
        return self._take(ready=True) if self.free else None

    async def acquire(self) -> Connection:
        """Wait for a connection, in the order of those who came."""
        if (connection := self.try_acquire()) is not None:
            return connection
        place: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release(place.result())
            raise

    def release(self, connection: Connection) -> None:
        """Give a connection back after a request."""
        connection.was_tried = False
        self._put_back(connection)

    def prepare(self, count: int) -> None:
        """Have up to so many of the free ones ready soon; `on_change` is called for each."""
        for _ in range(min(count, self.free) - self.ready):
            task = asyncio.create_task(self._open_one(self._take(ready=False)), name="connect")
            self._preparing.add(task)
            task.add_done_callback(self._preparing.discard)

    def revoke(self) -> None:
        """Close all connections at once, also in the middle of their requests; the limit is 0.

        Nobody else's request has failed by this: see `Connection.is_revoked`.
        """
        self._limit = 0
        revoked, self._used = [*self._idle, *self._used], set()
        self._idle.clear()
        for connection in revoked:
            connection.is_revoked = True
            self._close(connection)
        self.on_change()

    async def empty(self) -> None:
        """Close all connections that nobody uses; there are none until the limit is raised."""
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*self._preparing, return_exceptions=True)
        self.limit = 0
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _waits(self) -> bool:
        while self._queue and self._queue[0].done():
            self._queue.popleft()
        return bool(self._queue)

    def _take(self, *, ready: bool) -> Connection:
        """An idle connection, if possible one that is ready, or not yet; the last used first."""
        if not self._idle or (not ready and self._in_use + len(self._idle) < self._limit):
            connection = self._make()
        else:
            fitting = [place for place, idle in enumerate(self._idle) if idle.is_ready is ready]
            connection = self._idle.pop(fitting[-1] if fitting else -1)
        self._used.add(connection)
        return connection

    async def _open_one(self, connection: Connection) -> None:
        try:
            await self._connect(connection)
        finally:
            self._put_back(connection)

    def _put_back(self, connection: Connection) -> None:
        if not connection.is_revoked:
            self._used.remove(connection)
            if self._in_use + len(self._idle) < self._limit:
                self._idle.append(connection)
            else:
                self._close(connection)
        self._hand_out()
        self.on_change()

    def _hand_out(self) -> None:
        while self._waits() and self._in_use < self._limit:
            self._queue.popleft().set_result(self._take(ready=True))

    def _close(self, connection: Connection) -> None:
        task = asyncio.create_task(connection.session.close(), name="disconnect")
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        self.on_change()
