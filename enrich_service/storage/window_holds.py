"""The row beside the window's slots: until when the fleet is held, how far slowed, on which server.

It changes rarely: when TMDB refuses a request, after a failover, and when a clock was set back.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from shared.errors import DatabaseUnavailableError, StorageFullError
from shared.models import RECOVERY_SECONDS

if TYPE_CHECKING:
    from enrich_service.storage.request_limit import RequestLimit
    from shared.postgres.database import Database

LONGEST_HOLD_SECONDS = 3600.0
"""Whatever TMDB says, somebody looks again after an hour."""

ONE_OVERLOAD_SECONDS = 10.0
"""Refusals within so long are of one overload, which halves the rate once."""

LEAST_SHARE = 1 / 16
"""Of the limit, that is kept however often TMDB refuses."""

log = structlog.get_logger(__name__)


class WindowHolds:
    """Holds the fleet back after a 429, slows it, and mends what a clock that was set has left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unsaved_hold: float | None = None
        """Until when the fleet is to be held, while the database has not heard of it."""

    async def hold(self, seconds: float) -> None:
        """Move the whole fleet's window forward and halve its rate: TMDB refused a request.

        Args:
            seconds: for which nobody may send. Then the fleet goes on with half of what it had.

        While the database is away this is kept here, and no slot is taken before it is saved.
        """
        self._unsaved_hold = max(time.monotonic() + seconds, self._unsaved_hold or 0.0)
        try:
            await self.save_hold()
        except (DatabaseUnavailableError, StorageFullError) as error:
            log.warning("hold_not_saved", hold_seconds=seconds, error=error.detail)

    async def save_hold(self) -> None:
        """Save the hold that the database has not heard of, if there is one.

        When it began is stored beside it, so that a clock that steps back makes it no longer. What
        is refused soon after a slowing was on its way then, and slows the fleet no further.

        The rate is halved as of the end of the hold: what would be regained until then is taken
        off beforehand.
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
              end,
              slowed_at = case when slowed_at > clock - $4::interval then slowed_at else clock end,
              slowed_to = case
                when slowed_at > clock - $4 then slowed_to
                else greatest(
                  least(
                    slowed_to + coalesce(
                      greatest(
                        extract(
                          epoch from greatest(
                            hold_until - greatest(held_at - clock, interval '0'), clock
                          ) - slowed_at
                        )::float8,
                        0
                      ) / $2::float8,
                      0
                    ),
                    1
                  ) / 2,
                  $3::float8
                ) - extract(
                  epoch from greatest(
                    hold_until - greatest(held_at - clock, interval '0'), clock
                  ) - clock
                )::float8 / $2
              end - extract(
                epoch from greatest(
                  clock + $1 - greatest(
                    hold_until - greatest(held_at - clock, interval '0'), clock
                  ),
                  interval '0'
                )
              )::float8 / $2
            from (select clock_timestamp() as clock) as now
            """,
            timedelta(seconds=until - time.monotonic()),
            RECOVERY_SECONDS,
            LEAST_SHARE,
            timedelta(seconds=ONE_OVERLOAD_SECONDS),
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

    async def mend_times(self) -> None:
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
              held_at = least(held_at, clock),
              slowed_at = least(slowed_at, clock)
            from now
            where held_at > clock or slowed_at > clock or hold_until > clock + $1
            """,
            timedelta(seconds=LONGEST_HOLD_SECONDS),
        )
