"""When claims are given back that nobody works on: those of the silent, and our own lost ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.failures import STATEMENT_FAILED, described

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from enrich_service.dispatcher import Dispatcher
    from enrich_service.storage import StorageService

log = structlog.get_logger(__name__)


class Rescuer:
    """Rescues after a heartbeat, but beside them: an answer that never comes stops no heart.

    The next heartbeats find out over which connection it does not come. A rescue reads all that was
    claimed, so it waits for somebody to fall silent, for a claim of ours whose answer was lost, or
    for the tick, which finds what nobody noticed.

    Args:
        worker_id: in whose name claims are made here.
        storage: queue and rescue.
        dispatcher: knows which claims are in hand.
        silent: seconds without a heartbeat after which a worker counts as gone.
        wake: called when there is something to claim again.
    """

    def __init__(
        self,
        *,
        worker_id: UUID,
        storage: StorageService,
        dispatcher: Dispatcher,
        silent: float,
        wake: Callable[[], None],
    ) -> None:
        self._worker_id = worker_id
        self._storage = storage
        self._dispatcher = dispatcher
        self._seconds = silent
        self._wake = wake
        self._due = asyncio.Event()
        self._silent: frozenset[UUID] = frozenset()
        self._rescued: frozenset[UUID] = frozenset()
        self._ticked = True
        """Whatever was left before this worker came is looked for at once."""

    def note_tick(self) -> None:
        """Let the next heartbeat be followed by a rescue."""
        self._ticked = True

    def note_heartbeat(self, silent: frozenset[UUID]) -> None:
        """A heartbeat found these silent, while everybody else had time to speak up."""
        self._silent = silent
        self._rescued &= silent  # who spoke up may fall silent again
        if self._ticked or self._dispatcher.has_lost_claims or silent - self._rescued:
            self._due.set()

    async def run(self) -> None:
        """Rescue whenever it is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            silent, self._ticked, self._dispatcher.has_lost_claims = self._silent, False, False
            try:
                rescued = await self._rescue()
            except STATEMENT_FAILED as error:
                log.warning("rescue_failed", **described(error))
                self._ticked = True
                continue
            self._rescued = silent
            if rescued:
                log.warning("claims_rescued", count=rescued)
                self._storage.queue.floor.lower()
                self._wake()

    async def _rescue(self) -> int:
        """Give back the claims of silent workers, and those of ours whose answer was lost.

        Which of our claims are lost is decided by what is known *after* they were read: a claim
        that is being made meanwhile is known by then, and a token is never used twice.
        """
        rescue = await self._storage.rescue.rescue_silent(self._worker_id, self._seconds)
        unknown = rescue.own - self._dispatcher.known_claims
        lost = {claim for claim in unknown if claim[1] != self._dispatcher.claiming}
        if lost:
            await self._storage.rescue.give_back_lost(lost)
        return rescue.freed + len(lost)
