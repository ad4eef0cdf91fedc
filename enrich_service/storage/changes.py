"""TMDB's feed of changes: which page of it comes next, and what its pages make old.

The queue itself tells how far the feed was read: there is one lookup, of the next page, and it is
followed by the one after it in the transaction that heeds what it showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from shared.lookup_keys import LookupKind, changes_key
from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from enrich_service.lookups import Claim
    from shared.database import Connection, Database

FEED_DAYS = 14
"""TMDB tells what changed in so many days, and no earlier change."""
SPREAD = timedelta(hours=1)
"""A day is read in the first hour of the next, by each installation at a time of its own."""


@dataclass(frozen=True, slots=True)
class ChangesRead:
    """A page of what changed on a day, from 1, and whether it was the day's last."""

    day: date
    number: int
    is_last: bool


class ChangeStorage:
    """Reads the feed once for the whole fleet, a page a claim."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self) -> bool:
        """Queue the first page of the feed where none is queued; whether that was so.

        It begins with the day of the oldest record, or as early as the feed does. Without records
        there is nothing to follow.
        """
        return await self._database.transact(_queue_first)

    async def turn_over(
        self, claim: Claim, page: ChangesRead, changed: Collection[int], old_days: int
    ) -> int | None:
        """Let what a page showed be old, and queue what follows it; how many records that were.

        A record that was fetched after the day of the change has it already. One that was fetched
        earlier becomes as old as records may be: if somebody lists it, it is refreshed like all
        that are, and if somebody comes to list it, it is asked for.

        Args:
            claim: of the page.
            page: which one it was.
            changed: TMDB ids.
            old_days: from which age on, in days, a record is refreshed.

        Returns:
            None when the claim was no longer ours, and nothing was changed.
        """
        next_day = page.day + timedelta(days=1)
        if page.is_last:
            key, due_at = changes_key(next_day, 1), _beginning_of(next_day + timedelta(days=1))
        else:
            key, due_at = changes_key(page.day, page.number + 1), None

        async def work(connection: Connection) -> int | None:
            if not await _give_up(connection, claim):
                return None
            await connection.execute(
                """
                insert into lookups (key, due_at, turn, kept)
                values (
                  $1,
                  coalesce($2::timestamptz + random() * $3::interval, clock_timestamp()),
                  $4,
                  true
                )
                on conflict (key) do nothing
                """,
                key,
                due_at,
                SPREAD,
                BACKGROUND_TURN,
            )
            rows = await connection.fetch(
                """
                with held as (
                  select tmdb_id
                  from catalogue
                  where tmdb_id = any($1::integer[])
                    and fetched_at < $2
                    and fetched_at > clock_timestamp() - $3::interval
                  order by tmdb_id
                  for no key update
                )
                update catalogue
                set fetched_at = clock_timestamp() - $3
                from held
                where catalogue.tmdb_id = held.tmdb_id
                returning catalogue.tmdb_id
                """,
                list(changed),
                _beginning_of(next_day),
                timedelta(days=old_days),
            )
            return len(rows)

        return await self._database.transact(work)

    async def begin_anew(self, claim: Claim) -> None:
        """Go on with the first day that the feed still tells of, after it was not read for long."""

        async def work(connection: Connection) -> None:
            if await _give_up(connection, claim):
                await _queue_first(connection)

        await self._database.transact(work)


async def _give_up(connection: Connection, claim: Claim) -> bool:
    gone = await connection.fetchval(
        "delete from lookups where id = $1 and claim_token = $2 returning id",
        claim.lookup_id,
        claim.token,
    )
    return gone is not None


async def _queue_first(connection: Connection) -> bool:
    queued = await connection.fetchval(
        """
        insert into lookups (key, due_at, turn, kept)
        select
          $1 || ':' || day || '/1',
          (day + 1)::timestamp at time zone 'UTC' + random() * $2::interval,
          $3,
          true
        from (
          select greatest(
            (min(fetched_at) at time zone 'UTC')::date,
            (clock_timestamp() at time zone 'UTC')::date - $4::integer
          ) as day
          from catalogue
          having min(fetched_at) is not null
        ) as first
        where not exists (
          select
          from lookups
          where turn = 9223372036854775807  -- BACKGROUND_TURN, as the index says it
            and key like $1 || ':%'
        )
        on conflict (key) do nothing
        returning id
        """,
        LookupKind.CHANGES,
        SPREAD,
        BACKGROUND_TURN,
        FEED_DAYS - 1,
    )
    return queued is not None


def _beginning_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
