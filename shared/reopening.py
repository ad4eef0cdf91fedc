"""Asking again: setting outcomes back to pending, and moving lookups up to a session's turns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from shared.models import Channel, Outcome
from shared.session_counts import OutcomeChange, move_counts

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from shared.database import Connection, Database

_PASSES = 100
_PAUSE_SECONDS = 0.1

log = structlog.get_logger(__name__)


async def reopen_session(
    database: Database,
    session_id: UUID,
    traceparent: str | None = None,
    *,
    not_found_for: timedelta | None = None,
    lookup_id: int | None = None,
) -> int:
    """Queue again what failed or was not found in a session; every session that lists it moves.

    What somebody holds is skipped and tried again, so that nothing is waited for while locks are
    held: this cannot deadlock with uploads and completions. What is claimed is left alone.

    Args:
        database: where the session is.
        session_id: whose lookups.
        traceparent: of the request by which they are asked again.
        not_found_for: only what was not found at least so long ago; what failed, always.
        lookup_id: only this one of its lookups.

    Returns:
        How many lookups were queued again.
    """
    reopened = 0
    for _ in range(_PASSES):
        count, left = await database.transact(
            lambda connection: _reopen_what_is_free(
                connection, session_id, traceparent, not_found_for, lookup_id
            )
        )
        reopened += count
        if left == 0:
            return reopened
        await asyncio.sleep(_PAUSE_SECONDS)
    log.warning("reopening_incomplete", session_id=str(session_id), left=left)
    return reopened


async def _reopen_what_is_free(
    connection: Connection,
    session_id: UUID,
    traceparent: str | None,
    not_found_for: timedelta | None,
    lookup_id: int | None,
) -> tuple[int, int]:
    """One pass: how many lookups were reopened, and how many were held by others."""
    held = await connection.fetch(
        """
        select id, outcome
        from lookups
        where id in (select lookup_id from movies where session_id = $1)
          and ($3::bigint is null or id = $3)
          and claimed_by is null
          and (
            outcome = 'failed'
            or outcome = 'not_found'
            and ($2::interval is null or answered_at < clock_timestamp() - $2)
          )
        order by id
        for update skip locked
        """,
        session_id,
        not_found_for,
        lookup_id,
    )
    if held:
        await move_counts(
            connection, [OutcomeChange(row["id"], Outcome(row["outcome"]), None) for row in held]
        )
        # Every lookup whose counts were moved, even if the session is being deleted meanwhile.
        await connection.execute(
            """
            with wanted as (
              select held.id, row_number() over (order by min(position)) as place
              from unnest($2::bigint[]) as held (id)
              left join movies on session_id = $1 and lookup_id = held.id
              group by held.id
            )
            update lookups
            set
              outcome = null,
              reason = null,
              tmdb_id = null,
              confidence = null,
              candidates = null,
              answered_at = null,
              attempts = 0,
              due_at = clock_timestamp(),
              turn = (select virtual_time from queue_clock) + place,
              traceparent = $3
            from wanted
            where lookups.id = wanted.id
            """,
            session_id,
            [row["id"] for row in held],
            traceparent,
        )
        await connection.execute("select pg_notify($1, $2)", Channel.NEW_WORK, str(session_id))
    left = await connection.fetchval(
        """
        select count(*)
        from movies
        join lookups on lookups.id = movies.lookup_id
        where session_id = $1
          and ($3::bigint is null or lookup_id = $3)
          and claimed_by is null
          and (
            outcome = 'failed'
            or outcome = 'not_found'
            and ($2::interval is null or answered_at < clock_timestamp() - $2)
          )
        """,
        session_id,
        not_found_for,
        lookup_id,
    )
    return len(held), left


async def bring_forward(database: Database, session_id: UUID) -> None:
    """Give queued lookups of a session the turns that it would have got by queueing them now.

    For lookups that another session queued with later turns. In a transaction of its own, after
    the upload's commit, and skipping what is held: inside the upload it would deadlock with
    completions.
    """
    await database.fetchval(
        """
        with wanted as (
          select lookup_id, row_number() over (order by min(position)) as place
          from movies
          join lookups on lookups.id = movies.lookup_id
          where session_id = $1 and outcome is null
          group by lookup_id
        ),
        later as (
          select id, (select virtual_time from queue_clock) + place as better_turn
          from lookups
          join wanted on lookups.id = wanted.lookup_id
          where due_at is not null
            and claimed_by is null
            and turn > (select virtual_time from queue_clock) + place
          order by id
          for no key update of lookups skip locked
        )
        update lookups
        set turn = better_turn
        from later
        where lookups.id = later.id
        """,
        session_id,
    )
