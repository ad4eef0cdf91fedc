"""One page of TMDB's feed of changes: asked for, heeded, and followed by the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.changes import FEED_DAYS, ChangesRead
from enrich_service.tmdb.requests import LAST_PAGE, movie_changes

if TYPE_CHECKING:
    from datetime import date

    from enrich_service.lookups import Claim
    from enrich_service.scheduling.rate_limited_client import RateLimitedClient
    from enrich_service.storage.changes import ChangeStorage

LARGEST_INTEGER = 2**31 - 1
"""Of PostgreSQL's; TMDB's numbers have no bound."""

log = structlog.get_logger(__name__)


class ChangeFeed:
    """Follows what TMDB says of changed films, so that the others need not be asked for.

    Args:
        storage: where the feed's place and the records are.
        old_days: from which age on, in days, a record is refreshed though nothing was said of it.
    """

    def __init__(self, storage: ChangeStorage, old_days: int) -> None:
        self._storage = storage
        self._old_days = old_days

    async def read(self, claim: Claim, ask: RateLimitedClient, day: date, page: int) -> None:
        """Read a page; what it makes old is queued by the next round of maintenance.

        One of a day that the feed tells no more of is left out.

        Raises:
            TMDBError: there is no page, and the claim must be released.
        """
        if datetime.now(UTC).date() - day > timedelta(days=FEED_DAYS):
            await self._storage.leave_out(claim)
            return
        answer = await ask(movie_changes(day, page))
        changed = [film.id for film in answer.results if film.id <= LARGEST_INTEGER]
        is_last = page >= min(answer.total_pages, LAST_PAGE)
        old = await self._storage.turn_over(
            claim, ChangesRead(day, page, is_last), changed, self._old_days
        )
        if old is not None:
            log.info("changes_read", day=day.isoformat(), page=page, changed=len(changed), old=old)
