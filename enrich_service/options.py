"""How one daemon behaves: what the settings say, and the constants of its trade."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from enrich_service.storage.request_limit import RequestLimit
from shared.models import SILENT_SECONDS
from shared.settings import TMDBS_OWN_ADDRESS

if TYPE_CHECKING:
    from shared.settings import Settings

FLEET_CONNECTIONS = 20
"""TMDB's edge accepts about so many from one address."""

TMDBS_OWN_EXPORTS = "https://files.tmdb.org"
"""They need no key and count towards no limit."""

SLOTS_TO_A_BACKGROUND_SLOT = 20
"""While somebody waits, one slot of so many goes to what nobody waits for."""

LONGEST_DAYS = 150
"""After so many a record is refreshed at the latest, for after 180 it is not shown."""
UNLISTED_DAYS = 30
"""For so many days orphaned answers and records are kept: such films are likely to return."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Durations are seconds.

    Attributes:
        concurrency: films in flight.
        most_blocked: films that are answered and wait for rows that others hold; with so many
            nothing is claimed.
        connections: to TMDB, of all daemons together.
        interval: between fallback ticks.
        drain: how long work in flight may take after a stop was asked for.
        request_limit: TMDB's limit.
        session_days: how long a session may stay unread, in days.
        catalogue_days: how old a record of TMDB's may grow before it is refreshed though TMDB does
            not say that it changed, in days.
        index_votes: with so many votes a film is learned by its title though nobody asked for it;
            0 keeps no titles at all.
        export_url: where TMDB's daily export is; None where it is not used.
        warm_films: how many common films are fetched whole though nobody asked for them.
        refresh_pause: before a record that could not be refreshed is tried again.
        chore: how long one chore of a tick may take.
        heartbeat: between heartbeats.
        worker_timeout: after which a worker counts as gone.
        attempts: how often a film may fail by itself.
        first_backoff, longest_backoff: between a film's attempts.
        verdict: how long a failed film waits for TMDB to answer another before TMDB is probed.
        first_probe, longest_probe: between probes while TMDB is out.
    """

    concurrency: int = 20
    most_blocked: int = 1000
    connections: int = FLEET_CONNECTIONS
    interval: float = 10.0
    drain: float = 20.0
    request_limit: RequestLimit = field(default_factory=RequestLimit)
    session_days: int = 30
    catalogue_days: int = LONGEST_DAYS
    index_votes: int = 5
    export_url: str | None = None
    warm_films: int = 0
    refresh_pause: float = 86400.0
    chore: float = 10.0
    heartbeat: float = 5.0
    worker_timeout: float = SILENT_SECONDS
    attempts: int = 5
    first_backoff: float = 1.0
    longest_backoff: float = 60.0
    verdict: float = 0.5
    first_probe: float = 1.0
    longest_probe: float = 60.0

    @property
    def refresh_days(self) -> int:
        """From which age on, in days, a record is refreshed."""
        return min(self.catalogue_days, LONGEST_DAYS)

    @property
    def unlisted_days(self) -> int:
        """For how many days orphaned answers and records are kept."""
        return min(self.refresh_days, UNLISTED_DAYS)

    @property
    def background_pause(self) -> timedelta:
        """How far apart background claims are while somebody waits: one slot in twenty.

        That is at the full rate; a claim divides it by the share of a slowed fleet.
        """
        limit = self.request_limit
        return timedelta(seconds=SLOTS_TO_A_BACKGROUND_SLOT * limit.period / limit.limit)

    @property
    def lease(self) -> float:
        """How long after a heartbeat a worker may act, so that nobody takes it for gone."""
        return self.worker_timeout - self.heartbeat

    @property
    def background_limit(self) -> RequestLimit:
        """What background work may use while nobody waits: half, and the other half stays free."""
        return replace(self.request_limit, limit=max(self.request_limit.limit // 2, 1))


def options_from(settings: Settings) -> WorkerOptions:
    """The options that the environment asks for."""
    return WorkerOptions(
        concurrency=settings.enrich_concurrency,
        interval=settings.enrich_interval,
        drain=settings.drain_seconds,
        request_limit=RequestLimit(
            limit=settings.tmdb_rate_limit,
            period=settings.tmdb_rate_period,
            margin=settings.tmdb_rate_margin,
        ),
        session_days=settings.session_days,
        catalogue_days=settings.catalogue_days,
        index_votes=settings.index_votes,
        export_url=_export_url(settings),
        warm_films=settings.warm_films,
    )


def _export_url(settings: Settings) -> str | None:
    """Return where the daily export is fetched from; ids of a stand-in must never meet TMDB's."""
    if settings.tmdb_export_base_url is not None:
        return None if settings.tmdb_export_base_url == "off" else settings.tmdb_export_base_url
    return TMDBS_OWN_EXPORTS if settings.tmdb_base_url == TMDBS_OWN_ADDRESS else None
