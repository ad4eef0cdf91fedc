"""The statement that finds a session's movies for a query, in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from api_service.storage.size_limiter import READ_SECONDS
from shared.models import DOUBTFUL_BELOW

if TYPE_CHECKING:
    from uuid import UUID

    from api_service.queries.movies import MovieQuery
    from shared.postgres.database import Database

SHOWN_FOR = timedelta(days=180)
"""TMDB's terms: no data is kept longer than six months
(https://www.themoviedb.org/api-terms-of-use)."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its sort key ("" when it has none) and its position."""

    sort_key: str
    position: int


@dataclass(frozen=True, slots=True)
class PositionPage:
    """Positions in the order asked for, and where the next page begins if there is one."""

    positions: list[int]
    next_cursor: Cursor | None = None


async def find_positions(
    database: Database, session_id: UUID, query: MovieQuery, after: Cursor | None, limit: int | None
) -> PositionPage:
    """Return the movies that fit; reads all of the session's, whatever the limit.

    Sort keys are text in which what comes first is smaller, and "" is what lacks the key.
    """
    watched_from, watched_until = query.watched_between
    row = await database.fetchrow(
        r"""
        with taken_twice as (
          -- Two films of one service, by the ids that it gives them, and one of TMDB's.
          select tmdb_id
          from (
            select
              l.tmdb_id,
              case
                when m.origins ->> 'own' is not null
                  then (regexp_match(m.source_url, '^\w+://([^/]+)(.*)'))[1:2]
                else regexp_match(m.origins #>> '{own_ids,0}', '^([^:]+):(.+)')
              end as named
            from movies m
            join lookups l on l.id = m.lookup_id
            where m.session_id = $1 and l.outcome = 'found'
          ) as found
          where named is not null
          group by tmdb_id, named[1]
          having count(distinct named[2]) > 1
        ),
        fitting as (
          select
            m.position,
            coalesce(
              case $2::text
                when 'position' then lpad(m.position::text, 10, '0')
                when 'title' then folded(coalesce(c.title, m.title))
                when 'year' then lpad((9999 - shown.year)::text, 4, '0')
                when 'rating' then lpad((99 - 10 * m.rating)::integer::text, 2, '0')
                when 'runtime' then lpad((2147483647 - c.runtime_minutes)::text, 10, '0')
                when 'tmdb_rating' then lpad((1000 - 100 * shown.rating)::integer::text, 4, '0')
                when 'watched' then (
                  select lpad((9999999 - to_char(max(day), 'J')::integer)::text, 7, '0')
                  from unnest(m.watch_dates) as day
                )
              end,
              ''
            ) collate "C" as sort_key
          from movies m
          join lookups l on l.id = m.lookup_id
          left join catalogue c
            on c.tmdb_id = l.tmdb_id and c.fetched_at > clock_timestamp() - $7::interval
          cross join lateral (
            select
              coalesce(extract(year from c.release_date)::integer, m.year) as year,
              case when c.vote_count > 0 then c.vote_average end as rating
          ) as shown
          where m.session_id = $1
            and (
              $8::text is null
              or case $8
                when 'pending' then l.outcome is null
                when 'unmatched' then l.outcome in ('not_found', 'failed')
                when 'doubtful' then l.outcome = 'found' and (
                  l.confidence < $9::integer
                  or (l.key like 'title:%' and l.tmdb_id in (select tmdb_id from taken_twice))
                )
                else l.outcome = $8
              end
            )
            and (
              $10::text is null
              or strpos(c.searched, (select folded($10))) > 0
              or strpos(folded(m.title), (select folded($10))) > 0
            )
            and ($11::text is null or $11 = any(c.genres))
            and ($12::text is null or $12 = any(c.countries))
            and ($13::text is null or $13 = any(c.languages))
            and ($14::integer is null or $14 = any(c.director_ids))
            and ($15::integer is null or $15 = any(c.actor_ids))
            and ($16::integer is null or shown.year between $16 and $16 + 9)
            and ($17::integer is null or shown.year = $17)
            and ($18::integer is null or c.runtime_minutes >= $18)
            and ($19::integer is null or c.runtime_minutes <= $19)
            and ($20::float8 is null or m.rating = $20)
            and ($21::integer is null or floor(shown.rating) = $21)
            and ($22::boolean is null or m.watched = $22)
            and ($23::boolean is null or m.in_watchlist = $23)
            and ($24::boolean is null or m.liked = $24)
            and (
              $25::boolean is null
              or (m.rewatches > 0 or cardinality(m.watch_dates) > 1) = $25
            )
            and ($26::text is null or $26 = any(m.tags))
            and ($27::text is null or $27 = any(m.lists))
            and (
              $28::date is null
              or exists (
                select from unnest(m.watch_dates) as day where day >= $28 and day < $29::date
              )
            )
        ),
        numbered as (
          select
            position,
            sort_key,
            row_number() over (
              order by
                sort_key = '',
                case when not $3::boolean then sort_key end,
                case when $3 then sort_key end desc,
                position
            ) as number
          from fitting
          where $5::integer is null
            or case
              when $4::text = '' then sort_key = '' and position > $5
              when sort_key = '' then true
              when $3 then sort_key < $4 or (sort_key = $4 and position > $5)
              else (sort_key, position) > ($4, $5)
            end
        )
        select
          coalesce(array_agg(position order by number), '{}') as positions,
          max(sort_key) filter (where number = $6::integer) as last_key
        from numbered
        where $6 is null or number <= $6 + 1
        """,
        session_id,
        query.sort,
        query.reverse,
        _key(query, after),
        after.position if after else None,
        limit,
        SHOWN_FOR,
        query.outcome,
        DOUBTFUL_BELOW,
        query.q or None,
        query.genre,
        query.country,
        query.language,
        query.director,
        query.actor,
        query.decade,
        query.year,
        query.runtime_from,
        query.runtime_to,
        query.rating,
        query.tmdb_rating,
        query.watched,
        query.watchlist,
        query.liked,
        query.rewatched,
        query.tag,
        query.list_name,
        watched_from,
        watched_until,
        seconds=READ_SECONDS,
    )
    assert row is not None  # noqa: S101  # an aggregate has a row
    positions: list[int] = row["positions"]
    if limit is None or len(positions) <= limit:
        return PositionPage(positions)
    key = "" if query.sort == "position" else row["last_key"]
    return PositionPage(positions[:limit], Cursor(key, positions[limit - 1]))


def _key(query: MovieQuery, after: Cursor | None) -> str | None:
    """Return the key of a cursor; one by position is the same for any filter."""
    if after is None:
        return None
    return f"{after.position:010}" if query.sort == "position" else after.sort_key
