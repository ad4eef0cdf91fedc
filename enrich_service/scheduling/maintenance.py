"""What every tick looks after: what should be true is made true, what is no longer needed goes.

Each chore has a deadline and an error boundary of its own, and each round begins with another one,
so that whatever is slow or broken keeps no other chore from its turn.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.statement_errors import STATEMENT_FAILED
from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.options import WorkerOptions
    from enrich_service.storage import StorageService

EXPIRED_SESSIONS = 20
"""Unread sessions that are deleted in one turn of the slow part."""
EXPIRY_SECONDS = 60.0
"""Deadline for deleting them: a session goes whole or not at all, however large it is."""
REFRESHES = 200
"""Old records that are due at the same time."""
SURVEYS = 200
"""Years that are gone through at the same time: all of them, so that each gets its turn."""
WARM_UPS = 200
"""Common films that are due at the same time."""
OLD_TITLES = 1_000
TITLE_DAYS = 180
"""Days for which a title is kept: TMDB's terms allow no more."""
CLIENT_DAYS = 30
"""Days for which a session says, by a hash, who made it: long enough to bound what one client has
in the database, and no longer."""
ROUNDS_BETWEEN_SLOW_CHORES = 6
"""Nobody waits for what is old: once a minute is often enough, and an idle fleet stays quiet."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to look after.

    Attributes:
        do: does it; whether there is new work in the queue.
        seconds: its deadline.
        is_slow: it comes round once in `ROUNDS_BETWEEN_SLOW_CHORES`.
    """

    do: Callable[[], Awaitable[bool]]
    seconds: float
    is_slow: bool = True


class Maintenance:
    """One daemon's share; daemons that do the same at once do not get into each other's way.

    Args:
        storage: where everything is.
        options: from which age on things are old.
        wake: set when there is new work in the queue.
    """

    def __init__(
        self, storage: StorageService, options: WorkerOptions, wake: asyncio.Event
    ) -> None:
        self._storage = storage
        self._options = options
        self._wake = wake
        self._rounds = 0
        seconds = options.chore
        self._chores = {
            "reconcile_sessions": Chore(self._reconcile_sessions, seconds, is_slow=False),
            "prune_queue": Chore(self._prune_queue, seconds, is_slow=False),
            "prune_clocks": Chore(self._prune_clocks, seconds),
            "expire_sessions": Chore(self._expire_sessions, max(seconds, EXPIRY_SECONDS)),
            "prune_answers": Chore(self._prune_answers, seconds),
            "prune_slots": Chore(self._prune_slots, seconds),
            "prune_grants": Chore(self._prune_grants, seconds),
            "expire_clients": Chore(self._expire_clients, seconds),
            "expire_titles": Chore(self._expire_titles, seconds),
            "drop_records": Chore(self._drop_records, seconds),
            "follow_changes": Chore(self._follow_changes, seconds),
            "queue_refreshes": Chore(self._queue_refreshes, seconds),
            "queue_surveys": Chore(self._queue_surveys, seconds),
            "queue_warm_up": Chore(self._queue_warm_up, seconds),
        }
        self.due = asyncio.Event()
        """Set by each tick. Those that come during a round are one."""

    async def run(self) -> None:
        """Do a round of chores whenever one is due, until cancelled; beside the tick, never in it.

        A chore over a silent connection takes as long as that is silent.
        """
        while True:
            await self.due.wait()
            self.due.clear()
            await self.do_round()

    async def do_round(self) -> None:
        """Do each chore whose turn it is, beginning with another one each time."""
        number, self._rounds = self._rounds, self._rounds + 1
        with_slow = number % ROUNDS_BETWEEN_SLOW_CHORES == 0
        names = [name for name, chore in self._chores.items() if with_slow or not chore.is_slow]
        first = (number // ROUNDS_BETWEEN_SLOW_CHORES if with_slow else number) % len(names)
        for name in (*names[first:], *names[:first]):
            await self._do(name, self._chores[name])

    async def _do(self, name: str, chore: Chore) -> None:
        try:
            async with asyncio.timeout(chore.seconds):
                if await chore.do():
                    self._storage.queue.floor.lower(BACKGROUND_TURN)
                    self._wake.set()
        except (TimeoutError, *STATEMENT_FAILED) as error:
            log.warning("chore_failed", chore=name, error=f"{type(error).__name__}: {error}")
        except Exception:
            # No chore's defect is another's.
            log.exception("chore_failed", chore=name)

    async def _reconcile_sessions(self) -> bool:
        for session_id in await self._storage.sessions.reconcile():
            log.warning("session_reconciled", session_id=str(session_id))
        return False

    async def _prune_queue(self) -> bool:
        if pruned := await self._storage.retention.prune_queue():
            log.info("unlisted_lookups_deleted", count=pruned)
        return False

    async def _prune_clocks(self) -> bool:
        await self._storage.clocks.prune()
        return False

    async def _expire_sessions(self) -> bool:
        expired = 0
        try:
            while expired < EXPIRED_SESSIONS and await self._storage.retention.expire_unread(
                self._options.session_days
            ):
                expired += 1
        finally:
            if expired:
                log.info("unread_sessions_deleted", count=expired)
        return False

    async def _prune_answers(self) -> bool:
        if pruned := await self._storage.retention.prune_answers(self._options.unlisted_days):
            log.info("unlisted_lookups_deleted", count=pruned)
        return False

    async def _prune_slots(self) -> bool:
        await self._storage.retention.prune_slots(self._options.request_limit.limit)
        return False

    async def _prune_grants(self) -> bool:
        await self._storage.retention.prune_grants()
        return False

    async def _expire_clients(self) -> bool:
        if expired := await self._storage.retention.expire_clients(CLIENT_DAYS):
            log.info("clients_forgotten", sessions=expired)
        return False

    async def _expire_titles(self) -> bool:
        await self._storage.titles.expire_old(TITLE_DAYS, OLD_TITLES)
        return False

    async def _drop_records(self) -> bool:
        if dropped := await self._storage.retention.drop_records(self._options.unlisted_days):
            log.info("unused_records_deleted", count=dropped)
        return False

    async def _follow_changes(self) -> bool:
        await self._storage.changes.begin()
        missed = await self._storage.changes.queue()
        if missed:
            log.warning("changes_missed", days=missed)
        return missed is not None

    async def _queue_refreshes(self) -> bool:
        queued = await self._storage.records.queue_refreshes(self._options.refresh_days, REFRESHES)
        if queued:
            log.info("refreshes_queued", count=queued)
        return queued > 0

    async def _queue_surveys(self) -> bool:
        if not self._options.index_votes:
            return False
        queued = await self._storage.surveys.queue(SURVEYS)
        if queued:
            log.info("surveys_queued", count=queued)
        return queued > 0

    async def _queue_warm_up(self) -> bool:
        if not self._options.warm_films:
            return False
        queued = await self._storage.warm_up.queue(
            self._options.warm_films, WARM_UPS, use_export=self._options.export_url is not None
        )
        if queued:
            log.info("warm_up_queued", count=queued)
        return queued > 0
