"""The fleet's request window: a row for each slot that was sent, which binds all daemons.

Slot n may go at `greatest(clock, slot[n-limit] + period + margin)` and, while the fleet is busy
(slot[n-limit] lies within the last two periods, margins included), not before
`slot[n-1] + period / limit`. So a quiet fleet answers a small list in one burst, and a busy one
flows evenly. A burst begins no more films than what is left of it can end. A limit of more than
`SMOOTH_ABOVE` requests a second always flows evenly, as does a fleet of which TMDB has refused a
request: it goes on with half of the limit, and has all of it again some minutes later.

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

from enrich_service.storage.window_holds import LONGEST_HOLD_SECONDS, WindowHolds
from shared.models import RECOVERY_SECONDS

if TYPE_CHECKING:
    import asyncpg

    from enrich_service.storage.request_limit import RequestLimit

MOMENT = 1 / 10
"""Parts of the period after which a film that was begun in a burst is taken for ended.

So short that even a burst taken by halves, one a moment, is always ahead of an even flow.
"""

MOST_TRIES = 10
"""Looks of one taking that others were ahead of; then its daemon asks again by itself."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one taking gave.

    Attributes:
        expiries: for each slot, until when it may be used (`time.monotonic()` seconds).
        wait: seconds until the next slot is due.
    """

    expiries: tuple[float, ...]
    wait: float


class WindowStorage(WindowHolds):
    """Takes slots from the window, and holds it back after a 429."""

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
                await self.mend_times()
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

        A fleet that was slowed takes by a smaller limit, as background work does: each of its slots
        keeps its distance from the one that many before, and so from the one a limit before.

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
                most,
                $9::boolean or most < $1 as is_even,
                w.timeline is not distinct from server.timeline as knows_server,
                coalesce(sent_at > clock, false)
                  or coalesce(held_at > clock, false)
                  or coalesce(slowed_at > clock, false)
                  or hold_until > clock + $5::interval as is_ahead,
                coalesce(n, 0) as n,
                sent_at,
                coalesce(
                  (
                    select s.sent_at
                    from request_slots as s
                    where s.n > newest.n - most
                    order by s.n
                    limit 1
                  ),
                  '-infinity'
                ) as limiting
              from server
              cross join lateral (
                select
                  hold_until,
                  held_at,
                  slowed_at,
                  timeline,
                  greatest(
                    floor(
                      $1::integer * least(
                        slowed_to
                          + coalesce(
                            extract(epoch from greatest(clock, hold_until) - slowed_at)::float8, 0
                          )
                          / $10::float8,
                        1
                      )
                    ),
                    1
                  )::integer as most
                from request_window
                limit 1
              ) as w
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
              where limiting <= clock - 2 * ($2 + $3) and not is_even
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
                  when taken + 1 = most then coalesce(first_at, slot.sent_at)
                  else coalesce(
                    (
                      select s.sent_at
                      from request_slots as s
                      where s.n > state.n + taken + 1 - most
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
                    when is_even or taking.limiting > clock - 2 * ($2 + $3)
                    then taking.sent_at + $2 / most
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
                  when is_even or last.limiting > clock_timestamp() - 2 * ($2 + $3)
                  then last.sent_at + $2 / most
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
            rule.is_smooth,
            RECOVERY_SECONDS,
        )
        if row is None:
            raise RuntimeError("request_window has lost its row")
        return row
