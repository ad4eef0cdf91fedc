"""The fleet as the API shows it: workers, queue, TMDB's state, budget and pace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.models import (
    BACKGROUND_TURN,
    HELD_TURN,
    RECOVERY_SECONDS,
    SILENT_SECONDS,
    TMDBState,
)
from shared.sql.fleet_control import set_paused

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Database


MOST_COUNTED = 2000
"""Lookups of the queue that are counted for an estimate."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """The fleet and its queue. Durations are seconds."""

    paused_since: datetime | None
    tmdb_state: TMDBState
    tmdb_reason: str | None
    tmdb_since: datetime
    tmdb_next_probe: datetime | None
    queued: int
    background: int
    claimed: int
    oldest_wait: float | None
    oldest_background_wait: float | None
    oldest_claimed_wait: float | None
    requests_in_period: int
    held_until: datetime | None
    held_for: float | None
    share: float = 1.0
    """Of the budget, that is sent, after a hold if there is one; less after a 429."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the time left of a session depends on.

    Attributes:
        working: there is a daemon, and the fleet is neither paused nor without TMDB.
        wait: seconds until the next request may go out.
        share: of the limit, that is sent then; less than 1 after a 429.
        requests_per_film: what films took lately, None where no daemon has ended any.
        remaining: movies without an outcome, of each session of no client that has any.
    """

    working: bool
    wait: float
    share: float
    requests_per_film: float | None
    remaining: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TurnsUntil:
    """Turns from the clock's time until the first film of a session can be claimed, and the last.

    Both are 0 where no turns of the session's are known to come.
    """

    first: int
    last: int


class FleetStorage:
    """Reads and steers the fleet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, period: float) -> FleetRow:
        """Return the fleet and its queue, with the requests sent in the last `period` seconds."""
        row = await self._database.fetchrow(
            """
            select
              paused_since,
              tmdb_state,
              tmdb_reason,
              tmdb_since,
              tmdb_probe_at as tmdb_next_probe,
              queue.queued,
              queue.background,
              queue.claimed,
              queue.oldest_wait,
              queue.oldest_background_wait,
              queue.oldest_claimed_wait,
              coalesce((select max(n) from request_slots), 0) - coalesce(
                (
                  select n
                  from request_slots
                  where sent_at <= clock_timestamp() - $1::interval
                  order by n desc
                  limit 1
                ),
                0
              ) as requests_in_period,
              case when hold_until > clock_timestamp() then hold_until end as held_until,
              case
                when hold_until > clock_timestamp()
                then extract(epoch from hold_until - clock_timestamp())::float8
              end as held_for,
              least(
                slowed_to + coalesce(
                  greatest(
                    extract(epoch from greatest(clock_timestamp(), hold_until) - slowed_at), 0
                  ) / $4::float8,
                  0
                ),
                1
              )::float8 as share
            from fleet, request_window, (
              select
                count(*) filter (where claimed_by is null and turn < $3) as queued,
                count(*) filter (where claimed_by is null and turn = $2) as background,
                count(claimed_by) as claimed,
                extract(epoch from clock_timestamp() - min(due_at) filter (
                  where claimed_by is null and due_at <= clock_timestamp() and turn < $3
                ))::float8 as oldest_wait,
                extract(epoch from clock_timestamp() - min(due_at) filter (
                  where claimed_by is null and due_at <= clock_timestamp() and turn = $2
                ))::float8 as oldest_background_wait,
                extract(epoch from clock_timestamp() - min(due_at) filter (
                  where claimed_by is not null
                ))::float8 as oldest_claimed_wait
              from lookups
              where due_at is not null
            ) as queue
            """,
            timedelta(seconds=period),
            BACKGROUND_TURN,
            HELD_TURN,
            RECOVERY_SECONDS,
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return FleetRow(**{**row, "tmdb_state": TMDBState(row["tmdb_state"])})

    async def workers(self) -> list[asyncpg.Record]:
        """Return the daemons that are alive, oldest first."""
        return await self._database.fetch(
            """
            select
              id, host, started_at, heartbeat_at, last_run, next_run, interval_seconds, in_flight,
              draining, tmdb_state
            from workers
            where heartbeat_at > clock_timestamp() - $1::interval
            order by started_at, id
            """,
            timedelta(seconds=SILENT_SECONDS),
        )

    async def pace(self, limit: int, period: float) -> Pace:
        """Return who shares the budget at the moment, and how fast it goes.

        Args:
            limit: requests in any `period`.
            period: seconds, the margin included.
        """
        row = await self._database.fetchrow(
            """
            select
              paused_since is null
                and tmdb_state = 'up'
                and exists (
                  select from workers where heartbeat_at > clock_timestamp() - $1::interval
                ) as working,
              extract(epoch from greatest(
                hold_until,
                (
                  select sent_at
                  from request_slots
                  where n > (select max(n) from request_slots) - $2::integer
                  order by n
                  limit 1
                ) + $3::interval,
                clock_timestamp()
              ) - clock_timestamp())::float8 as wait,
              least(
                slowed_to + coalesce(
                  greatest(
                    extract(epoch from greatest(clock_timestamp(), hold_until) - slowed_at), 0
                  ) / $4::float8,
                  0
                ),
                1
              )::float8 as share,
              (
                select avg(requests_per_film)
                from workers
                where heartbeat_at > clock_timestamp() - $1::interval
              ) as requests_per_film,
              array(
                select total - enriched - not_found - failed
                from sessions
                cross join lateral current_counts(sessions.id)
                where completed_at is null and client is null
              ) as remaining
            from fleet, request_window
            """,
            timedelta(seconds=SILENT_SECONDS),
            limit,
            timedelta(seconds=period),
            RECOVERY_SECONDS,
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return Pace(**{**row, "remaining": tuple(row["remaining"])})

    async def turns_until(self, session_id: UUID) -> TurnsUntil:
        """Return how many turns come before those of a session of a client, and in all.

        They are those that it was granted, and those of films that others had queued before.
        """
        row = await self._database.fetchrow(
            """
            select
              greatest(min(first_turn) - 1 - max(clock.turn), 0) as first,
              greatest(max(last_turn) - max(clock.turn), 0) as last
            from (
              select first_turn, last_turn from queue_grants where session_id = $1
              union all
              select first_turn, last_turn from sessions where id = $1
            ) as ranges, (select max(turn) as turn from virtual_times) as clock
            where last_turn > clock.turn
            """,
            session_id,
        )
        if row is None or row["last"] is None:
            return TurnsUntil(0, 0)
        return TurnsUntil(row["first"], row["last"])

    async def films_ahead(self, turns: int) -> int | None:
        """Return how many lookups come before the last of a session's, that one included.

        Counted in the queue, because lists share films; None where that would be too many to count.

        Args:
            turns: from the clock's time until that of the session's last movie.
        """
        counted = int(
            await self._database.fetchval(
                """
                select count(*)
                from (
                  select
                  from lookups
                  where due_at is not null
                    and turn >= (select max(turn) from virtual_times)
                    and turn <= (select max(turn) from virtual_times) + $1
                  order by turn, id
                  limit $2
                ) as ahead
                """,
                turns,
                MOST_COUNTED,
            )
        )
        return counted if counted < MOST_COUNTED else None

    async def granted_until(self, turns: int) -> int:
        """Return how many of so many turns after the clock's time were granted to any client.

        At most so many films of theirs come before the last of them.
        """
        return int(
            await self._database.fetchval(
                """
                select coalesce(
                  sum(
                    least(last_turn, clock.turn + $1) - greatest(first_turn - 1, clock.turn)
                  ),
                  0
                )
                from queue_grants, (select max(turn) as turn from virtual_times) as clock
                where last_turn > clock.turn and first_turn <= clock.turn + $1
                """,
                turns,
            )
        )

    async def set_paused(self, *, paused: bool) -> None:
        """Pause or resume the whole fleet; kept across restarts."""
        await set_paused(self._database, paused=paused)
