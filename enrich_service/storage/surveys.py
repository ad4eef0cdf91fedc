"""Surveys: each year's films gone through page by page, those with the most votes first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.lookup_keys import LookupKind
from shared.models import BACKGROUND_TURN, HELD_TURN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enrich_service.lookups import Claim
    from shared.postgres.database import Connection, Database

FIRST_YEAR = 1900
RENEW_AFTER = timedelta(days=60)
"""A year whose survey ended longer ago is gone through again."""
LEASE = timedelta(seconds=30)
"""For so long nobody else asks for a year's next page."""
MISSES_BEFORE_PAGE = 2
"""So many films of a year are searched for before a page of the year is asked for instead."""
MISSES_AFTER_POOR_PAGE = 4
"""So many times as many after a page that showed no two films that somebody waits for."""
MOST_MISSES = 250_000
"""What is needed grows no further than four times this, however many pages were poor."""
POOR = 2
WORTH_A_PAGE = 50
"""Films in the queue from which on a page may show several of them."""


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
              missed = 0,
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

    async def take_if_it_pays(self, year: int) -> int | None:
        """Count that a film of this year is not known; its next page, if that is worth a request.

        A page costs what one search costs, and may show twenty films that wait for theirs. Whether
        it does is seen from how many of the year's films were searched for in vain of the index,
        and from what the page before it showed.
        """
        pays = await self._database.fetchval(
            """
            with counted as (
              insert into surveys as s (year, missed)
              values ($1, 1)
              on conflict (year) do update
              set missed = s.missed + 1
              returning missed >= needed and finished_at is null as enough
            )
            select true
            from counted
            where enough
              and $3 <= (
                select max(turn) from lookups where due_at is not null and turn < $2
              ) - (select max(turn) from virtual_times)
            """,
            year,
            HELD_TURN,
            WORTH_A_PAGE,
        )
        return await self.take(year) if pays else None

    async def turn_over(
        self, year: int, page: int, keys: Sequence[str], *, is_last: bool, is_complete: bool
    ) -> None:
        """Note what a page showed.

        Args:
            year: whose page it was.
            page: its number.
            keys: of the lookups that its films would answer.
            is_last: there is nothing more to ask for.
            is_complete: and so every film of the year is known.
        """
        await self._database.fetchval(
            """
            update surveys
            set
              next_page = $2 + 1,
              needed = case
                when $5 <= (
                  select count(*) from lookups where key = any($3::text[]) and outcome is null
                )
                then $6
                else least(needed, $9) * $7
              end,
              taken_until = '-infinity',
              finished_at = case when $4 then clock_timestamp() end,
              is_complete = is_complete or $8
            where year = $1 and next_page = $2
            """,
            year,
            page,
            keys,
            is_last,
            POOR,
            MISSES_BEFORE_PAGE,
            MISSES_AFTER_POOR_PAGE,
            is_complete,
            MOST_MISSES,
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
