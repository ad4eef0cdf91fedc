"""The fleet: heartbeats, pause and resume, and what all daemons know of TMDB's health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.models import HELD_TURN, SILENT_SECONDS, Channel, TMDBState
from shared.sql.fleet_control import set_paused

if TYPE_CHECKING:
    from uuid import UUID

    from shared.postgres.database import Connection, Database

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


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a heartbeat found.

    Attributes:
        workers: those who are alive, this one included.
        own_connections: how many this worker may have open, by its row.
        silent: those who are not, and have not long been gone.
        failed_over: the server is another than the window was last taken from.
        are_ahead: some heartbeat lies in the future, because the clock was set back.
    """

    workers: int
    own_connections: int
    silent: frozenset[UUID]
    failed_over: bool
    are_ahead: bool


class FleetStorage:
    """Rows that describe the fleet as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(
        self, beat: Heartbeat, lease: float = SILENT_SECONDS, silent: float = SILENT_SECONDS
    ) -> Neighbours:
        """Say that this worker is alive, forget workers that have long been gone, and look around.

        One whose lease had ended has no connections any more: others may have taken them.

        Args:
            beat: what it says.
            lease: seconds for which a heartbeat counts among neighbours.
            silent: seconds after which a worker counts as gone.
        """
        row = await self._database.fetchrow(
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
              connections = case
                when w.heartbeat_at > clock_timestamp() - $11::interval then w.connections
                else 0
              end,
              last_run = excluded.last_run,
              next_run = excluded.next_run,
              in_flight = excluded.in_flight,
              draining = excluded.draining,
              requests_per_film = excluded.requests_per_film,
              tmdb_state = excluded.tmdb_state
            returning
              (
                select count(*) + 1
                from workers
                where id <> $1 and heartbeat_at > clock_timestamp() - $11::interval
              ) as workers,
              connections as own_connections,
              array(
                select id
                from workers
                where id <> $1 and heartbeat_at <= clock_timestamp() - $12::interval
              ) as silent,
              coalesce((
                select
                  timeline
                  <> ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
                from request_window
              ), false) as failed_over,
              exists (
                select from workers where heartbeat_at > clock_timestamp() + interval '1 s'
              ) as are_ahead
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
            timedelta(seconds=lease),
            timedelta(seconds=silent),
        )
        if row is None:
            raise RuntimeError("a heartbeat has a row")
        return Neighbours(**{**row, "silent": frozenset(row["silent"])})

    async def share_connections(
        self, worker_id: UUID, *, kept: int, wanted: int, most: int, lease: float, asks: bool
    ) -> int:
        """Write down how many connections this worker may have open, and tell the others if needed.

        All rows together never say more than `most`. One of them is kept back for a worker that
        finds all others dead: nobody has sent a heartbeat since it came, though its coming asks all
        for one. It takes that one, and nobody else does, until the parts of the dead have lapsed.

        Args:
            worker_id: who asks.
            kept: how many it has open, or may have.
            wanted: how many it would like.
            most: how many there are for the fleet.
            lease: seconds after a heartbeat for which a worker's connections count.
            asks: whether the others are to hear of it if there are fewer.
        """

        async def work(connection: Connection) -> int:
            await connection.execute("select from fleet for no key update")  # one after the other
            return int(
                await connection.fetchval(
                    """
                    with mine as (
                      select
                        connections as before,
                        greatest($2::integer, least($3::integer, $4::integer - 1 - taken), lonely)
                          as connections
                      from workers
                      cross join lateral (
                        select
                          coalesce(sum(others.connections), 0)::integer as taken,
                          (
                            coalesce(max(others.heartbeat_at), '-infinity') < workers.started_at
                            and workers.started_at < clock_timestamp() - interval '1 s'
                            and coalesce(sum(others.connections), 0) < $4
                          )::integer as lonely
                        from workers as others
                        where others.id <> $1
                          and others.heartbeat_at > clock_timestamp() - $5::interval
                      ) as fleet
                      where id = $1
                    ),
                    changed as (
                      update workers
                      set connections = mine.connections
                      from mine
                      where id = $1 and mine.connections <> before
                    ),
                    told as (
                      select pg_notify($7, '')
                      from mine
                      where connections < before or (connections < $3 and $6)
                    )
                    select connections, (select count(*) from told) from mine
                    """,
                    worker_id,
                    kept,
                    wanted,
                    most,
                    timedelta(seconds=lease),
                    asks,
                    Channel.FLEET_CONTROL,
                )
                or 0
            )

        return await self._database.transact(work)

    async def mend_times(self, longest_pause: float) -> None:
        """Let what a clock that was set back has left in the future be now, or wait no longer.

        A dead worker would else seem alive, and TMDB and what is queued be left alone, until the
        clock is again where it was.

        Args:
            longest_pause: the longest that anything is put off by in earnest.
        """
        pause = timedelta(seconds=longest_pause)
        await self._database.fetchval(
            """
            update workers
            set heartbeat_at = clock_timestamp()
            where id in (
              select id
              from workers
              where heartbeat_at > clock_timestamp()
              for no key update skip locked
            )
            """
        )
        await self._database.fetchval(
            """
            update fleet
            set tmdb_probe_at = clock_timestamp() + $1
            where tmdb_probe_at > clock_timestamp() + $1
            """,
            pause,
        )
        await self._database.fetchval(
            """
            with due as (
              update lookups
              set due_at = clock_timestamp()
              where id in (
                select id
                from lookups
                where due_at > clock_timestamp() + $1 and turn < $2 and claimed_by is null
                order by id
                for no key update skip locked
              )
              returning turn
            )
            select pg_notify($3, min(turn)::text) from due having count(*) > 0
            """,
            pause,
            HELD_TURN,
            Channel.NEW_WORK,
        )

    async def deregister(self, worker_id: UUID) -> None:
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
