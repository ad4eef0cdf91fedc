"""The background: claims of what nobody waits for, by its share of the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from enrich_service.storage.queue import claim_of
from enrich_service.storage.window_holds import LEAST_SHARE
from shared.models import RECOVERY_SECONDS

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from enrich_service.lookups import Claim
    from enrich_service.storage.queue_floor import QueueFloor
    from shared.postgres.database import Database


class BackgroundStorage:
    """Claims one lookup at a time in the order in which they are due, beginning at the floor."""

    def __init__(self, database: Database, floor: QueueFloor) -> None:
        self._database = database
        self._floor = floor

    async def claim(
        self, worker_id: UUID, token: UUID, pause: timedelta, *, in_share: bool
    ) -> Claim | None:
        """Claim the lookup that has been due for longest among those that nobody waits for.

        A refresh is due from the day on which its record was old, whenever it was queued, so what
        would expire soonest comes first. Every claim advances the clock of the share.

        Args:
            worker_id: in whose name.
            token: of the claim.
            pause: how far apart such claims are while somebody waits and the fleet has all of its
                rate; one that 429s have slowed claims as much less often as it sends. A claim that
                came late may be made up for by half of that at most.
            in_share: somebody waits, so only if the share is due.
        """
        row = await self._database.fetchrow(
            """
            with share as (
              insert into background_shares (n, next_at)
              select
                n + 1,
                least(greatest(next_at, clock_timestamp() - pause / 2), clock_timestamp()) + pause
              from (select n, next_at from background_shares order by n desc limit 1) as newest
              cross join (
                select $3::interval / greatest(
                  least(
                    slowed_to + coalesce(
                      greatest(
                        extract(
                          epoch from greatest(clock_timestamp(), hold_until) - slowed_at
                        )::float8,
                        0
                      ) / $6::float8,
                      0
                    ),
                    1
                  ),
                  $7::float8
                ) as pause
                from request_window
              ) as slowed
              where next_at <= clock_timestamp() or not $4::boolean
              on conflict (n) do nothing
              returning true as due
            ),
            next as (
              select id
              from lookups
              where turn = 9223372036854775807  -- BACKGROUND_TURN, as the index says it
                and due_at >= $5
                and due_at <= clock_timestamp()
                and claimed_by is null
                and (select due from share)
              order by due_at, id
              limit 1
              for no key update skip locked
            )
            update lookups
            set claimed_by = $1, claim_token = $2
            from next
            where lookups.id = next.id
            returning lookups.id, key, title, attempts, outcome, tmdb_id, reason, confidence, kept,
              traceparent
            """,
            worker_id,
            token,
            pause,
            in_share,
            self._floor.due_since,
            RECOVERY_SECONDS,
            LEAST_SHARE,
        )
        return claim_of(row, token) if row else None
