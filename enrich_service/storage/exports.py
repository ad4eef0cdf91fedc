"""The daily export in the database: who loads it, its films, and those that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from enrich_service.storage.records import let_be_old

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from shared.postgres.database import Database

LEASE = timedelta(seconds=60)
PUBLISHED_AFTER = timedelta(hours=8)
"""A day's file is there by eight in the morning, UTC."""
TRUSTED_FOR = timedelta(days=8)
"""After that an export says too little of new namesakes."""
SPREAD = timedelta(hours=1)
"""Installations do not all come for a file in the minute in which it is there."""
STEADY = 1.25
"""A popularity that changed by less is left as it is, so that a day rewrites few rows."""
SURE_AGAIN_AFTER = timedelta(days=7)
"""A record that was fetched since is not asked for again because the export lacks it."""


@dataclass(frozen=True, slots=True)
class DueExport:
    """Which export is wanted, and which is there.

    Attributes:
        wanted: its day.
        loaded: the day of the one that is there.
        films: how many that one had, where it is recent enough to tell how many there must be.
    """

    wanted: date
    loaded: date | None
    films: int | None


@dataclass(frozen=True, slots=True)
class LoadedExport:
    """The day of an export that is there whole, and how many films it has."""

    day: date
    films: int


@dataclass(frozen=True, slots=True)
class ExportPart:
    """The rows of all names between two hashes, sorted by name and id."""

    lowest: int
    highest: int
    names: list[int]
    tmdb_ids: list[int]
    popularities: list[float]


@dataclass(frozen=True, slots=True)
class Namesakes:
    """What is known of a title without asking TMDB.

    Attributes:
        popularities: of the films that have it as their original title, by TMDB id; none where the
            export is too old to tell.
        years: of the films that the index has by this name, by TMDB id; 0 where TMDB knows none.
    """

    popularities: dict[int, float]
    years: dict[int, int]


class ExportStorage:
    """Loads the export part by part, in transactions that hold no other lock, and reads it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, worker_id: UUID) -> DueExport | None:
        """Take the lease if an export is due and nobody has it; None otherwise."""
        row = await self._database.fetchrow(
            """
            update export_loads
            set taken_by = $1, taken_until = clock_timestamp() + $2::interval
            from (
              select (clock_timestamp() at time zone 'utc' - $3::interval)::date as day
            ) as newest
            where taken_until < clock_timestamp()
              and next_try_at <= clock_timestamp()
              and (export_loads.day is null or export_loads.day < newest.day)
            returning
              newest.day as wanted,
              export_loads.day as loaded,
              case when export_loads.day > newest.day - $4::interval then films end as films
            """,
            worker_id,
            LEASE,
            PUBLISHED_AFTER,
            TRUSTED_FOR,
        )
        return DueExport(*row) if row else None

    async def renew(self, worker_id: UUID) -> bool:
        """Keep the lease; whether it is still ours."""
        return bool(
            await self._database.fetchval(
                """
                update export_loads
                set taken_until = clock_timestamp() + $2::interval
                where taken_by = $1
                returning true
                """,
                worker_id,
                LEASE,
            )
        )

    async def give_back(
        self, worker_id: UUID, pause: timedelta, loaded: LoadedExport | None
    ) -> None:
        """End the lease. The next try is after the next file was published, at a random minute.

        Args:
            worker_id: whose it is.
            pause: for which nobody tries.
            loaded: what was loaded, if anything was.
        """
        await self._database.fetchval(
            """
            update export_loads
            set
              taken_by = null,
              taken_until = '-infinity',
              next_try_at = random() * $4::interval + greatest(
                clock_timestamp() + $2::interval,
                (coalesce($3::date, day) + 1 + $5::interval) at time zone 'utc'
              ),
              day = coalesce($3, day),
              films = coalesce($6, films)
            where taken_by = $1
            returning true
            """,
            worker_id,
            pause,
            loaded and loaded.day,
            SPREAD,
            PUBLISHED_AFTER,
            loaded and loaded.films,
        )

    async def write(self, part: ExportPart) -> int:
        """Make the films of these names what an export says; how many rows changed."""
        return int(
            await self._database.fetchval(
                """
                with told as materialized (
                  select name, tmdb_id, popularity
                  from unnest($3::bigint[], $4::integer[], $5::real[])
                    as told (name, tmdb_id, popularity)
                ),
                there as materialized (
                  select name, tmdb_id, popularity
                  from exported_films
                  where name between $1 and $2
                ),
                gone as (
                  delete from exported_films
                  where name between $1 and $2
                    and (name, tmdb_id) not in (select name, tmdb_id from told)
                  returning 1
                ),
                changed as (
                  insert into exported_films (name, tmdb_id, popularity)
                  select told.name, told.tmdb_id, told.popularity
                  from told
                  left join there using (name, tmdb_id)
                  where there.tmdb_id is null
                    or not told.popularity between
                      there.popularity / $6::float8 and there.popularity * $6::float8
                  order by told.name, told.tmdb_id
                  on conflict (name, tmdb_id) do update set popularity = excluded.popularity
                  returning 1
                )
                select (select count(*) from gone) + (select count(*) from changed)
                """,
                part.lowest,
                part.highest,
                part.names,
                part.tmdb_ids,
                part.popularities,
                STEADY,
            )
        )

    async def namesakes(self, hashes: Collection[int], names: Collection[str]) -> Namesakes:
        """The films of the export that have a title, and the years that the index has of it.

        Args:
            hashes: of the asked title.
            names: under which the index would have the film.
        """
        rows = await self._database.fetch(
            """
            select tmdb_id, popularity, null::smallint as year
            from exported_films
            where name = any($1::bigint[])
              and exists (
                select from export_loads where day > clock_timestamp() - $3::interval
              )
            union all
            select tmdb_id, null, year
            from titles
            where name = any($2::text[])
            """,
            list(hashes),
            list(names),
            TRUSTED_FOR,
        )
        return Namesakes(
            {row["tmdb_id"]: row["popularity"] for row in rows if row["year"] is None},
            {row["tmdb_id"]: row["year"] for row in rows if row["year"] is not None},
        )

    async def recorded_ids(self, after: int, most: int) -> list[int]:
        """The next ids of the catalogue's older records, in their order."""
        rows = await self._database.fetch(
            """
            select tmdb_id
            from catalogue
            where tmdb_id > $1 and fetched_at < clock_timestamp() - $3::interval
            order by tmdb_id
            limit $2
            """,
            after,
            most,
            SURE_AGAIN_AFTER,
        )
        return [row["tmdb_id"] for row in rows]

    async def let_be_old(self, tmdb_ids: Collection[int], old_days: int) -> int:
        """Let records be old whose films an export lacks; how many were not.

        So they are refreshed like all that are old, a few at a time, and TMDB's answer decides,
        since an export lacks some films that are there. A removed one's record stays old, and is
        not set back again.

        Args:
            tmdb_ids: of the films.
            old_days: from which age on, in days, a record is refreshed.
        """
        return await let_be_old(self._database, tmdb_ids, old_days)
