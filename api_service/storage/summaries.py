"""What a session's films come to: one statement, and the few films and people that it names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from api_service.storage.filtering import SHOWN_FOR
from api_service.storage.heavy_reads import READ_SECONDS
from shared.errors import SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Database


LONGEST_SAVING = timedelta(minutes=2)
"""From the moment at which a record says that it was fetched to its commit, with time to spare."""


@dataclass(frozen=True, slots=True)
class SummaryVersion:
    """What tells whether a summary would show the same again.

    Attributes:
        now: when this was read, by the database's clock, as all times here.
        row: of the session's counts, which takes the next `n` with each outcome, correction and
            addition. A standby that was promoted may give an `n` again: beside it stand the
            transaction that wrote it and what it says.
        since: from when on refreshed records are counted.
        refreshed: how many of the session's were, and the sum of the times.
        next_expiry: when the next record of all is shown no longer.
    """

    now: datetime
    row: tuple[int, ...]
    since: datetime
    refreshed: tuple[int, Decimal]
    next_expiry: datetime | None

    def shows_what(self, earlier: SummaryVersion) -> bool:
        """Whether nothing has changed since an earlier one, read with the same `since`."""
        expired = earlier.next_expiry is not None and self.now >= earlier.next_expiry
        return not expired and (self.row, self.refreshed) == (earlier.row, earlier.refreshed)


class SummaryStorage:
    """Adds up the movies of one session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, session_id: UUID, since: datetime | None) -> SummaryVersion:
        """The version of what a session's summaries show, in which no change is missed.

        A record that is refreshed changes nothing of the sessions that show it: it is found by its
        age, and that of the answers that it belongs to.

        Args:
            session_id: which one.
            since: as an earlier one had it; None for one that later ones can be compared with.

        Raises:
            SessionNotFoundError: it was deleted.
        """
        row = await self._database.fetchrow(
            """
            select
              clock_timestamp() as now,
              counts.*,
              s.edition,
              began.since,
              refreshed.records,
              refreshed.times,
              (
                select min(fetched_at) + $4::interval
                from catalogue
                where fetched_at > clock_timestamp() - $4::interval
              ) as next_expiry
            from sessions s
            cross join lateral current_counts(s.id) as counts
            cross join lateral (
              select coalesce($2::timestamptz, clock_timestamp() - $3::interval) as since
            ) as began
            cross join lateral (
              select
                count(*) as records,
                coalesce(sum(extract(epoch from c.fetched_at)), 0) as times
              from catalogue c
              -- The limits keep it from reading whole sessions to join them.
              cross join lateral (
                select
                from lookups l
                cross join lateral (
                  select from movies where lookup_id = l.id and session_id = s.id limit 1
                ) as listed
                where l.tmdb_id = c.tmdb_id and l.answered_at < c.fetched_at
                limit 1
              ) as shown
              where c.fetched_at > began.since
            ) as refreshed
            where s.id = $1
            """,
            session_id,
            since,
            LONGEST_SAVING,
            SHOWN_FOR,
        )
        if row is None:
            raise SessionNotFoundError("It was deleted meanwhile.")
        names = ("n", "transaction", "edition", "total", "enriched", "not_found", "failed")
        return SummaryVersion(
            now=row["now"],
            row=tuple(row[name] for name in names),
            since=row["since"],
            refreshed=(row["records"], row["times"]),
            next_expiry=row["next_expiry"],
        )

    async def add_up(
        self, session_id: UUID, positions: Sequence[int], *, everything: bool
    ) -> asyncpg.Record:
        """The figures of the movies at these positions, each as JSON; of films, their positions.

        All but `films` and `watchlist` speak of watched movies only, if the session has any.

        Args:
            session_id: whose movies.
            positions: which of them.
            everything: speak of those that were not watched, too.
        """
        row = await self._database.fetchrow(
            """
            with film as materialized (
              select
                m.position,
                m.watched or $3 or not coalesce(
                  (
                    select true from movies
                    where session_id = $1 and watched
                    order by position
                    limit 1
                  ),
                  false
                ) as counts,
                m.watched, m.in_watchlist, m.liked,
                m.rewatches > 0 or cardinality(m.watch_dates) > 1 as rewatched,
                greatest(m.rewatches + m.watched::integer, cardinality(m.watch_dates)) as watches,
                m.rating::float8 as rating,
                case when c.vote_count > 0 then (c.vote_average / 2)::float8 end as theirs,
                coalesce(extract(year from c.release_date)::integer, m.year) as year,
                c.runtime_minutes as minutes, c.tmdb_id, l.outcome, m.watch_dates, c.genres,
                c.countries, c.languages, c.director_ids, c.actor_ids
              from unnest($2::integer[]) as place (position)
              join movies m on m.session_id = $1 and m.position = place.position
              join lookups l on l.id = m.lookup_id
              left join catalogue c
                on c.tmdb_id = l.tmdb_id and c.fetched_at > clock_timestamp() - $4::interval
            ),
            director as materialized (
              select id, count(*) as films, avg(rating) as mean, min(tmdb_id) as tmdb_id
              from (
                select unnest(director_ids) as id, rating, tmdb_id from film where counts
              ) as made
              group by id
            ),
            actor as materialized (
              select id, count(*) as films, avg(rating) as mean, min(tmdb_id) as tmdb_id
              from (
                select unnest(actor_ids) as id, rating, tmdb_id from film where counts
              ) as played
              group by id
            )
            select
              (
                select json_build_object(
                  'total', count(*),
                  'watched', count(*) filter (where watched),
                  'watchlist', count(*) filter (where in_watchlist),
                  'found', count(*) filter (where outcome = 'found'),
                  'not_found', count(*) filter (where outcome = 'not_found'),
                  'failed', count(*) filter (where outcome = 'failed'),
                  'pending', count(*) filter (where outcome is null),
                  'rated', count(rating),
                  'liked', count(*) filter (where liked),
                  'rewatched', count(*) filter (where rewatched)
                )
                from film
              ) as films,
              (
                select json_build_object(
                  'films', count(*),
                  'minutes', coalesce(sum(minutes), 0),
                  'watches', coalesce(sum(watches), 0),
                  'directors', (select count(*) from director),
                  'actors', (select count(*) from actor)
                )
                from film
                where counts
              ) as totals,
              (
                select json_agg(genre order by films desc, name)
                from (
                  select
                    name, count(*) as films, coalesce(sum(minutes), 0) as minutes,
                    round(avg(rating)::numeric, 2) as mean_rating
                  from (
                    select unnest(genres) as name, minutes, rating from film where counts
                  ) as named
                  group by name
                ) as genre
              ) as genres,
              (
                select json_agg(released order by decade)
                from (
                  select
                    year / 10 * 10 as decade, count(*) as films,
                    round(avg(rating)::numeric, 2) as mean_rating
                  from film
                  where counts and year is not null
                  group by 1
                ) as released
              ) as decades,
              (
                select json_agg(released order by year)
                from (
                  select year, count(*) as films, round(avg(rating)::numeric, 2) as mean_rating
                  from film
                  where counts and year is not null
                  group by year
                ) as released
              ) as years,
              (
                select json_object_agg(halves, films)
                from (
                  select (2 * rating)::integer as halves, count(*) as films
                  from film
                  where counts and rating is not null
                  group by 1
                ) as rated
              ) as ratings,
              (
                select json_build_object(
                  'films', count(*),
                  'mine', round(avg(rating)::numeric, 2),
                  'theirs', round(avg(theirs)::numeric, 2)
                )
                from film
                where counts and rating is not null and theirs is not null
              ) as against_tmdb,
              (
                select json_agg(point order by rating)
                from (
                  select rating, round(avg(theirs)::numeric, 2) as theirs, count(*) as films
                  from film
                  where counts and rating is not null and theirs is not null
                  group by rating
                ) as point
              ) as points,
              array(
                select position
                from film
                where counts and rating > theirs
                order by rating - theirs desc, position
                limit 5
              ) as higher,
              array(
                select position
                from film
                where counts and rating < theirs
                order by theirs - rating desc, position
                limit 5
              ) as lower,
              (
                select json_object_agg(step, films)
                from (
                  select least(minutes / 30, 8) as step, count(*) as films
                  from film
                  where counts and minutes is not null
                  group by 1
                ) as took
              ) as runtimes,
              (
                select position
                from film
                where counts and minutes is not null
                order by minutes, position
                limit 1
              ) as shortest,
              (
                select position
                from film
                where counts and minutes is not null
                order by minutes desc, position
                limit 1
              ) as longest,
              (
                select json_agg(country order by films desc, code)
                from (
                  select code, count(*) as films
                  from (select unnest(countries) as code from film where counts) as coded
                  group by code
                ) as country
              ) as countries,
              (
                select json_agg(language order by films desc, code)
                from (
                  select code, count(*) as films
                  from (select unnest(languages) as code from film where counts) as coded
                  group by code
                ) as language
              ) as languages,
              (
                select json_agg(
                  json_build_object(
                    'id', id, 'name', person ->> 'name', 'profile_path', person ->> 'profile_path',
                    'films', films, 'mean_rating', round(mean::numeric, 2)
                  )
                  order by films desc, mean desc nulls last, id
                )
                from (
                  select * from director order by films desc, mean desc nulls last, id limit 20
                ) as most
                join catalogue c using (tmdb_id)
                cross join lateral (
                  select person
                  from jsonb_array_elements(c.directors) as person
                  where (person ->> 'id')::integer = id
                  limit 1
                ) as named
              ) as directors,
              (
                select json_agg(
                  json_build_object(
                    'id', id, 'name', person ->> 'name', 'profile_path', person ->> 'profile_path',
                    'films', films, 'mean_rating', round(mean::numeric, 2)
                  )
                  order by films desc, mean desc nulls last, id
                )
                from (
                  select * from actor order by films desc, mean desc nulls last, id limit 20
                ) as most
                join catalogue c using (tmdb_id)
                cross join lateral (
                  select person
                  from jsonb_array_elements(c.top_cast) as person
                  where (person ->> 'id')::integer = id
                  limit 1
                ) as named
              ) as actors,
              (
                select json_agg(day order by date)
                from (
                  select date, count(*) as watches
                  from (select unnest(watch_dates) as date from film where counts) as dated
                  group by date
                ) as day
              ) as days,
              (
                select json_agg(json_build_object('position', position, 'watches', watches))
                from (
                  select position, watches
                  from film
                  where counts and watches > 1
                  order by watches desc, position
                  limit 10
                ) as often
              ) as rewatches,
              (
                select json_build_object('films', count(*), 'minutes', coalesce(sum(minutes), 0))
                from film
                where in_watchlist
              ) as watchlist,
              (
                select json_agg(genre order by films desc, name)
                from (
                  select name, count(*) as films
                  from (select unnest(genres) as name from film where in_watchlist) as named
                  group by name
                  order by films desc, name
                  limit 5
                ) as genre
              ) as watchlist_genres
            """,
            session_id,
            positions,
            everything,
            SHOWN_FOR,
            seconds=READ_SECONDS,
        )
        assert row is not None  # noqa: S101  # a select without from has a row
        return row
