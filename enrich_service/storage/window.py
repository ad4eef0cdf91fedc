"""The fleet's request window: a row for each slot that was sent, which is the law for all daemons.

Slot n may go at `greatest(clock, slot[n-limit] + period + margin)` and, while the fleet is busy
(slot[n-limit] lies within the last two periods, margins included), not before
`slot[n-1] + period / limit`. So a quiet fleet answers a small list in one burst, and a busy one
flows evenly. A burst begins no more films than what is left of it can end.

Slots are appended under increasing numbers, without a lock: of those who take at once, the first to
insert the next number has all its slots, and the others look again. A taking that grants nothing
writes nothing, and none reads what another has updated or deleted.

A recorded time in the future is one that the clock has stepped back behind: it counts as now, which
is no earlier than what it stands for, and is stored so, or the fleet would wait for ever anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from shared.errors import DatabaseUnavailableError, StorageFullError

if TYPE_CHECKING:
    import asyncpg

    from shared.postgres.database import Database

LONGEST_HOLD_SECONDS = 3600.0
"""Whatever TMDB says, somebody looks again after an hour."""

MOMENT = 1 / 10
"""Parts of the period after which a film that was begun in a burst is taken for ended.

So short that even a burst taken by halves, one a moment, is always ahead of an even flow.
"""

MOST_TRIES = 10
"""Looks of one taking that others were ahead of; then its daemon asks again by itself."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """What TMDB allows: `limit` requests in any `period`; a send may be `margin` seconds late."""

    limit: int = 40
    period: float = 10.0
    margin: float = 0.2


@dataclass(frozen=True, slots=True)
class Grant:
    """What one taking gave.

    Attributes:
        expiries: for each slot, until when it may be used (`time.monotonic()` seconds).
        wait: seconds until the next slot is due.
    """

    expiries: tuple[float, ...]
    wait: float


class WindowStorage:
    """Takes slots from the window and holds it back after a 429."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unsaved_hold: float | None = None
        """Until when the fleet is to be held, while the database has not heard of it."""

    async def take(
        self, rule: RequestLimit, wanted: int, *, beginning: int = 0, per_film: float = 1.0
    ) -> Grant:
        """Take up to `wanted` slots that are due now; nothing is reserved ahead.

        Args:
            rule: TMDB's limit, or a smaller one.
            wanted: slots, of which the last are for films that are not begun yet.
            beginning: how many are.
            per_film: requests that a film takes. While there is a burst, each slot that was taken
                lately, by whomever, may have begun a film: what else that takes is left for it.
        """
        await self.save_hold()
        for _ in range(MOST_TRIES):
            asked_at = time.monotonic()
            row = await self._take_once(rule, wanted, beginning, per_film)
            if row["is_ahead"]:
                await self._mend_times()
            elif not row["knows_server"]:
                await self.notice_failover(rule)
            elif row["is_taken"] or not row["was_due"]:
                break
        ages = row["ages"] if row["is_taken"] else ()
        return Grant(tuple(asked_at + rule.margin - age for age in ages), row["wait"])

    async def _take_once(
        self, rule: RequestLimit, wanted: int, beginning: int, per_film: float
    ) -> asyncpg.Record:
        """Work out which slots are due, and take them unless somebody else has just taken some.

        A slot's recorded time is the moment when it was due, or the clock if that is more than
        half the margin ago. It expires a margin after its recorded time, reckoned from before the
        statement was sent, so that a slow answer can only make it expire earlier.

        Of slots before the first that is kept the true times are no later than that one's, which
        they count as: this can only delay a send, never allow one more.

        Nothing is granted while a time lies in the future, or by a server that the window does not
        know: those are mended first.

        `limit 1` is for the planner, who takes a table without statistics for ten pages of rows:
        the recursion over those seems so dear that PostgreSQL compiles it (JIT), at 0.2 s a time.
        """
        row = await self._database.fetchrow(
            """
            with recursive
            server as materialized (
              select
                clock_timestamp() as clock,
                ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
                  as timeline
            ),
            newest as materialized (
              select n, sent_at
              from request_slots
              order by n desc
              limit 1
            ),
            state as materialized (
              select
                clock,
                hold_until,
                w.timeline is not distinct from server.timeline as knows_server,
                coalesce(sent_at > clock, false)
                  or coalesce(held_at > clock, false)
                  or hold_until > clock + $5::interval as is_ahead,
                coalesce(n, 0) as n,
                sent_at,
                coalesce(
                  (
                    select s.sent_at
                    from request_slots as s
                    where s.n > newest.n - $1::integer
                    order by s.n
                    limit 1
                  ),
                  '-infinity'
                ) as limiting
              from (select hold_until, held_at, timeline from request_window limit 1) as w
              cross join server
              left join newest on true
            ),
            burst as materialized (
              select
                $1 - n + coalesce(
                  (
                    select s.n
                    from request_slots as s
                    where s.sent_at <= clock - 2 * ($2::interval + $3::interval)
                    order by s.n desc
                    limit 1
                  ),
                  0
                ) as unused,
                n - coalesce(
                  (
                    select s.n
                    from request_slots as s
                    where s.sent_at <= clock - $8::interval
                    order by s.n desc
                    limit 1
                  ),
                  0
                ) + $4 - $6 as lately
              from state
              where limiting <= clock - 2 * ($2 + $3)
            ),
            allowed as materialized (
              select
                case
                  when is_ahead or not knows_server then 0
                  when unused is null then $4::integer
                  else $4 - $6 + least(
                    $6::integer,
                    greatest(
                      floor((unused - $4 + $6 - lately * ($7::float8 - 1)) / $7)::integer,
                      (lately = 0)::integer
                    )
                  )
                end as slots
              from state
              left join burst on true
            ),
            taking (taken, first_at, sent_at, limiting) as (
              select 0, null::timestamptz, sent_at, limiting
              from state
              union all
              select
                taken + 1,
                coalesce(first_at, slot.sent_at),
                slot.sent_at,
                case
                  when taken + 1 = $1 then coalesce(first_at, slot.sent_at)
                  else coalesce(
                    (
                      select s.sent_at
                      from request_slots as s
                      where s.n > state.n + taken + 1 - $1
                      order by s.n
                      limit 1
                    ),
                    '-infinity'
                  )
                end
              from taking
              cross join state
              cross join lateral (
                select greatest(
                  hold_until,
                  taking.limiting + $2 + $3,
                  case
                    when taking.limiting > clock - 2 * ($2 + $3) then taking.sent_at + $2 / $1
                  end
                ) as due_at
              ) as next
              cross join lateral (
                select case when due_at < clock - $3 / 2 then clock else due_at end as sent_at
              ) as slot
              where taken < (select slots from allowed) and due_at <= clock
            ),
            first as (
              insert into request_slots (n, sent_at)
              select state.n + 1, taking.sent_at
              from taking
              cross join state
              where taken = 1
              on conflict (n) do nothing
              returning n
            ),
            others as (
              insert into request_slots (n, sent_at)
              select first.n + taken - 1, sent_at
              from taking
              cross join first
              where taken > 1
            )
            select
              is_ahead,
              knows_server,
              taken > 0 as was_due,
              exists (select from first) as is_taken,
              array(
                select extract(epoch from clock_timestamp() - sent_at)::float8
                from taking
                where taken > 0
                order by taken
              ) as ages,
              extract(epoch from greatest(
                hold_until,
                last.limiting + $2 + $3,
                case
                  when last.limiting > clock_timestamp() - 2 * ($2 + $3)
                  then last.sent_at + $2 / $1
                end,
                clock_timestamp()
              ) - clock_timestamp())::float8 as wait
            from state
            cross join lateral (
              select taken, sent_at, limiting
              from taking
              order by taken desc
              limit 1
            ) as last
            """,
            rule.limit,
            timedelta(seconds=rule.period),
            timedelta(seconds=rule.margin),
            wanted,
            timedelta(seconds=LONGEST_HOLD_SECONDS),
            beginning,
            per_film,
            timedelta(seconds=rule.period * MOMENT),
        )
        if row is None:
            raise RuntimeError("request_window has lost its row")
        return row

    async def hold(self, seconds: float) -> None:
        """Move the whole fleet's window forward: TMDB said how long nobody may send.

        While the database is away this is kept here, and no slot is taken before it is saved.
        """
        self._unsaved_hold = max(time.monotonic() + seconds, self._unsaved_hold or 0.0)
        try:
            await self.save_hold()
        except (DatabaseUnavailableError, StorageFullError) as error:
            log.warning("hold_not_saved", hold_seconds=seconds, error=error.detail)

    async def save_hold(self) -> None:
        """Save the hold that the database has not heard of, if there is one.

        When it began is stored beside it, so that a clock that steps back makes it no longer.
        """
        until = self._unsaved_hold
        if until is None:
            return
        await self._database.fetchval(
            """
            update request_window
            set
              hold_until = greatest(
                hold_until - greatest(held_at - clock, interval '0'), clock + $1::interval
              ),
              held_at = case
                when clock + $1 > hold_until - greatest(held_at - clock, interval '0') then clock
                else least(held_at, clock)
              end
            from (select clock_timestamp() as clock) as now
            """,
            timedelta(seconds=until - time.monotonic()),
        )
        if self._unsaved_hold == until:
            self._unsaved_hold = None

    async def notice_failover(self, rule: RequestLimit) -> None:
        """Write down which server the window is on, and hold the fleet if it was on another.

        A server on another timeline is a standby that was promoted, and may not know the last
        sends. So a failover costs its period when it happens, and not when somebody next needs a
        slot.
        """
        await self._database.fetchval(
            """
            update request_window
            set
              hold_until = case
                when request_window.timeline is null then hold_until
                else greatest(hold_until, clock_timestamp() + $1)
              end,
              held_at = case
                when request_window.timeline is null then held_at
                else clock_timestamp()
              end,
              timeline = server.timeline
            from (
              select
                ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
                  as timeline
            ) as server
            where request_window.timeline is distinct from server.timeline
            """,
            timedelta(seconds=rule.period + rule.margin),
        )

    async def _mend_times(self) -> None:
        """Let what a clock that was set back has left in the future be now, and holds be short."""
        await self._database.fetchval(
            """
            with now as materialized (select clock_timestamp() as clock),
            slots as (
              update request_slots
              set sent_at = clock
              from now
              where sent_at > clock
            )
            update request_window
            set
              hold_until = least(
                hold_until - greatest(held_at - clock, interval '0'), clock + $1::interval
              ),
              held_at = least(held_at, clock)
            from now
            where held_at > clock or hold_until > clock + $1
            """,
            timedelta(seconds=LONGEST_HOLD_SECONDS),
        )
