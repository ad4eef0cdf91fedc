"""The fleet as the API shows it: workers, queue, TMDB's health, the budget, and the pace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.fleet_control import set_paused
from shared.models import SILENT_SECONDS, TMDBState

if TYPE_CHECKING:
    import asyncpg

    from shared.database import Database


@dataclass(frozen=True, slots=True)
class FleetRow:
    """The fleet and its queue. Durations are seconds."""

    paused_since: datetime | None
    tmdb_state: TMDBState
    tmdb_reason: str | None
    tmdb_since: datetime
    tmdb_next_probe: datetime | None
    queued: int
    claimed: int
    oldest_wait: float | None
    requests_in_period: int
    held_until: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """What the time left of a session depends on.

    Attributes:
        working: there is a daemon, and the fleet is neither paused nor without TMDB.
        remaining: movies without an outcome, of each session that has any.
    """

    working: bool
    remaining: tuple[int, ...]


class FleetStorage:
    """Reads and steers the fleet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, period: float) -> FleetRow:
        """The fleet and its queue, with the requests sent in the last `period` seconds."""
        row = await self._database.fetchrow(
            """
            select
              paused_since,
              tmdb_state,
              tmdb_reason,
              tmdb_since,
              tmdb_probe_at as tmdb_next_probe,
              queue.queued,
              queue.claimed,
              queue.oldest_wait,
              (
                select count(*)
                from unnest(slots) as slot
                where slot > clock_timestamp() - $1::interval
              ) as requests_in_period,
              case when hold_until > clock_timestamp() then hold_until end as held_until
            from fleet, request_window, (
              select
                count(*) filter (where claimed_by is null) as queued,
                count(claimed_by) as claimed,
                extract(epoch from clock_timestamp() - min(due_at) filter (
                  where claimed_by is null and due_at <= clock_timestamp()
                ))::float8 as oldest_wait
              from lookups
              where due_at is not null
            ) as queue
            """,
            timedelta(seconds=period),
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return FleetRow(**{**row, "tmdb_state": TMDBState(row["tmdb_state"])})

    async def workers(self) -> list[asyncpg.Record]:
        """The daemons that are alive, oldest first."""
        return await self._database.fetch(
            """
            select
              id, host, started_at, heartbeat_at, last_run, next_run, interval_seconds, in_flight,
              draining
            from workers
            where heartbeat_at > clock_timestamp() - $1::interval
            order by started_at, id
            """,
            timedelta(seconds=SILENT_SECONDS),
        )

    async def pace(self) -> Pace:
        """Who shares the budget at the moment."""
        row = await self._database.fetchrow(
            """
            select
              paused_since is null
                and tmdb_state = 'up'
                and exists (
                  select from workers where heartbeat_at > clock_timestamp() - $1::interval
                ) as working,
              array(
                select total - enriched - not_found - failed
                from sessions
                where status = 'enriching'
              ) as remaining
            from fleet
            """,
            timedelta(seconds=SILENT_SECONDS),
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return Pace(row["working"], tuple(row["remaining"]))

    async def set_paused(self, *, paused: bool) -> None:
        """Pause or resume the whole fleet; kept across restarts."""
        await set_paused(self._database, paused=paused)
