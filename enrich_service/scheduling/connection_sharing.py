"""This daemon's part of the fleet's connections to TMDB, which accepts few from one address.

Each worker's row says how many connections it may have open, and all rows together never say more
than the fleet may. So whoever comes waits until the others have closed some, which they do as soon
as they hear of it. A worker's connections are its own for a lease after each heartbeat; when that
ends they are closed, also in the middle of a request, because the others may open theirs by then.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from enrich_service.storage.fleet import FleetStorage, Neighbours
    from enrich_service.tmdb.connections import ConnectionPool

log = structlog.get_logger(__name__)


class ConnectionSharing:
    """Keeps the pool's limit at this worker's part.

    Args:
        worker_id: whose part it is.
        fleet: keeps the parts of all.
        pool: is limited.
        most: of the whole fleet; one is kept back for a worker that finds all others dead.
        lease: seconds after a heartbeat for which the others respect this worker's part.
        wake: called when the pool has changed, beside what it does here.
    """

    def __init__(
        self,
        worker_id: UUID,
        fleet: FleetStorage,
        pool: ConnectionPool,
        *,
        most: int,
        lease: float,
        wake: Callable[[], None],
    ) -> None:
        self._worker_id = worker_id
        self._fleet = fleet
        self._pool = pool
        self._most = most
        self._lease = lease
        self._wake = wake
        self._part = 0
        self._stored = 0
        self._has_asked = False
        self._lapse: asyncio.TimerHandle | None = None
        self._ends_at = -math.inf
        """When the lease ends (`time.monotonic()` seconds)."""
        self.due = asyncio.Event()
        """Set when the parts may have changed: a heartbeat looks."""
        pool.limit = 0
        pool.on_change = self._note_change

    @property
    def is_empty_handed(self) -> bool:
        """Whether this worker can send nothing, and had better look again soon."""
        return self._pool.limit == 0

    async def settle(self, beaten_at: float, neighbours: Neighbours) -> None:
        """After a heartbeat, take or release connections so that this worker's share is even.

        Args:
            beaten_at: from before the heartbeat was sent (`time.monotonic()` seconds).
            neighbours: what it found.
        """
        self._renew(beaten_at)
        if self._has_ended:
            self.due.set()  # it took too long, so another is sent at once
            return
        if neighbours.own_connections < self._stored:
            # By the database's clock the last lease had ended, and others may have taken them.
            self._stored = 0
            self._let_go()
            self.due.set()
            return
        self._part = max((self._most - 1) // neighbours.workers, 1)
        if self._pool.limit == self._part == neighbours.own_connections:
            return
        self._pool.limit = min(self._pool.limit, self._part)
        kept = max(self._pool.limit, self._pool.open)
        # The answer may be lost: then the row may say no more than this, and no lease has ended.
        self._stored = min(self._stored, kept)
        self._stored = await self._fleet.share_connections(
            self._worker_id,
            kept=kept,
            wanted=self._part,
            most=self._most,
            lease=self._lease,
            asks=not self._has_asked,
        )
        self._has_asked = self._stored < self._part
        if not self._has_ended:
            self._pool.limit = min(self._stored, self._part)

    async def close(self) -> None:
        """Close all connections, before this worker's row goes."""
        if self._lapse is not None:
            self._lapse.cancel()
        await self._pool.empty()

    @property
    def _has_ended(self) -> bool:
        return time.monotonic() >= self._ends_at

    def _renew(self, beaten_at: float) -> None:
        """Let the lease end that time after a heartbeat; one that has ended gives nothing back."""
        if self._has_ended:
            self._let_go()  # the timer may be late, after a standstill of this process
        if self._lapse is not None:
            self._lapse.cancel()
        self._ends_at = beaten_at + self._lease
        if not self._has_ended:
            loop = asyncio.get_running_loop()
            self._lapse = loop.call_later(self._ends_at - time.monotonic(), self._let_go)
        else:
            self._let_go()

    def _let_go(self) -> None:
        if count := self._pool.open:
            log.warning("connections_revoked", count=count)
        self._pool.revoke()

    def _note_change(self) -> None:
        if self._pool.limit <= self._pool.open < self._stored:
            self.due.set()  # what was closed is the others'
        self._wake()
