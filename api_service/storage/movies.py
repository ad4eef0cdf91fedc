"""Movies of a session, page by page, with their TMDB records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_service.storage.filtering import SHOWN_FOR, Cursor, PositionPage, find_positions
from api_service.storage.size_limiter import READ_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from api_service.queries.movies import MovieQuery
    from shared.postgres.database import Database


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
        self, session_id: UUID, query: MovieQuery, *, after: Cursor | None, limit: int
    ) -> MoviePage:
        """Return one page of the movies that fit, in the order asked for.

        Args:
            session_id: whose movies.
            query: which ones, and in which order.
            after: where the page before ended.
            limit: rows at most.

        Part of a heavy read, unless all movies fit and are in their stored order.
        """
        places = await self.places(session_id, query, after=after, limit=limit)
        return MoviePage(await self.at(session_id, places.positions), places.next_cursor)

    async def places(
        self,
        session_id: UUID,
        query: MovieQuery,
        *,
        after: Cursor | None = None,
        limit: int | None = None,
    ) -> PositionPage:
        """Return the positions of the movies that fit, in order; without a limit all.

        Part of a heavy read, for which the caller has a turn.
        """
        # Whether a film is in doubt may depend on any other.
        if query.in_stored_order and query.only_outcome and query.outcome != "doubtful":
            if query.outcome is None and limit is None:
                return PositionPage(await self._all(session_id))
            return await self._by_position(session_id, query.outcome, after, limit)
        return await find_positions(self._database, session_id, query, after, limit)

    async def at(self, session_id: UUID, positions: Sequence[int]) -> list[asyncpg.Record]:
        """Return the movies at these positions, in their order; where there is none, none."""
        return await self._database.fetch(
            """
            select
              m.position, m.title, m.year, m.watched, m.rating, m.rating_original, m.watch_dates,
              m.rewatches, m.liked, m.tags, m.review, m.in_watchlist, m.lists, m.source_url,
              coalesce(l.outcome, 'pending') as outcome, l.reason, l.confidence, l.candidates,
              l.key as lookup_key, m.origins ->> 'own' is not null as is_film_address,
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
            positions,
            SHOWN_FOR,
        )

    async def credits(self, session_id: UUID, position: int) -> asyncpg.Record | None:
        """Return who made a movie and who plays in it, as JSON, if TMDB told us."""
        return await self._database.fetchrow(
            """
            select c.directors, c.top_cast
            from movies m
            join lookups l on l.id = m.lookup_id
            join catalogue c
              on c.tmdb_id = l.tmdb_id and c.fetched_at > clock_timestamp() - $3::interval
            where m.session_id = $1 and m.position = $2
            """,
            session_id,
            position,
            SHOWN_FOR,
        )

    async def _all(self, session_id: UUID) -> list[int]:
        positions: list[int] = await self._database.fetchval(
            """
            select coalesce(array_agg(position order by position), '{}')
            from movies
            where session_id = $1
            """,
            session_id,
            seconds=READ_SECONDS,
        )
        return positions

    async def _by_position(
        self, session_id: UUID, outcome: str | None, after: Cursor | None, limit: int | None
    ) -> PositionPage:
        """Return the order that ends early: it reads on until there are enough."""
        positions: list[int] = await self._database.fetchval(
            """
            select coalesce(array_agg(position order by position), '{}')
            from (
              select position
              from movies
              join lookups on lookups.id = movies.lookup_id
              where session_id = $1
                and position > $2
                and (
                  $3::text is null
                  or case $3
                    when 'pending' then outcome is null
                    when 'unmatched' then outcome in ('not_found', 'failed')
                    else outcome = $3
                  end
                )
              order by position
              limit $4
            ) as places
            """,
            session_id,
            after.position if after else 0,
            outcome,
            None if limit is None else limit + 1,
            seconds=READ_SECONDS,
        )
        if limit is None or len(positions) <= limit:
            return PositionPage(positions)
        return PositionPage(positions[:limit], Cursor("", positions[limit - 1]))
