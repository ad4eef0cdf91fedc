"""Corrections: re-pointing one movie to another lookup, or taking it out of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import MovieNotFoundError, SessionHeldError
from shared.models import UPLOADS_LOCK, Channel
from shared.sql.requeue import bring_forward, reopen_session
from shared.sql.turn_grants import client_of, granted_turns, settle_grant

if TYPE_CHECKING:
    from uuid import UUID

    from shared.postgres.database import Connection, Database
    from shared.sql.turn_grants import Grant


class MatchStorage:
    """Changes which lookup a movie has, and the session's counts with it.

    Both lookups are held KEY SHARE in id order, then the session; what was read before is read
    again under those locks.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def repoint(self, session_id: UUID, position: int, key: str, traceparent: str) -> None:
        """Give a movie the lookup with this key, queueing it when it is new or ended in vain.

        Raises:
            MovieNotFoundError: the session has no movie there.
        """
        client = await client_of(self._database, session_id)
        async with granted_turns(self._database, client, 1) as grant:

            async def work(connection: Connection) -> int:
                turn = await _queue(connection, key, traceparent, grant)
                lookup_id = await _repoint(connection, session_id, position, key)
                await settle_grant(connection, grant, session_id, turn)
                return lookup_id

            lookup_id = await self._database.transact(work)
        await reopen_session(self._database, session_id, traceparent, lookup_id=lookup_id)
        # Another session may have queued it behind a list of any length.
        await bring_forward(self._database, session_id, lookup_id=lookup_id)

    async def remove(self, session_id: UUID, position: int) -> None:
        """Take a movie out of its session and its counts.

        Raises:
            MovieNotFoundError: the session has no movie there.
        """
        seen = False

        async def work(connection: Connection) -> None:
            nonlocal seen
            try:
                await _remove(connection, session_id, position)
            except MovieNotFoundError:
                # To a second try, after the first COMMIT's answer was lost, it is gone already.
                if not seen:
                    raise
            seen = True

        await self._database.transact(work)


async def _queue(
    connection: Connection, key: str, traceparent: str, grant: Grant | None
) -> int | None:
    """Queue a question that nobody has asked yet; its turn, None where somebody has."""
    await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
    turn: int | None = await connection.fetchval(
        """
        with queued as (
          insert into lookups (key, due_at, turn, traceparent)
          select $1, clock_timestamp(), coalesce($4, max(turn)) + 1, $2 from virtual_times
          on conflict (key) do nothing
          returning turn
        )
        select turn, pg_notify($3, turn::text) from queued
        """,
        key,
        traceparent,
        Channel.NEW_WORK,
        grant.base if grant else None,
    )
    return turn


async def _repoint(connection: Connection, session_id: UUID, position: int, key: str) -> int:
    new_id: int = await connection.fetchval("select id from lookups where key = $1", key)
    old_id = await _hold_movie(connection, session_id, position, new_id)
    if await connection.fetchval(
        "select held_at is not null from sessions where id = $1", session_id
    ):
        raise SessionHeldError("The operator has held it meanwhile. Nothing was changed.")
    if old_id == new_id:
        return new_id
    await connection.execute(
        "update movies set lookup_id = $3 where session_id = $1 and position = $2",
        session_id,
        position,
        new_id,
    )
    await connection.execute(
        """
        update session_counts
        set
          n = n + 1,
          enriched = enriched + (new.outcome is not distinct from 'found')::integer
            - (old.outcome is not distinct from 'found')::integer,
          not_found = not_found + (new.outcome is not distinct from 'not_found')::integer
            - (old.outcome is not distinct from 'not_found')::integer,
          failed = failed + (new.outcome is not distinct from 'failed')::integer
            - (old.outcome is not distinct from 'failed')::integer
        from lookups old, lookups new
        where session_counts.ctid = (select version from current_counts($1))
          and old.id = $2
          and new.id = $3
        """,
        session_id,
        old_id,
        new_id,
    )
    await _tell(connection, session_id)
    return new_id


async def _remove(connection: Connection, session_id: UUID, position: int) -> None:
    lookup_id = await _hold_movie(connection, session_id, position)
    await connection.execute(
        "delete from movies where session_id = $1 and position = $2", session_id, position
    )
    await connection.execute(
        """
        update session_counts
        set
          n = n + 1,
          total = total - 1,
          enriched = enriched - (outcome is not distinct from 'found')::integer,
          not_found = not_found - (outcome is not distinct from 'not_found')::integer,
          failed = failed - (outcome is not distinct from 'failed')::integer
        from lookups
        where session_counts.ctid = (select version from current_counts($1))
          and lookups.id = $2
        """,
        session_id,
        lookup_id,
    )
    await _tell(connection, session_id)


async def _hold_movie(
    connection: Connection, session_id: UUID, position: int, *further_lookups: int
) -> int:
    """Lock a movie's lookup and these, then its session, which holds it too; the lookup it has."""
    seen = await _lookup_of(connection, session_id, position)
    while True:
        await connection.execute(
            "select 1 from lookups where id = any($1::bigint[]) order by id for key share",
            [seen, *further_lookups],
        )
        await connection.execute(
            "select 1 from sessions where id = $1 for no key update", session_id
        )
        held = await _lookup_of(connection, session_id, position)
        if held == seen:
            return held
        # It was re-pointed while we waited. Locking one more out of order may deadlock, and then
        # the whole transaction is run again.
        seen = held


async def _lookup_of(connection: Connection, session_id: UUID, position: int) -> int:
    lookup_id: int | None = await connection.fetchval(
        "select lookup_id from movies where session_id = $1 and position = $2",
        session_id,
        position,
    )
    if lookup_id is None:
        raise MovieNotFoundError(f"There is no movie at position {position} of this session.")
    return lookup_id


async def _tell(connection: Connection, session_id: UUID) -> None:
    await connection.execute("select pg_notify($1, $2)", Channel.SESSION_PROGRESS, str(session_id))
