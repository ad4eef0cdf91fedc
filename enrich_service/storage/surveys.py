"""Surveys: each year's films gone through page by page, those with the most votes first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.lookup_keys import LookupKind
from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from enrich_service.lookups import Claim
    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection

FIRST_YEAR = 1900
RENEW_AFTER = timedelta(days=60)
"""A year whose survey ended longer ago is gone through again."""
LEASE = timedelta(seconds=30)
"""For so long nobody else asks for a year's next page."""


class SurveyStorage:
    """Says which page comes next, and to whom."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self, most: int) -> int:
        """Queue the years that are to be gone through, at the turn of what nobody waits for.

        Args:
            most: so many may be due at the same time.
        """
        return len(
            await self._database.fetch(
                """
                insert into lookups (key, due_at, turn, kept)
                select $1 || ':' || years.year, clock_timestamp(), $2, true
                from generate_series(
                  $3::integer, extract(year from clock_timestamp())::integer
                ) as years (year)
                left join surveys on surveys.year = years.year
                left join lateral (
                  select id from lookups where key = $1 || ':' || years.year limit 1
                ) as queued on true
                where (finished_at is null or finished_at < clock_timestamp() - $4::interval)
                  and queued.id is null
                order by years.year desc
                limit $5
                on conflict (key) do nothing
                returning id
                """,
                LookupKind.SURVEY,
                BACKGROUND_TURN,
                FIRST_YEAR,
                RENEW_AFTER,
                most,
            )
        )

    async def take(self, year: int) -> int | None:
        """Take a year's next page; None while another has it, or when there is none.

        A survey that ended long ago begins anew.
        """
        page: int | None = await self._database.fetchval(
            """
            insert into surveys as s (year, taken_until)
            values ($1, clock_timestamp() + $2::interval)
            on conflict (year) do update
            set
              next_page = case when s.finished_at is null then s.next_page else 1 end,
              finished_at = null,
              taken_until = clock_timestamp() + $2::interval
            where s.taken_until < clock_timestamp()
              and (s.finished_at is null or s.finished_at < clock_timestamp() - $3::interval)
            returning next_page
            """,
            year,
            LEASE,
            RENEW_AFTER,
        )
        return page

    async def turn_over(self, year: int, page: int, *, is_last: bool, is_complete: bool) -> None:
        """Note that a page was learned.

        Args:
            year: whose page.
            page: its number.
            is_last: no more of the year are wanted.
            is_complete: and so every film of the year is known.
        """
        await self._database.fetchval(
            """
            update surveys
            set
              next_page = $2 + 1,
              taken_until = '-infinity',
              finished_at = case when $3 then clock_timestamp() end,
              is_complete = is_complete or $4
            where year = $1 and next_page = $2
            """,
            year,
            page,
            is_last,
            is_complete,
        )

    async def put_back(self, year: int, page: int) -> None:
        """Let anybody take a page that was taken and not seen."""
        await self._database.fetchval(
            "update surveys set taken_until = '-infinity' where year = $1 and next_page = $2",
            year,
            page,
        )

    async def queue_behind(self, claim: Claim) -> None:
        """Put a year's survey behind all others: the best known films of each year come first."""

        async def work(connection: Connection) -> None:
            gone = await connection.fetchval(
                "delete from lookups where id = $1 and claim_token = $2 returning id",
                claim.lookup_id,
                claim.token,
            )
            if gone:
                await connection.execute(
                    """
                    insert into lookups (key, due_at, turn, kept)
                    values ($1, clock_timestamp(), $2, true)
                    on conflict (key) do nothing
                    """,
                    claim.key,
                    BACKGROUND_TURN,
                )

        await self._database.transact(work)

    async def end(self, claim: Claim) -> None:
        """Take a year whose survey has ended out of the queue."""
        await self._database.fetchval(
            "delete from lookups where id = $1 and claim_token = $2 returning id",
            claim.lookup_id,
            claim.token,
        )
