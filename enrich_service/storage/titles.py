"""The title index: every film that TMDB ever spoke of, by normalised name and year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from shared.postgres.database import Database

RENEW_AFTER = timedelta(days=60)
"""A title that was learned longer ago is written again, with its votes as they are now."""
TRUSTED_FOR = timedelta(days=90)
"""After a survey of a year that saw all of its films."""
UNKNOWN_YEAR = 0


@dataclass(frozen=True, slots=True, order=True)
class TitleRow:
    """A film under one of its names; rows sort by their key."""

    name: str
    year: int
    tmdb_id: int
    title: str
    original_title: str
    vote_count: int


@dataclass(frozen=True, slots=True)
class IndexedFilm:
    """A film of the index; `year` is None where TMDB knows none."""

    tmdb_id: int
    title: str
    original_title: str
    year: int | None
    vote_count: int


@dataclass(frozen=True, slots=True)
class Namesakes:
    """The films of some names in or about a year, and whether all films of that year are known."""

    films: tuple[IndexedFilm, ...] = ()
    is_complete: bool = False


class TitleStorage:
    """Learns titles, in transactions that hold no other lock, and finds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def learn(self, rows: Iterable[TitleRow]) -> None:
        """Write what is new, or so old that it is renewed.

        In key order, so that daemons which learn the same titles wait for each other and never
        deadlock; and never within another transaction, so that nobody waits for them meanwhile.
        """
        distinct = sorted({(row.name, row.year, row.tmdb_id): row for row in rows}.values())
        if not distinct:
            return
        await self._database.fetchval(
            """
            insert into titles (name, year, tmdb_id, title, original_title, vote_count)
            select name, year, tmdb_id, title, original_title, vote_count
            from unnest(
              $1::text[], $2::smallint[], $3::integer[], $4::text[], $5::text[], $6::integer[]
            ) with ordinality
              as told (name, year, tmdb_id, title, original_title, vote_count, place)
            where not exists (
              select
              from titles
              where titles.name = told.name
                and titles.year = told.year
                and titles.tmdb_id = told.tmdb_id
                and learned_at > clock_timestamp() - $7::interval
            )
            order by place
            on conflict (name, year, tmdb_id) do update
            set
              title = excluded.title,
              original_title = excluded.original_title,
              vote_count = excluded.vote_count,
              learned_at = clock_timestamp()
            """,
            [row.name for row in distinct],
            [row.year for row in distinct],
            [row.tmdb_id for row in distinct],
            [row.title for row in distinct],
            [row.original_title for row in distinct],
            [row.vote_count for row in distinct],
            RENEW_AFTER,
        )

    async def namesakes(self, names: Collection[str], year: int) -> Namesakes:
        """The films of these names from this year, from its neighbours, and without a year.

        A year counts as known whole only for a while after its survey, and never the present one:
        TMDB goes on learning of films.
        """
        rows = await self._database.fetch(
            """
            select distinct on (tmdb_id)
              tmdb_id, title, original_title, nullif(year, $3) as year, vote_count,
              (
                select is_complete
                  and finished_at > clock_timestamp() - $4::interval
                  and $2 < extract(year from clock_timestamp())
                from surveys
                where surveys.year = $2
              ) as is_complete
            from titles
            where name = any($1::text[])
              and year = any(array[$2 - 1, $2, $2 + 1, $3]::smallint[])
            order by tmdb_id, learned_at desc
            """,
            list(names),
            year,
            UNKNOWN_YEAR,
            TRUSTED_FOR,
        )
        films = tuple(
            IndexedFilm(
                row["tmdb_id"], row["title"], row["original_title"], row["year"], row["vote_count"]
            )
            for row in rows
        )
        return Namesakes(films, bool(rows and rows[0]["is_complete"]))

    async def fresh_record(self, film: int | str, days: int) -> int | None:
        """The TMDB id of a film whose record in the catalogue is younger than `days`.

        Args:
            film: its TMDB id or its IMDb id.
            days: from which age on a record is refreshed.
        """
        by_tmdb, by_imdb = (film, None) if isinstance(film, int) else (None, film)
        found: int | None = await self._database.fetchval(
            """
            select tmdb_id
            from catalogue
            where (tmdb_id = $1 or imdb_id = $2)
              and fetched_at > clock_timestamp() - $3::interval
            limit 1
            """,
            by_tmdb,
            by_imdb,
            timedelta(days=days),
        )
        return found

    async def other_names(self, tmdb_id: int, days: int) -> tuple[str, ...] | None:
        """The further titles of a film whose record is younger than `days`; None without one.

        Nor are they known of a record that was fetched by a release which did not ask for them.
        """
        found: list[str] | None = await self._database.fetchval(
            """
            select other_names
            from catalogue
            where tmdb_id = $1 and fetched_at > clock_timestamp() - $2::interval
            """,
            tmdb_id,
            timedelta(days=days),
        )
        return None if found is None else tuple(found)

    async def expire_old(self, days: int, most: int) -> int:
        """Delete a few titles that were learned longer ago; how many that were."""
        return len(
            await self._database.fetch(
                """
                delete from titles
                where (name, year, tmdb_id) in (
                  select name, year, tmdb_id
                  from titles
                  where learned_at < clock_timestamp() - $1::interval
                  order by learned_at
                  limit $2
                  for update skip locked
                )
                returning tmdb_id
                """,
                timedelta(days=days),
                most,
            )
        )
