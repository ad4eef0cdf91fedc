"""Who fills the queue, and holding sessions: their films get no turn until they are released."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from shared.models import HELD_TURN, HELD_YEARS, Channel
from shared.sql.requeue import bring_forward

if TYPE_CHECKING:
    import asyncpg

    from shared.postgres.database import Database

NAMED_DIGITS = 8
"""Of a session's id, by which logs name it, too."""
_PROOF_DIGITS = 16
_PASSES = 10
"""Over lookups that somebody holds at the moment; what is left then is found by doing it again."""
_PAUSE_SECONDS = 0.1
_PAGE = 2_000
"""Movies whose lookups lose their turns in one statement."""


@dataclass(frozen=True, slots=True)
class QueuedSession:
    """A session that waits, without the id by which it could be read."""

    id: UUID
    client: str | None


def handle_of(session_id: UUID) -> str:
    """Return what an operator calls a session: its first digits, and some of a digest of its id.

    Whoever has it can hold and delete the session by the admin token, but cannot read it.
    """
    digest = hashlib.sha256(str(session_id).encode()).hexdigest()
    return f"{str(session_id)[:NAMED_DIGITS]}-{digest[:_PROOF_DIGITS]}"


class HoldStorage:
    """Reads who waits, and holds and releases sessions.

    Each statement is a transaction of its own. A lookup that another session lists, too, is not
    held: whoever lists a held one gives it a turn (`bring_forward`), as one that is queued late.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self, limit: int) -> list[asyncpg.Record]:
        """Return the sessions with the most films without an outcome, the largest first.

        One that is held is among them when all of its films have ended, too.
        """
        return await self._database.fetch(
            """
            select
              id, client, created_at, held_at, total, waiting,
              (
                select max(uploaded_at) from upload_reports where session_id = largest.id
              ) as uploaded_at
            from (
              select
                id, client, created_at, held_at, total,
                total - enriched - not_found - failed as waiting
              from sessions
              cross join lateral current_counts(sessions.id)
              where completed_at is null or held_at is not null
              order by waiting desc, created_at
              limit $1
            ) as largest
            order by waiting desc, created_at
            """,
            limit,
        )

    async def clients(self, limit: int) -> list[asyncpg.Record]:
        """Return the clients whose sessions have the most films without an outcome."""
        return await self._database.fetch(
            """
            select
              client,
              count(*) as sessions,
              count(held_at) as held,
              sum(total - enriched - not_found - failed)::bigint as waiting,
              min(created_at) as first_created_at
            from sessions
            cross join lateral current_counts(sessions.id)
            where completed_at is null or held_at is not null
            group by client
            order by waiting desc, first_created_at
            limit $1
            """,
            limit,
        )

    async def find(self, handle: str) -> list[QueuedSession]:
        """Return the session that waits or is held and has this handle, or none."""
        first = handle[:NAMED_DIGITS]
        rows = await self._database.fetch(
            """
            select id, client
            from sessions
            where id between $1 and $2 and (completed_at is null or held_at is not null)
            """,
            UUID(f"{first}{'0' * 24}"),
            UUID(f"{first}{'f' * 24}"),
        )
        return [QueuedSession(**row) for row in rows if handle_of(row["id"]) == handle]

    async def of_client(self, client: str) -> list[QueuedSession]:
        """Return the sessions of a client that wait or are held, the oldest first."""
        rows = await self._database.fetch(
            """
            select id, client
            from sessions
            where client = $1 and (completed_at is null or held_at is not null)
            order by created_at, id
            """,
            client,
        )
        return [QueuedSession(**row) for row in rows]

    async def hold(self, session_id: UUID) -> None:
        """Take the turns from what only held sessions list; what is in flight ends.

        Again, it takes them from what has been queued for the session meanwhile.
        """
        await self._database.fetch(
            """
            with held as (
              update sessions
              set held_at = coalesce(held_at, clock_timestamp())
              where id = $1
              returning id
            )
            select pg_notify($2, id::text) from held
            """,
            session_id,
            Channel.SESSION_PROGRESS,
        )
        others: set[UUID] = set()
        for _ in range(_PASSES):
            others |= await self._take_turns(session_id)
            if not await self._has_turns(session_id):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        for other in others:
            await bring_forward(self._database, other)

    async def _take_turns(self, session_id: UUID) -> set[UUID]:
        """Take those that are free, a page after the other; sessions that have come to list them.

        Who listed a film while it lost its turn may have looked before that was committed.
        """
        others: set[UUID] = set()
        after = 0
        while True:
            page = await self._database.fetch(
                """
                select position, lookup_id
                from movies
                where session_id = $1 and position > $2
                order by position
                limit $3
                """,
                session_id,
                after,
                _PAGE,
            )
            if not page:
                return others
            after = page[-1]["position"]
            # The subquery's limit keeps the planner from joining all movies with all sessions.
            held = await self._database.fetch(
                """
                with free as (
                  select id
                  from lookups
                  where id = any($1::bigint[])
                    and outcome is null
                    and due_at is not null
                    and claimed_by is null
                    and turn < $2
                    and (
                      select true
                      from movies
                      join sessions on sessions.id = movies.session_id
                      where lookup_id = lookups.id and held_at is null
                      limit 1
                    ) is null
                  order by id
                  for no key update skip locked
                )
                update lookups
                set turn = $2, due_at = clock_timestamp() + make_interval(years => $3)
                from free
                where lookups.id = free.id
                returning lookups.id
                """,
                [row["lookup_id"] for row in page],
                HELD_TURN,
                HELD_YEARS,
            )
            listed = await self._database.fetch(
                """
                select distinct sessions.id
                from movies
                join sessions on sessions.id = movies.session_id
                where lookup_id = any($1::bigint[]) and held_at is null
                """,
                [row["id"] for row in held],
            )
            others |= {row["id"] for row in listed}

    async def _has_turns(self, session_id: UUID) -> bool:
        """Whether anything of the session alone has a turn, because somebody held its row."""
        return bool(
            await self._database.fetchval(
                """
                select true
                from movies as mine
                join lookups on lookups.id = mine.lookup_id
                where mine.session_id = $1
                  and outcome is null
                  and due_at is not null
                  and claimed_by is null
                  and turn < $2
                  and (
                    select true
                    from movies
                    join sessions on sessions.id = movies.session_id
                    where lookup_id = lookups.id and held_at is null
                    limit 1
                  ) is null
                limit 1
                """,
                session_id,
                HELD_TURN,
            )
        )

    async def release(self, session_id: UUID) -> bool:
        """Give its films turns as if it had been uploaded now; whether it was held."""
        was_held = await self._database.fetchval(
            """
            with released as (
              update sessions
              set held_at = null
              where id = $1 and held_at is not null
              returning id
            )
            select pg_notify($2, id::text) is not null from released
            """,
            session_id,
            Channel.SESSION_PROGRESS,
        )
        # Also where it was not, so that doing it again mends what a first try has not come to.
        for _ in range(_PASSES):
            await bring_forward(self._database, session_id)
            if not await self._has_held_films(session_id):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        return bool(was_held)

    async def _has_held_films(self, session_id: UUID) -> bool:
        return bool(
            await self._database.fetchval(
                """
                select exists (
                  select
                  from movies
                  join lookups on lookups.id = lookup_id
                  where session_id = $1 and turn = $2 and due_at is not null
                )
                """,
                session_id,
                HELD_TURN,
            )
        )
