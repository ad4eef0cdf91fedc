"""The pacer: tells how long a session still takes, with one look at the fleet a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from api_service.rules.eta import estimate_seconds, films_ahead

if TYPE_CHECKING:
    from api_service.storage import StorageService
    from api_service.storage.fleet import Pace
    from api_service.storage.sessions import SessionRow
    from shared.settings import Settings

PACE_SECONDS = 1.0
"""How old the pace may be from which `eta_seconds` is computed."""


class Pacer:
    """Estimates the time left from the pace of the fleet, which it reads at most once a second.

    So a status poll reads one row, however many clients poll.
    """

    def __init__(self, storage: StorageService, settings: Settings) -> None:
        self._storage = storage
        self._limit = settings.tmdb_rate_limit
        self._period = settings.tmdb_rate_period + settings.tmdb_rate_margin
        self._pace: Pace | None = None
        self._read_at = 0.0
        self._ahead: dict[int, int | None] = {}
        """By the number of films that a session waits for; as old as the pace."""

    async def eta_seconds(self, session: SessionRow) -> int | None:
        """Seconds until the session is complete; None while the fleet does not work."""
        if session.remaining == 0:
            return 0
        pace = await self._current_pace()
        if not pace.working:
            return None
        return estimate_seconds(
            await self._films_ahead(session.remaining, pace),
            requests_per_film=pace.requests_per_film,
            wait=pace.wait,
            limit=self._limit,
            period=self._period,
        )

    def forget(self) -> None:
        """Read the pace again when it is next asked for: the fleet has changed."""
        self._pace = None

    async def _current_pace(self) -> Pace:
        if self._pace is None or time.monotonic() - self._read_at > PACE_SECONDS:
            self._read_at = time.monotonic()
            self._pace = await self._storage.fleet.pace(self._limit, self._period)
            self._ahead.clear()
        return self._pace

    async def _films_ahead(self, remaining: int, pace: Pace) -> int:
        if remaining not in self._ahead:
            self._ahead[remaining] = await self._storage.fleet.films_ahead(remaining)
        counted = self._ahead[remaining]
        return films_ahead(remaining, pace.remaining) if counted is None else counted
