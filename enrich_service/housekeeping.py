"""What every tick looks after: what should be true is made true, what is no longer needed goes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from enrich_service.options import WorkerOptions
    from enrich_service.storage import StorageService

FORGET_SESSIONS = 20
"""Unread sessions that are deleted in one turn of the slow part."""
REFRESHES = 200
"""Old records that are due at the same time."""
SURVEYS = 200
"""Years that are gone through at the same time: all of them, so that each gets its turn."""
WARM_UPS = 200
"""Common films that are due at the same time."""
OLD_TITLES = 1_000
TITLE_DAYS = 180
"""Days for which a title is kept: TMDB's terms allow no more."""
TICKS_BETWEEN_SLOW_PARTS = 6
"""Nobody waits for what is old: once a minute is often enough, and an idle fleet stays quiet."""

log = structlog.get_logger(__name__)


class Housekeeping:
    """One daemon's share; daemons that do the same at once do not get into each other's way.

    Args:
        storage: where everything is.
        options: from which age on things are old.
    """

    def __init__(self, storage: StorageService, options: WorkerOptions) -> None:
        self._storage = storage
        self._options = options
        self._ticks = itertools.count()

    async def do(self) -> bool:
        """Do what is to be done at this tick; whether there is new work in the queue."""
        for session_id in await self._storage.sessions.heal():
            log.warning("session_healed", session_id=str(session_id))
        swept = await self._storage.retention.sweep_queue()
        if swept:
            log.info("unlisted_lookups_deleted", count=swept)
        if next(self._ticks) % TICKS_BETWEEN_SLOW_PARTS:
            return False
        await self._forget()
        queued = await self._storage.records.queue_refreshes(
            self._options.catalogue_days, REFRESHES
        )
        if queued:
            log.info("refreshes_queued", count=queued)
        return queued + await self._learn_what_nobody_asked_for() > 0

    async def _learn_what_nobody_asked_for(self) -> int:
        surveys = 0
        if self._options.index_votes:
            surveys = await self._storage.surveys.queue(SURVEYS)
            if surveys:
                log.info("surveys_queued", count=surveys)
        warmed = 0
        if self._options.warm_films:
            warmed = await self._storage.warm_up.queue(self._options.warm_films, WARM_UPS)
            if warmed:
                log.info("warm_up_queued", count=warmed)
        return surveys + warmed

    async def _forget(self) -> None:
        forgotten = 0
        while forgotten < FORGET_SESSIONS and await self._storage.retention.forget_unread(
            self._options.session_days
        ):
            forgotten += 1
        if forgotten:
            log.info("unread_sessions_deleted", count=forgotten)
        if swept := await self._storage.retention.sweep_answers(self._options.catalogue_days):
            log.info("unlisted_lookups_deleted", count=swept)
        await self._storage.titles.forget_old(TITLE_DAYS, OLD_TITLES)
        if dropped := await self._storage.retention.drop_records(self._options.catalogue_days):
            log.info("unused_records_deleted", count=dropped)
