"""The movies of a session, page by page, with what TMDB knows of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.database import Database

SortName = Literal["position", "title", "year", "rating"]

SHOWN_FOR = timedelta(days=180)
"""TMDB's terms: no data is kept longer than six months
(https://www.themoviedb.org/api-terms-of-use)."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its sort key ("" when sorted by position) and its position."""

    sort_key: str
    position: int


@dataclass(frozen=True, slots=True)
class MoviePage:
    """Rows, and where the next page begins if there is one."""

    rows: list[asyncpg.Record]
    next_cursor: Cursor | None


class MovieStorage:
    """Reads movies with keyset cursors, so that the last page costs what the first does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        session_id: UUID,
        *,
        outcome: str | None,
        sort: SortName,
        after: Cursor | None,
        limit: int,
    ) -> MoviePage:
        """One page of a session's movies, in the order asked for.

        Args:
            session_id: whose movies.
            outcome: only those with this outcome; `pending` for those without one, `unmatched` for
                what was not found and what failed.
            sort: by position, or by title, year (newest first) or rating (best first), then by
                position. What has no year or rating comes last.
            after: where the page before ended.
            limit: rows at most.
        """
        if sort == "position":
            places = await self._by_position(session_id, outcome, after, limit + 1)
        else:
            places = await self._by_key(session_id, outcome, sort, after, limit + 1)
        last = places[limit - 1] if len(places) > limit else None
        places = places[:limit]
        rows = await self._database.fetch(
            """
            select
              m.position, m.title, m.year, m.watched, m.rating, m.rating_original, m.watch_dates,
              m.rewatches, m.liked, m.tags, m.review, m.in_watchlist, m.lists, m.source_url,
              coalesce(l.outcome, 'pending') as outcome, l.reason, l.confidence, l.candidates,
              l.key as lookup_key,
              c.tmdb_id, c.imdb_id, c.title as tmdb_title, c.original_title, c.release_date,
              c.genres, jsonb_path_query_array(c.directors, '$[*].name') as directors,
              jsonb_path_query_array(c.top_cast, '$[*].name') as top_cast, c.runtime_minutes,
              c.countries, c.languages, c.overview, c.poster_path, c.vote_average, c.vote_count
            from unnest($2::integer[]) with ordinality as place (position, number)
            join movies m on m.session_id = $1 and m.position = place.position
            join lookups l on l.id = m.lookup_id
            left join catalogue c
              on c.tmdb_id = l.tmdb_id and c.fetched_at > clock_timestamp() - $3::interval
            order by place.number
            """,
            session_id,
            [row["position"] for row in places],
            SHOWN_FOR,
        )
        return MoviePage(rows, Cursor(last["sort_key"], last["position"]) if last else None)

    async def _by_position(
        self, session_id: UUID, outcome: str | None, after: Cursor | None, limit: int
    ) -> list[asyncpg.Record]:
        return await self._database.fetch(
            """
            select position, '' as sort_key
            from movies
            join lookups on lookups.id = movies.lookup_id
            where session_id = $1
              and position > $2
              and (
                $3::text is null
                or coalesce(outcome, 'pending') = $3
                or $3 = 'unmatched' and outcome in ('not_found', 'failed')
              )
            order by position
            limit $4
            """,
            session_id,
            after.position if after else 0,
            outcome,
            limit,
        )

    async def _by_key(
        self,
        session_id: UUID,
        outcome: str | None,
        sort: SortName,
        after: Cursor | None,
        limit: int,
    ) -> list[asyncpg.Record]:
        return await self._database.fetch(
            """
            select position, sort_key
            from (
              select
                position,
                lookup_id,
                case $2
                  when 'title' then lower(coalesce(title, ''))
                  when 'year' then lpad((9999 - coalesce(year, 0))::text, 4, '0')
                  when 'rating' then lpad((99 - 10 * coalesce(rating, 0))::integer::text, 2, '0')
                end collate "C" as sort_key
              from movies
              where session_id = $1
            ) as chosen
            join lookups on lookups.id = lookup_id
            where (
                $3::text is null
                or coalesce(outcome, 'pending') = $3
                or $3 = 'unmatched' and outcome in ('not_found', 'failed')
              )
              and ($4::text is null or (sort_key, position) > ($4, $5::integer))
            order by sort_key, position
            limit $6
            """,
            session_id,
            sort,
            outcome,
            after.sort_key if after else None,
            after.position if after else None,
            limit,
        )
