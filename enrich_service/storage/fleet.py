"""The fleet: heartbeats, pause and resume, and what all daemons know of TMDB's health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.fleet_control import set_paused
from shared.models import Channel, TMDBState

if TYPE_CHECKING:
    from uuid import UUID

    from shared.database import Database

FORGET_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker says of itself; `requests_per_film` is None until films have ended.

    `tmdb_state` is what TMDB is to this worker, which may be cut off by itself.
    """

    worker_id: UUID
    host: str
    last_run: datetime | None
    next_run: datetime | None
    interval_seconds: float
    in_flight: int
    draining: bool
    requests_per_film: float | None = None
    tmdb_state: TMDBState = TMDBState.UP


class FleetStorage:
    """Rows that describe the fleet as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, beat: Heartbeat) -> None:
        """Say that this worker is alive, and forget workers that have long been gone."""
        await self._database.fetchval(
            """
            with forgotten as (
              delete from workers
              where heartbeat_at < clock_timestamp() - $10::interval and id <> $1
            )
            insert into workers as w (
              id, host, last_run, next_run, interval_seconds, in_flight, draining,
              requests_per_film, tmdb_state
            )
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (id) do update
            set
              heartbeat_at = clock_timestamp(),
              last_run = excluded.last_run,
              next_run = excluded.next_run,
              in_flight = excluded.in_flight,
              draining = excluded.draining,
              requests_per_film = excluded.requests_per_film,
              tmdb_state = excluded.tmdb_state
            """,
            beat.worker_id,
            beat.host,
            beat.last_run,
            beat.next_run,
            beat.interval_seconds,
            beat.in_flight,
            beat.draining,
            beat.requests_per_film,
            beat.tmdb_state,
            timedelta(seconds=FORGET_SECONDS),
        )

    async def leave(self, worker_id: UUID) -> None:
        """Take this worker's row away: it has stopped and holds no claim."""
        await self._database.fetchval("delete from workers where id = $1", worker_id)

    async def set_paused(self, *, paused: bool) -> None:
        """Pause or resume the whole fleet; kept across restarts."""
        await set_paused(self._database, paused=paused)

    async def tmdb_is_up(self) -> None:
        """Close the breaker: TMDB answers."""
        await self._database.fetchval(
            """
            with changed as (
              update fleet
              set
                tmdb_state = 'up',
                tmdb_reason = null,
                tmdb_since = clock_timestamp(),
                tmdb_probe_at = null,
                tmdb_probes = 0
              where tmdb_state <> 'up'
              returning 1
            )
            select pg_notify($1, '') from changed
            """,
            Channel.FLEET_CONTROL,
        )

    async def tmdb_is_out(
        self,
        state: TMDBState,
        reason: str,
        *,
        lengthen: bool = True,
        first_pause: float,
        longest_pause: float,
    ) -> None:
        """Open the breaker; or, after the fleet's probe, keep it open for twice as long.

        Several daemons may find out the same outage: those who come later change nothing.
        """
        await self._database.fetchval(
            """
            with changed as (
              update fleet
              set
                tmdb_state = $1,
                tmdb_reason = $2,
                tmdb_since = case when tmdb_state = $1 then tmdb_since else clock_timestamp() end,
                tmdb_probes = tmdb_probes + 1,
                tmdb_probe_at = clock_timestamp()
                  + least($3::interval * 2 ^ least(tmdb_probes, 20), $4::interval)
              where tmdb_state <> $1 or $6
              returning 1
            )
            select pg_notify($5, '') from changed
            """,
            state,
            reason,
            timedelta(seconds=first_pause),
            timedelta(seconds=longest_pause),
            Channel.FLEET_CONTROL,
            lengthen,
        )

    async def others_reach_tmdb(self, worker_id: UUID, silent: float) -> bool:
        """Whether another living worker has found nothing wrong with TMDB."""
        return bool(
            await self._database.fetchval(
                """
                select exists (
                  select
                  from workers
                  where id <> $1
                    and tmdb_state = 'up'
                    and not draining
                    and heartbeat_at > clock_timestamp() - $2::interval
                )
                """,
                worker_id,
                timedelta(seconds=silent),
            )
        )

    async def probe_again_now(self) -> None:
        """Let anybody probe at once: the one who was to do it did not come to it."""
        await self._database.fetchval(
            "update fleet set tmdb_probe_at = clock_timestamp() where tmdb_state <> 'up'"
        )

    async def win_probe(self, next_within: float) -> bool:
        """Whether this daemon is the one that probes TMDB now; nobody else may for a while."""
        return bool(
            await self._database.fetchval(
                """
                update fleet
                set tmdb_probe_at = clock_timestamp() + $1::interval
                where tmdb_state <> 'up' and tmdb_probe_at <= clock_timestamp()
                returning true
                """,
                timedelta(seconds=next_within),
            )
        )
