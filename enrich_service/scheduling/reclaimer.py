"""Reclaiming: claims of silent workers, and those whose answer was lost, become free again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.statement_errors import STATEMENT_FAILED, described

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from enrich_service.scheduling.dispatcher import Dispatcher
    from enrich_service.storage import StorageService

log = structlog.get_logger(__name__)


class Reclaimer:
    """Reclaims after a heartbeat, in a task of its own: a lost answer must not delay heartbeats.

    The next heartbeats detect the connection that lost it. Reclaiming reads everything claimed, so
    it runs only when a worker has fallen silent, when the answer to one of this worker's claims was
    lost, or after a tick, which covers what went unnoticed.

    Args:
        worker_id: in whose name claims are made here.
        storage: queue and claims.
        dispatcher: knows which claims are in hand.
        worker_timeout: seconds without a heartbeat after which a worker counts as gone.
        wake: called when there is something to claim again.
    """

    def __init__(
        self,
        *,
        worker_id: UUID,
        storage: StorageService,
        dispatcher: Dispatcher,
        worker_timeout: float,
        wake: Callable[[], None],
    ) -> None:
        self._worker_id = worker_id
        self._storage = storage
        self._dispatcher = dispatcher
        self._worker_timeout = worker_timeout
        self._wake = wake
        self._due = asyncio.Event()
        self._silent: frozenset[UUID] = frozenset()
        self._reclaimed: frozenset[UUID] = frozenset()
        self._ticked = True
        """Whatever an earlier worker left behind is looked for at once."""

    def note_tick(self) -> None:
        """Let the next heartbeat be followed by a look for such claims."""
        self._ticked = True

    def note_heartbeat(self, silent: frozenset[UUID]) -> None:
        """A heartbeat found these silent, while everybody else had time to speak up."""
        self._silent = silent
        self._reclaimed &= silent  # who spoke up may fall silent again
        if self._ticked or self._dispatcher.has_lost_claims or silent - self._reclaimed:
            self._due.set()

    async def run(self) -> None:
        """Reclaim whenever it is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            silent, self._ticked, self._dispatcher.has_lost_claims = self._silent, False, False
            try:
                reclaimed = await self.reclaim()
            except STATEMENT_FAILED as error:
                log.warning("reclaim_failed", **described(error))
                self._ticked = True
                continue
            self._reclaimed = silent
            if reclaimed:
                log.warning("claims_reclaimed", count=reclaimed)
                self._storage.queue.floor.lower()
                self._wake()

    async def reclaim(self) -> int:
        """Release the claims of silent workers, and those of ours whose answer was lost.

        Which of our claims are lost is decided by what is known *after* they were read: a claim
        that is being made meanwhile is known by then, and a token is never used twice.
        """
        found = await self._storage.reclaim.reclaim_silent(self._worker_id, self._worker_timeout)
        unknown = found.own - self._dispatcher.known_claims
        lost = {claim for claim in unknown if claim[1] != self._dispatcher.claiming}
        if lost:
            await self._storage.reclaim.release_lost(lost)
        return found.freed + len(lost)
