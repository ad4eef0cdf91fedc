"""Sessions as the daemon sees them: forcing, and the tick that mends what should be true."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import SessionNotFoundError
from shared.models import HELD_TURN, Channel
from shared.sql.counts import recount
from shared.sql.requeue import bring_forward, reopen_session

if TYPE_CHECKING:
    from uuid import UUID

    from shared.postgres.database import Connection, Database

RECONCILED_SESSIONS = 5


class SessionStorage:
    """Keeps sessions and their lookups true to each other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> int:
        """How many sessions are not complete."""
        return int(
            await self._database.fetchval(
                "select count(*) from sessions where completed_at is null"
            )
        )

    async def force(self, session_id: UUID) -> int:
        """Queue again what was not found or failed in a session; how many lookups that were."""
        return await reopen_session(self._database, session_id)

    async def reconcile(self) -> list[UUID]:
        """Mend a few enriching sessions whose lookups all have outcomes, or wait for nothing.

        Those are unqueued, or still have the turn of a list that was held when another came to
        list them. A healthy session's last movies are the last to be looked up, so the search from
        its end finds something queued at once. One whose rows somebody holds waits for a later
        tick.
        """
        broken = await self._database.fetch(
            """
            select id
            from (
              select id, held_at
              from sessions
              where completed_at is null
              order by random()
              limit $1
            ) as chosen
            left join lateral (
              select due_at, turn
              from movies
              join lookups on lookups.id = movies.lookup_id
              where session_id = chosen.id and outcome is null
              order by position desc
              limit 1
            ) as pending on true
            where pending.due_at is null or (pending.turn = $2 and chosen.held_at is null)
            """,
            RECONCILED_SESSIONS,
            HELD_TURN,
        )
        reconciled = []
        for row in broken:
            # It was deleted meanwhile, or somebody holds it.
            with contextlib.suppress(SessionNotFoundError, asyncpg.LockNotAvailableError):
                await self._reconcile(row["id"])
                await bring_forward(self._database, row["id"])
                reconciled.append(row["id"])
        return reconciled

    async def _reconcile(self, session_id: UUID) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute("set local lock_timeout = '1s'")
            await connection.fetch(
                """
                with lost as (
                  select lookups.id
                  from lookups
                  where outcome is null
                    and due_at is null
                    and id in (select lookup_id from movies where session_id = $1)
                  order by lookups.id
                  for no key update
                ),
                queued as (
                  update lookups
                  set
                    due_at = clock_timestamp(),
                    turn = (select max(turn) from virtual_times)
                  from lost
                  where lookups.id = lost.id
                  returning turn
                )
                select pg_notify($2, min(turn)::text) from queued having count(*) > 0
                """,
                session_id,
                Channel.NEW_WORK,
            )
            await recount(connection, session_id)
            await connection.execute(
                "select pg_notify($1, $2)", Channel.SESSION_PROGRESS, str(session_id)
            )

        await self._database.transact(work)
