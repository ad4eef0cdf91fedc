"""Asking again: setting outcomes back to pending, and moving lookups up to a session's turns."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from shared.models import HELD_TURN, Channel, Outcome
from shared.sql.counts import OutcomeChange, move_counts
from shared.sql.turn_grants import client_of, granted_turns, next_base, settle_grant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Connection, Database
    from shared.sql.turn_grants import Grant

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
    left: Sequence[asyncpg.Record] = await database.fetch(
        """
        select lookups.id, answered_at, row_number() over (order by min(position)) as place
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1
          and ($3::bigint is null or lookups.id = $3)
          and claimed_by is null
          and (
            outcome = 'failed'
            or outcome = 'not_found'
            and ($2::interval is null or answered_at < clock_timestamp() - $2)
          )
        group by lookups.id
        """,
        session_id,
        not_found_for,
        lookup_id,
    )
    if not left:
        return 0
    client = await client_of(database, session_id)
    reopened = 0
    async with granted_turns(database, client, len(left)) as grant:
        for number in range(_PASSES):
            if not left:
                break
            if number > 0:
                await asyncio.sleep(_PAUSE_SECONDS)
            count, left = await database.transact(
                partial(
                    _reopen_what_is_free,
                    session_id=session_id,
                    wanted=left,
                    traceparent=traceparent,
                    grant=grant,
                )
            )
            reopened += count
        if not reopened:
            await database.transact(
                lambda connection: settle_grant(connection, grant, session_id, None)
            )
    if left:
        log.warning("reopening_incomplete", session_id=str(session_id), left=len(left))
    return reopened


async def _reopen_what_is_free(
    connection: Connection,
    *,
    session_id: UUID,
    wanted: Sequence[asyncpg.Record],
    traceparent: str | None,
    grant: Grant | None,
) -> tuple[int, Sequence[asyncpg.Record]]:
    """One pass: how many lookups were reopened, and those that were held by others.

    What has got another answer since it was found wanting is done: it is not asked again. Each has
    the turn of its place, in whichever pass, so that none is given twice.
    """
    ids = [row["id"] for row in wanted]
    answers = [row["answered_at"] for row in wanted]
    places = [row["place"] for row in wanted]
    held = await connection.fetch(
        """
        select lookups.id, outcome, place
        from lookups
        join unnest($2::bigint[], $3::timestamptz[], $4::bigint[])
          as wanted (id, answered_at, place)
          on lookups.id = wanted.id and lookups.answered_at = wanted.answered_at
        where lookups.id in (select lookup_id from movies where session_id = $1)
          and claimed_by is null
        order by lookups.id
        for update of lookups skip locked
        """,
        session_id,
        ids,
        answers,
        places,
    )
    if held:
        await move_counts(
            connection, [OutcomeChange(row["id"], Outcome(row["outcome"]), None) for row in held]
        )
        # Every lookup whose counts were moved, even if the session is being deleted meanwhile.
        await connection.fetch(
            """
            with queued as (
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
                turn = coalesce($5, (select max(turn) from virtual_times)) + place,
                traceparent = $3
              from unnest($1::bigint[], $2::bigint[]) as held (id, place)
              where lookups.id = held.id
              returning turn
            )
            select pg_notify($4, min(turn)::text) from queued having count(*) > 0
            """,
            [row["id"] for row in held],
            [row["place"] for row in held],
            traceparent,
            Channel.NEW_WORK,
            grant.base if grant else None,
        )
        await settle_grant(connection, grant, session_id, grant.last_turn if grant else None)
    left = await connection.fetch(
        """
        select lookups.id, lookups.answered_at, place
        from lookups
        join unnest($2::bigint[], $3::timestamptz[], $4::bigint[])
          as wanted (id, answered_at, place)
          on lookups.id = wanted.id and lookups.answered_at = wanted.answered_at
        where lookups.id in (select lookup_id from movies where session_id = $1)
          and claimed_by is null
        """,
        session_id,
        ids,
        answers,
        places,
    )
    return len(held), left


async def bring_forward(
    database: Database, session_id: UUID, *, lookup_id: int | None = None
) -> None:
    """Give queued lookups of a session the turns that it would have got by queueing them now.

    For lookups that another session queued with later turns, or that were held. In a transaction of
    its own, after the upload's commit, and skipping what others lock: inside the upload it would
    deadlock with completions.

    Args:
        database: where the session is.
        session_id: whose lookups.
        lookup_id: only this one of its lookups.
    """
    client = await client_of(database, session_id)
    # So that a list which waits asks for no grant.
    base = await next_base(database, client)
    later = await database.fetch(
        """
        with wanted as (
          select lookup_id, row_number() over (order by min(position)) as place
          from movies
          join lookups on lookups.id = movies.lookup_id
          where session_id = $1 and outcome is null and ($2::bigint is null or lookup_id = $2)
          group by lookup_id
        )
        select id, place
        from lookups
        join wanted on lookups.id = wanted.lookup_id
        where due_at is not null
          and claimed_by is null
          and turn > $3 + place
          -- The turns of a list that is held are its operator's.
          and not exists (select from sessions where id = $1 and held_at is not null)
        """,
        session_id,
        lookup_id,
        base,
    )
    if not later:
        return
    async with granted_turns(database, client, max(row["place"] for row in later)) as grant:
        await database.transact(
            partial(_move_forward, session_id=session_id, later=later, grant=grant)
        )


async def _move_forward(
    connection: Connection,
    *,
    session_id: UUID,
    later: Sequence[asyncpg.Record],
    grant: Grant | None,
) -> None:
    """Move what is free and still later than its place after the grant's base."""
    moved = await connection.fetchrow(
        """
        with later as (
          select
            id,
            coalesce($3, (select max(turn) from virtual_times)) + place as better_turn,
            turn = $5 as was_held
          from lookups
          join unnest($1::bigint[], $2::bigint[]) as wanted (lookup_id, place)
            on lookups.id = wanted.lookup_id
          where outcome is null
            and due_at is not null
            and claimed_by is null
            and turn > coalesce($3, (select max(turn) from virtual_times)) + place
            and not exists (select from sessions where id = $6 and held_at is not null)
          order by id
          for no key update of lookups skip locked
        ),
        moved as (
          update lookups
          set
            turn = better_turn,
            due_at = case when was_held then clock_timestamp() else due_at end
          from later
          where lookups.id = later.id
          returning turn
        )
        select pg_notify($4, min(turn)::text) from moved having count(*) > 0
        """,
        [row["id"] for row in later],
        [row["place"] for row in later],
        grant.base if grant else None,
        Channel.NEW_WORK,
        HELD_TURN,
        session_id,
    )
    await settle_grant(connection, grant, session_id, grant.last_turn if grant and moved else None)
