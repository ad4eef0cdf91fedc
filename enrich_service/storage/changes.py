"""TMDB's feed of changes: which day and page of it comes next, and what its pages make old.

While a day is read there is one lookup, of the next page. It is followed by the one after it, or
the day is noted as read, in the transaction that heeds what the page showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from enrich_service.storage.records import let_be_old
from shared.lookup_keys import LookupKind, changes_key
from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from enrich_service.lookups import Claim
    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection

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

    async def begin(self) -> None:
        """Let the feed begin with the day of the oldest record, where there is one at last."""
        await self._database.fetchval(
            """
            insert into change_feed (read_to)
            select (min(fetched_at) at time zone 'UTC')::date - 1
            from catalogue
            where not exists (select from change_feed)
            having min(fetched_at) is not null
            on conflict (only_row) do nothing
            """
        )

    async def queue(self) -> int | None:
        """Queue the first page of the next day, if that is over and no page is queued.

        What a daemon that knew no such lookups has ended is asked again.

        Returns:
            None where nothing was queued, else how many days were left out, because the feed tells
            of them no more.
        """
        missed: int | None = await self._database.fetchval(
            """
            with next as (
              select
                greatest(read_to + 1, today - $1::integer) as day,
                greatest(today - $1 - read_to - 1, 0) as missed,
                today::timestamp at time zone 'UTC' as midnight
              from change_feed
              cross join (select (clock_timestamp() at time zone 'UTC')::date as today) as now
              where read_to + 1 < today
                and not exists (
                  select
                  from lookups
                  where turn = 9223372036854775807  -- BACKGROUND_TURN, as the index says it
                    and key like $2 || ':%'
                )
            ),
            queued as (
              insert into lookups (key, due_at, turn, kept)
              select
                $2 || ':' || day || '/1',
                greatest(midnight + random() * $3::interval, clock_timestamp()),
                $4,
                true
              from next
              on conflict (key) do update
              set
                due_at = excluded.due_at,
                turn = excluded.turn,
                outcome = null,
                reason = null,
                answered_at = null
              where lookups.outcome is not null
              returning id
            )
            select missed
            from next
            where exists (select from queued)
            """,
            FEED_DAYS,
            LookupKind.CHANGES,
            SPREAD,
            BACKGROUND_TURN,
        )
        return missed

    async def turn_over(
        self, claim: Claim, page: ChangesRead, changed: Collection[int], old_days: int
    ) -> int | None:
        """Let what a page showed be old, and go on after it; how many records that were.

        A next page that a daemon which knew no such lookups has failed is asked again.

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

        async def work(connection: Connection) -> int | None:
            if not await _give_up(connection, claim):
                return None
            if page.is_last:
                await connection.execute(
                    "update change_feed set read_to = $1 where read_to < $1", page.day
                )
            else:
                await connection.execute(
                    """
                    insert into lookups (key, due_at, turn, kept)
                    values ($1, clock_timestamp(), $2, true)
                    on conflict (key) do update
                    set
                      due_at = excluded.due_at,
                      turn = excluded.turn,
                      outcome = null,
                      reason = null,
                      answered_at = null
                    where lookups.outcome is not null
                    """,
                    changes_key(page.day, page.number + 1),
                    BACKGROUND_TURN,
                )
            next_day = datetime.combine(page.day + timedelta(days=1), time(), UTC)
            return await let_be_old(connection, changed, old_days, fetched_before=next_day)

        return await self._database.transact(work)

    async def leave_out(self, claim: Claim) -> None:
        """Take a page out of the queue of which the feed tells no more."""
        await self._database.transact(lambda connection: _give_up(connection, claim))


async def _give_up(connection: Connection, claim: Claim) -> bool:
    gone = await connection.fetchval(
        "delete from lookups where id = $1 and claim_token = $2 returning id",
        claim.lookup_id,
        claim.token,
    )
    return gone is not None
