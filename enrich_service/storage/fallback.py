"""Falling back from an id that TMDB does not know to the title and year of each movie."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.lookup_keys import title_key, twins_key
from shared.models import Channel
from shared.postgres.database import CollisionError
from shared.sql.counts import SessionCounts, counts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class _Move:
    """One movie that goes from the lookup it has to the one with this key."""

    session_id: UUID
    position: int
    title: str
    lookup_id: int
    key: str


async def move_titled_movies(connection: Connection, lookup_id: int) -> list[SessionCounts]:
    """Re-point the movies of an unknown id that also have a title to their `title:` lookups.

    Two that would meet in one session go to a `twins:` lookup, also one that fell back to the
    title before: their ids said that they differ. Sends `new_work` and `session_progress`.

    Args:
        connection: in a transaction that holds the lookup FOR UPDATE, and that moves the counts
            of what stays with it afterwards.
        lookup_id: the lookup by id.

    Returns:
        The sessions whose movies moved, as they are now.

    Raises:
        CollisionError: one of the movies was re-pointed meanwhile, or a title's lookup deleted.
    """
    moves = await _plan(connection, lookup_id)
    if not moves:
        return []
    await _hold_lookups(connection, moves, lookup_id)
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
    if await _plan(connection, lookup_id) != moves:
        raise CollisionError("movies of these sessions were re-pointed meanwhile")
    await connection.execute(
        """
        update movies
        set lookup_id = lookups.id
        from unnest($1::uuid[], $2::integer[], $3::text[]) as moving (session_id, position, key)
        join lookups using (key)
        where movies.session_id = moving.session_id and movies.position = moving.position
        """,
        [move.session_id for move in moves],
        [move.position for move in moves],
        [move.key for move in moves],
    )
    return await _count_moved(connection, moves)


async def _plan(connection: Connection, lookup_id: int) -> list[_Move]:
    """Which movies have to go where."""
    movies = await connection.fetch(
        """
        select session_id, position, title, year, lookup_id
        from movies
        where lookup_id = $1 and title is not null
        order by session_id, position
        """,
        lookup_id,
    )
    same_title: dict[tuple[UUID, str], list[asyncpg.Record]] = defaultdict(list)
    for movie in movies:
        same_title[movie["session_id"], title_key(movie["title"], movie["year"])].append(movie)
    twins = {
        place: twins_key(together[0]["title"], together[0]["year"])
        for place, together in same_title.items()
    }
    mates = await connection.fetch(
        """
        select session_id, position, movies.title, lookup_id, asked.title_key, key
        from unnest($1::uuid[], $2::text[], $3::text[]) as asked (session_id, title_key, twins_key)
        join lookups on key in (title_key, twins_key)
        join movies using (session_id)
        where lookup_id = lookups.id and lookup_id <> $4 and movies.title is not null
        order by session_id, position
        """,
        [session_id for session_id, _ in same_title],
        [key for _, key in same_title],
        list(twins.values()),
        lookup_id,
    )
    for mate in mates:
        same_title[mate["session_id"], mate["title_key"]].append(mate)
    moves = []
    for place, together in same_title.items():
        key = place[1] if len(together) == 1 else twins[place]
        moves += [
            _Move(place[0], movie["position"], movie["title"], movie["lookup_id"], key)
            for movie in together
            if movie.get("key") != key
        ]
    return moves


async def _hold_lookups(connection: Connection, moves: Sequence[_Move], lookup_id: int) -> None:
    """Make the lookups that are not there yet; none may be answered or deleted from here on."""
    titles = {move.key: move.title for move in moves}
    await connection.fetch(
        """
        with queued as (
          insert into lookups (key, title, due_at, turn, traceparent)
          select
            key,
            title,
            clock_timestamp(),
            (select max(turn) from virtual_times),
            (select traceparent from lookups where id = $3)
          from unnest($1::text[], $2::text[]) as wanted (key, title)
          order by key collate "C"
          on conflict (key) do nothing
          returning turn
        )
        select pg_notify($4, min(turn)::text) from queued having count(*) > 0
        """,
        list(titles),
        list(titles.values()),
        lookup_id,
        Channel.NEW_WORK,
    )
    held = await connection.fetch(
        """
        select key
        from lookups
        where key = any($1::text[]) or id = any($2::bigint[])
        order by id
        for key share
        """,
        list(titles),
        [move.lookup_id for move in moves],
    )
    if not titles.keys() <= {row["key"] for row in held}:
        raise CollisionError("a lookup was deleted between being made and being held")


async def _count_moved(connection: Connection, moves: Sequence[_Move]) -> list[SessionCounts]:
    """Take the movies from the counts they were in to those of the lookups that they have now."""
    rows = await connection.fetch(
        """
        with moved as (
          select
            session_id,
            count(*) filter (where new.outcome = 'found')
              - count(*) filter (where old.outcome = 'found') as enriched,
            count(*) filter (where new.outcome = 'not_found')
              - count(*) filter (where old.outcome = 'not_found') as not_found,
            count(*) filter (where new.outcome = 'failed')
              - count(*) filter (where old.outcome = 'failed') as failed
          from unnest($1::uuid[], $2::bigint[], $3::text[]) as moving (session_id, old_id, new_key)
          join lookups old on old.id = old_id
          join lookups new on new.key = new_key
          group by session_id
        )
        update session_counts c
        set
          n = c.n + 1,
          enriched = c.enriched + moved.enriched,
          not_found = c.not_found + moved.not_found,
          failed = c.failed + moved.failed
        from moved
        cross join lateral current_counts(moved.session_id) as newest
        where c.ctid = newest.version
        returning
          c.session_id, c.total, c.enriched, c.not_found, c.failed,
          pg_notify($4, c.session_id::text)
        """,
        [move.session_id for move in moves],
        [move.lookup_id for move in moves],
        [move.key for move in moves],
        Channel.SESSION_PROGRESS,
    )
    return [counts_of(row) for row in rows]
