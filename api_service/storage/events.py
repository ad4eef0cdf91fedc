"""What open streams are told of: the films answered lately, and the state of the fleet."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from api_service.storage.filtering import SHOWN_FOR
from shared.models import SILENT_SECONDS, TMDBState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Database

MOST_FILMS = 24
NEVER = datetime.min.replace(tzinfo=UTC)
"""Before all answers."""
MOST_ANSWERS = 1000
"""Answers of all sessions that are looked through for those of one: minutes of a fleet's work."""
MOST_MOVIES = 2000
"""Movies of a session that are looked through, where none of its answers is among those."""


@dataclass(frozen=True, slots=True)
class AnsweredFilm:
    """A movie that has an outcome, and when that came."""

    position: int
    title: str | None
    year: int | None
    outcome: str
    poster_path: str | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class FleetState:
    """What everybody who waits wants to know of the fleet."""

    paused: bool
    alive: bool
    tmdb_state: TMDBState
    tmdb_reason: str | None


class EventStorage:
    """Reads for many sessions at once what their streams are told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answered(self, since: Mapping[UUID, datetime]) -> dict[UUID, list[AnsweredFilm]]:
        """The newest films of some sessions, answered after a moment of each, newest first.

        Starts from the newest answers of all, so it costs the same however large a session is.
        """
        rows = await self._database.fetch(
            """
            with newest as materialized (
              select id, outcome, tmdb_id, answered_at
              from lookups
              where answered_at > $3
              order by answered_at desc
              limit $4
            ),
            listed as (
              select
                movie.*, newest.outcome, newest.tmdb_id, newest.answered_at,
                row_number() over (
                  partition by session_id order by answered_at desc, position desc
                ) as place
              from newest
              -- `offset 0` keeps it from reading whole sessions to join them.
              cross join lateral (
                select session_id, position, title, year
                from movies
                where lookup_id = newest.id and session_id = any($1::uuid[])
                offset 0
              ) as movie
              join unnest($1::uuid[], $2::timestamptz[]) as wanted (session_id, since)
                using (session_id)
              where answered_at > since
            )
            select
              session_id, position, coalesce(listed.title, c.title) as title,
              coalesce(extract(year from release_date)::integer, year) as year,
              outcome, poster_path, answered_at
            from listed
            left join catalogue c
              on c.tmdb_id = listed.tmdb_id and fetched_at > clock_timestamp() - $6::interval
            where place <= $5
            order by session_id, place
            """,
            list(since),
            list(since.values()),
            min(since.values()),
            MOST_ANSWERS,
            MOST_FILMS,
            SHOWN_FOR,
        )
        return _by_session(rows)

    async def latest(self, session_ids: Sequence[UUID]) -> dict[UUID, list[AnsweredFilm]]:
        """The newest films of some sessions, newest first, whenever they were answered.

        Of a session with more than `MOST_MOVIES` only the first ones are looked at.
        """
        rows = await self._database.fetch(
            """
            select
              session_id, position, coalesce(movie.title, c.title) as title,
              coalesce(extract(year from release_date)::integer, year) as year,
              outcome, poster_path, answered_at
            from unnest($1::uuid[]) as wanted (session_id)
            cross join lateral (
              select position, title, year, outcome, tmdb_id, answered_at
              from (
                select position, title, year, lookup_id
                from movies
                where session_id = wanted.session_id
                order by position
                limit $2
              ) as first
              join lateral (
                select outcome, tmdb_id, answered_at from lookups where id = lookup_id offset 0
              ) as lookup on answered_at is not null
              order by answered_at desc, position desc
              limit $3
            ) as movie
            left join catalogue c
              on c.tmdb_id = movie.tmdb_id and fetched_at > clock_timestamp() - $4::interval
            order by session_id, answered_at desc, position desc
            """,
            list(session_ids),
            MOST_MOVIES,
            MOST_FILMS,
            SHOWN_FOR,
        )
        return _by_session(rows)

    async def fleet(self) -> FleetState:
        """The fleet and TMDB, in a word each."""
        row = await self._database.fetchrow(
            """
            select
              paused_since is not null as paused,
              exists (
                select from workers where heartbeat_at > clock_timestamp() - $1::interval
              ) as alive,
              tmdb_state,
              tmdb_reason
            from fleet
            """,
            timedelta(seconds=SILENT_SECONDS),
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return FleetState(
            row["paused"], row["alive"], TMDBState(row["tmdb_state"]), row["tmdb_reason"]
        )


def _by_session(rows: Sequence[asyncpg.Record]) -> dict[UUID, list[AnsweredFilm]]:
    films = defaultdict(list)
    for session_id, *film in rows:
        films[session_id].append(AnsweredFilm(*film))
    return films
