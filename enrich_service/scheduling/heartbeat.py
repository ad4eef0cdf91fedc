"""Heartbeats: a worker's sign of life, and what it learns about the fleet from each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.statement_errors import STATEMENT_FAILED, described

if TYPE_CHECKING:
    from collections.abc import Callable

    from enrich_service.options import WorkerOptions
    from enrich_service.scheduling.connection_sharing import ConnectionSharing
    from enrich_service.scheduling.reclaimer import Reclaimer
    from enrich_service.storage import StorageService
    from enrich_service.storage.fleet import Heartbeat, Neighbours

RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class HeartbeatLoop:
    """Sends heartbeats, and acts on a silent worker, a failover or a clock that was set back.

    Args:
        storage: takes the heartbeats.
        options: how far apart they are, and how long each lasts.
        sharing: takes or closes connections after each.
        reclaimer: hears which workers are silent.
        report: what this worker says of itself.
        wake: called when claims may be made again.
    """

    def __init__(
        self,
        *,
        storage: StorageService,
        options: WorkerOptions,
        sharing: ConnectionSharing,
        reclaimer: Reclaimer,
        report: Callable[[], Heartbeat],
        wake: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._options = options
        self._sharing = sharing
        self._reclaimer = reclaimer
        self._report = report
        self._wake = wake
        self._sent_at: float | None = None

    @property
    def is_registered(self) -> bool:
        """Whether the fleet knows that this worker is at work."""
        return self._sent_at is not None

    @property
    def is_fresh(self) -> bool:
        """Whether no other worker can take this one for dead before its next heartbeat is due."""
        return self._sent_at is not None and self._lasts(self._sent_at)

    def deregister(self) -> None:
        """Claim nothing more on the strength of the last heartbeat."""
        self._sent_at = None

    async def run(self) -> None:
        """Send heartbeats until cancelled."""
        while True:
            before = self._sent_at
            try:
                neighbours = await self._send()
            except STATEMENT_FAILED as error:
                log.warning("heartbeat_failed", **described(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if before is None or not self._lasts(before):
                # After an outage everybody's heartbeat is old: let the others send theirs first.
                self._wake()
            else:
                self._reclaimer.note_heartbeat(neighbours.silent)
            pause = RETRY_SECONDS if self._sharing.is_empty_handed else self._options.heartbeat
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._sharing.due.wait()

    async def _send(self) -> Neighbours:
        """Send one: so small and regular a statement that it detects a silent database."""
        asked_at = time.monotonic()
        database, deadline = self._storage.database, self._options.heartbeat
        self._sharing.due.clear()
        beat = self._storage.fleet.beat(
            self._report(), self._options.lease, self._options.worker_timeout
        )
        neighbours = await database.within(deadline, beat)
        await database.within(deadline, self._follow_up(asked_at, neighbours))
        self._sent_at = asked_at
        await database.within(deadline, database.give_up_unanswered(deadline))
        return neighbours

    async def _follow_up(self, asked_at: float, neighbours: Neighbours) -> None:
        if neighbours.failed_over:
            await self._storage.window.notice_failover(self._options.request_limit)
        if neighbours.are_ahead:
            log.warning("clock_set_back")
            await self._storage.fleet.mend_times(self._options.longest_backoff)
            self._storage.queue.floor.lower()
        await self._storage.window.save_hold()
        await self._sharing.settle(asked_at, neighbours)

    def _lasts(self, sent_at: float) -> bool:
        return time.monotonic() - sent_at < self._options.lease
