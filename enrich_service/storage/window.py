"""The fleet's request window: one row with the last send times, which is the law for all daemons.

Slot n may go at `greatest(clock, slot[n-limit] + period + margin)` and, while the fleet is busy
(slot[n-limit] lies within the last two periods), not before `slot[n-1] + period / limit`. So a
quiet fleet answers a small list in one burst, and a busy one flows evenly.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.database import Database


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

    async def take(self, rule: RequestLimit, wanted: int) -> Grant:
        """Take up to `wanted` slots that are due now; nothing is reserved ahead.

        A slot's recorded time is the moment when it was due, or the clock if that is more than
        half the margin ago. It expires a margin after its recorded time, reckoned from before the
        statement was sent, so that a slow answer can only make it expire earlier.

        A ring that is shorter than the limit is lengthened with its oldest time. The true times
        of what was forgotten are no later, so this can only delay a send, never allow one more.

        `limit 1` is for the planner, who takes a table without statistics for ten pages of rows:
        the recursion over those seems so dear that PostgreSQL compiles it (JIT), at 0.2 s a time.
        """
        asked_at = time.monotonic()
        row = await self._database.fetchrow(
            """
            update request_window w
            set slots = taken.slots, granted = taken.granted
            from (
              with recursive
              locked as materialized (
                select slots, hold_until
                from request_window
                limit 1
                for no key update
              ),
              taking (slots, granted, clock) as (
                select
                  array_fill(slots[1], array[greatest($1 - cardinality(slots), 0)]) || slots,
                  0,
                  clock_timestamp()
                from locked
                union all
                select
                  array_append(
                    taking.slots[2:],
                    case when due_at < clock - $3 / 2 then clock else due_at end
                  ),
                  granted + 1,
                  clock
                from taking
                cross join locked
                cross join lateral (
                  select taking.slots[cardinality(taking.slots) - $1 + 1] as limiting
                ) as earlier
                cross join lateral (
                  select greatest(
                    locked.hold_until,
                    limiting + $2 + $3,
                    case
                      when limiting > clock - 2 * $2
                      then taking.slots[cardinality(taking.slots)] + $2 / $1
                    end
                  ) as due_at
                ) as next
                where granted < $4 and due_at <= clock
              )
              select slots, granted
              from taking
              order by granted desc
              limit 1
            ) as taken
            returning
              array(
                select extract(epoch from clock_timestamp() - slot)::float8
                from unnest(w.slots[cardinality(w.slots) - w.granted + 1 :]) as slot
              ) as ages,
              extract(epoch from greatest(
                w.hold_until,
                w.slots[cardinality(w.slots) - $1 + 1] + $2 + $3,
                case
                  when w.slots[cardinality(w.slots) - $1 + 1] > clock_timestamp() - 2 * $2
                  then w.slots[cardinality(w.slots)] + $2 / $1
                end,
                clock_timestamp()
              ) - clock_timestamp())::float8 as wait
            """,
            rule.limit,
            timedelta(seconds=rule.period),
            timedelta(seconds=rule.margin),
            wanted,
        )
        if row is None:
            raise RuntimeError("request_window has lost its row")
        expiries = tuple(asked_at + rule.margin - age for age in row["ages"])
        return Grant(expiries, row["wait"])

    async def hold(self, seconds: float) -> None:
        """Move the whole fleet's window forward: TMDB said how long nobody may send."""
        await self._database.fetchval(
            """
            update request_window
            set hold_until = greatest(hold_until, clock_timestamp() + $1)
            """,
            timedelta(seconds=seconds),
        )
