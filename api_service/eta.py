"""Estimates of the time that a session still takes while all sessions share the request budget."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from api_service.storage import StorageService
    from api_service.storage.fleet import Pace, TurnsUntil
    from api_service.storage.sessions import SessionRow
    from shared.settings import Settings

PACE_SECONDS = 1.0
"""How old the pace may be from which `eta_seconds` is computed."""
REQUESTS_PER_FILM = 2.0
"""A search and the details, where no daemon has told yet what films take."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to come for a session.

    Attributes:
        eta_seconds: until it is complete; None while the fleet does not work, or the operator holds
            the session.
        waiting: its films come after those of other lists of its client.
    """

    eta_seconds: int | None
    waiting: bool


class EtaEstimator:
    """Estimates the time left from the pace of the fleet, which it reads at most once a second.

    So a status poll reads two rows, however many clients poll. Once a second the grants of a
    session with a client are read, and, where the films before its last one are too many to count,
    all grants to come.
    """

    def __init__(self, storage: StorageService, settings: Settings) -> None:
        self._storage = storage
        self._limit = settings.tmdb_rate_limit
        self._period = settings.tmdb_rate_period + settings.tmdb_rate_margin
        self._pace: Pace | None = None
        self._read_at = 0.0
        self._ahead: dict[int, int | None] = {}
        """By the number of turns until a session's last film; as old as the pace."""
        self._granted: dict[int, int] = {}
        """Turns granted to clients until then, where films are too many to count."""
        self._turns: dict[UUID, TurnsUntil] = {}
        """Of sessions that have a client; as old as the pace."""

    async def estimate(self, session: SessionRow) -> Estimate:
        """Tell how long the session still takes, and whether its turn has not come."""
        if session.remaining == 0:
            return Estimate(0, waiting=False)
        if session.held:
            return Estimate(None, waiting=False)
        pace = await self._current_pace()
        first, last = 0, session.remaining
        if session.has_client:
            until = await self._turns_until(session.id)
            first, last = until.first, max(until.last, last)
        return Estimate(await self._eta_seconds(last, pace) if pace.working else None, first > 0)

    async def _eta_seconds(self, turns: int, pace: Pace) -> int:
        return estimate_seconds(
            await self._films_ahead(turns, pace),
            requests_per_film=pace.requests_per_film,
            wait=pace.wait,
            share=pace.share,
            limit=self._limit,
            period=self._period,
        )

    def invalidate(self) -> None:
        """Read the pace again when it is next asked for: the fleet has changed."""
        self._pace = None

    async def _current_pace(self) -> Pace:
        if self._pace is None or time.monotonic() - self._read_at > PACE_SECONDS:
            self._read_at = time.monotonic()
            self._pace = await self._storage.fleet.pace(self._limit, self._period)
            self._ahead.clear()
            self._granted.clear()
            self._turns.clear()
        return self._pace

    async def _turns_until(self, session_id: UUID) -> TurnsUntil:
        if session_id not in self._turns:
            self._turns[session_id] = await self._storage.fleet.turns_until(session_id)
        return self._turns[session_id]

    async def _films_ahead(self, turns: int, pace: Pace) -> int:
        if turns not in self._ahead:
            self._ahead[turns] = await self._storage.fleet.films_ahead(turns)
        counted = self._ahead[turns]
        if counted is not None:
            return counted
        if turns not in self._granted:
            self._granted[turns] = await self._storage.fleet.granted_until(turns)
        return films_ahead(turns, pace.remaining, self._granted[turns])


def films_ahead(remaining: int, everyones_remaining: Iterable[int], granted: int = 0) -> int:
    """Return how many films at most end before a session's last, if no two lists share any.

    Turns go round film by film, so until then every session gets as many films as this one, or as
    many as it has left.

    Args:
        remaining: movies of this session without an outcome.
        everyones_remaining: the same of every session that waits, this one included; but for those
            of clients, which wait for their turns.
        granted: turns that clients were granted until then.
    """
    others = sum(min(other, remaining) for other in everyones_remaining)
    return max(others + granted, remaining)


def estimate_seconds(
    films: int,
    *,
    requests_per_film: float | None,
    wait: float,
    share: float,
    limit: int,
    period: float,
) -> int:
    """Return seconds until so many films have ended.

    Args:
        films: that come before the end, those in flight included.
        requests_per_film: as lately measured, None where nothing was.
        wait: seconds until the next request may go out.
        share: of the limit, that is sent now. What a slowed fleet regains meanwhile is left out, so
            the estimate is rather too long.
        limit: requests in any period.
        period: seconds.
    """
    requests = films * (REQUESTS_PER_FILM if requests_per_film is None else requests_per_film)
    return round(wait + requests * period / max(limit * share, 1))
