"""Falling back from an id that TMDB does not know to the title and year of each movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.lookup_keys import title_key, twins_key
from shared.models import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from shared.database import Connection


async def move_titled_movies(connection: Connection, lookup_id: int) -> None:
    """Re-point the movies of an unknown id that also have a title to their `title:` lookups.

    Two that would meet in one session go to a `twins:` lookup: their ids said that they differ.
    The caller holds the old lookup FOR UPDATE and moves the counts of what stays with it.
    """
    movies = await connection.fetch(
        """
        select session_id, position, title, year
        from movies
        where lookup_id = $1 and title is not null
        order by session_id, position
        """,
        lookup_id,
    )
    if not movies:
        return
    keys = _fallback_keys(movies)
    titles = {key: movie["title"] for key, movie in zip(keys, movies, strict=True)}
    await connection.execute(
        """
        insert into lookups (key, title, due_at, turn)
        select key, title, clock_timestamp(), (select virtual_time from queue_clock)
        from unnest($1::text[], $2::text[]) as wanted (key, title)
        order by key collate "C"
        on conflict (key) do nothing
        """,
        list(titles),
        list(titles.values()),
    )
    await connection.execute(
        "select 1 from lookups where key = any($1::text[]) order by id for key share",
        list(titles),
    )
    await connection.execute(
        """
        select 1
        from sessions
        where id in (select session_id from movies where lookup_id = $1)
        order by id
        for no key update
        """,
        lookup_id,
    )
    await connection.execute(
        """
        update movies
        set lookup_id = lookups.id
        from unnest($2::uuid[], $3::integer[], $4::text[]) as moving (session_id, position, key)
        join lookups using (key)
        where movies.session_id = moving.session_id
          and movies.position = moving.position
          and movies.lookup_id = $1
        """,
        lookup_id,
        [movie["session_id"] for movie in movies],
        [movie["position"] for movie in movies],
        keys,
    )
    await _count_moved(connection, movies, keys)
    await connection.execute("select pg_notify($1, '')", Channel.NEW_WORK)


def _fallback_keys(movies: Sequence[asyncpg.Record]) -> list[str]:
    asked: dict[tuple[UUID, str], int] = {}
    for movie in movies:
        place = (movie["session_id"], title_key(movie["title"], movie["year"]))
        asked[place] = asked.get(place, 0) + 1
    keys = []
    for movie in movies:
        key = title_key(movie["title"], movie["year"])
        alone = asked[movie["session_id"], key] == 1
        keys.append(key if alone else twins_key(movie["title"], movie["year"]))
    return keys


async def _count_moved(
    connection: Connection, movies: Sequence[asyncpg.Record], keys: Sequence[str]
) -> None:
    """Count movies that came from a pending lookup under the outcomes that their new ones have."""
    await connection.execute(
        """
        with moved as (
          select
            moving.session_id,
            count(*) filter (where outcome = 'found') as enriched,
            count(*) filter (where outcome = 'not_found') as not_found,
            count(*) filter (where outcome = 'failed') as failed
          from unnest($1::uuid[], $2::text[]) as moving (session_id, key)
          join lookups using (key)
          group by moving.session_id
        )
        update sessions s
        set
          enriched = s.enriched + moved.enriched,
          not_found = s.not_found + moved.not_found,
          failed = s.failed + moved.failed
        from moved
        where s.id = moved.session_id
        """,
        [movie["session_id"] for movie in movies],
        list(keys),
    )
