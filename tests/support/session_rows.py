"""Sessions inserted as an upload leaves them, without the API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

import asyncpg

from shared.lookup_keys import LookupKind, parse_key
from shared.sql.counts import recount
from tests.guarantees import DRIFTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from typing import Any, Self

    from shared.postgres.database import Database

ADD_SESSION = """
    with session as (
      insert into sessions (id) values ($1)
      returning id
    )
    insert into session_counts (session_id, total)
    select id, $2 from session
"""
"""A session's two rows, for an id and a number of movies."""


class Executor(Protocol):
    """A connection, or a database."""

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401  # any SQL type
        """Run one statement; its first value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A movie of a list: its lookup's key, and the list's own title and year."""

    key: str
    title: str | None = None
    year: int | None = None

    @classmethod
    def of(cls, movie: Asked | str) -> Asked:
        """Return a movie; a `title:` key alone also gives it its title and year."""
        if isinstance(movie, Asked):
            return movie
        key = parse_key(movie)
        if key.kind in {LookupKind.TMDB, LookupKind.IMDB}:
            return Asked(movie)
        return Asked(movie, key.subject, key.year)


async def add_session(executor: Executor, session_id: UUID, movies: Iterable[Asked | str]) -> None:
    """Insert a session with movies whose lookups exist; its counts stay 0."""
    asked = [Asked.of(movie) for movie in movies]
    await executor.fetchval(ADD_SESSION, session_id, len(asked))
    await executor.fetchval(
        """
        insert into movies (
          session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked,
          tags, in_watchlist, lists
        )
        select $1, place, lookups.id, asked.title, year, true, '{}', 0, false, '{}', false, '{}'
        from unnest($2::text[], $3::text[], $4::integer[]) with ordinality
          as asked (key, title, year, place)
        join lookups using (key)
        """,
        session_id,
        [movie.key for movie in asked],
        [movie.title for movie in asked],
        [movie.year for movie in asked],
    )


class Lists:
    """Sessions of the test's database, and their state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, *movies: Asked | str) -> UUID:
        """Insert a session with its lookups and counts; return its id."""
        session_id = uuid4()
        asked = [Asked.of(movie) for movie in movies]
        await self._database.fetchval(
            """
            insert into lookups (key, title, due_at, turn)
            select key, title, clock_timestamp(), (select max(turn) from virtual_times) + place
            from unnest($1::text[], $2::text[]) with ordinality as asked (key, title, place)
            on conflict (key) do nothing
            """,
            [movie.key for movie in asked],
            [movie.title for movie in asked],
        )
        await add_session(self._database, session_id, asked)
        await self._database.fetchval(
            """
            update session_counts c
            set enriched = counted.enriched, not_found = counted.not_found, failed = counted.failed
            from (
              select
                count(*) filter (where outcome = 'found') as enriched,
                count(*) filter (where outcome = 'not_found') as not_found,
                count(*) filter (where outcome = 'failed') as failed
              from movies
              join lookups on lookups.id = movies.lookup_id
              where session_id = $1
            ) as counted
            where c.session_id = $1
            """,
            session_id,
        )
        return session_id

    async def announce(self, session_id: UUID) -> None:
        """Notify the daemons, as an upload does."""
        await self._database.fetchval("select pg_notify('new_work', $1)", str(session_id))

    async def lookup(self, key: str) -> asyncpg.Record:
        """Return one lookup's row."""
        row = await self._database.fetchrow("select * from lookups where key = $1", key)
        assert row is not None, f"there is no lookup {key}"
        return row

    async def counts(self, session_id: UUID) -> tuple[int, int, int]:
        """Return the stored counts: found, not found and failed."""
        (row,) = await self._database.fetch(
            "select enriched, not_found, failed from session_counts where session_id = $1",
            session_id,
        )
        return row["enriched"], row["not_found"], row["failed"]

    async def status(self, session_id: UUID) -> str:
        """Return `enriching` or `completed`."""
        completed = await self._database.fetchval(
            "select completed_at is not null from sessions where id = $1", session_id
        )
        return "completed" if completed else "enriching"

    async def keys(self, session_id: UUID) -> list[str]:
        """Return the key of each movie's lookup, by position."""
        rows = await self._database.fetch(
            """
            select key
            from movies
            join lookups on lookups.id = lookup_id
            where session_id = $1
            order by position
            """,
            session_id,
        )
        return [row["key"] for row in rows]

    async def drifted(self) -> list[UUID]:
        """Return the sessions whose stored counts differ from a recount by join."""
        return [row["id"] for row in await self._database.fetch(DRIFTED)]


class OpenUpload:
    """An upload on a connection of its own, from its first lock to its commit."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._transaction = connection.transaction()
        self.session_id = uuid4()

    @classmethod
    @asynccontextmanager
    async def over(cls, dsn: str) -> AsyncIterator[Self]:
        """Open a connection; roll back at the end what was not committed."""
        connection = await asyncpg.connect(dsn)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def list_keys(self, keys: Iterable[str]) -> None:
        """List these lookups in a new session, whose foreign keys lock them until the end."""
        movies = [Asked(key, "listed", 1999) for key in keys]
        await self._transaction.start()
        await add_session(self._connection, self.session_id, movies)
        await self._connection.execute(
            "update sessions set positions = $2 where id = $1", self.session_id, len(movies)
        )
        await self._connection.execute(
            "insert into upload_reports (session_id, upload_id, report) values ($1, $1, '{}')",
            self.session_id,
        )

    async def commit(self) -> None:
        """Count, in a statement after those that locked, and commit."""
        await recount(self._connection, self.session_id)
        await self._transaction.commit()
