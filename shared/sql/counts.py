"""How a session's counts follow its lookups, exactly: one piece of SQL for all who change outcomes.

The caller holds the lookups FOR UPDATE, which keeps uploads from adding movies to them (a movie's
foreign key takes KEY SHARE), and every statement here is one of its own, so that under READ
COMMITTED it sees what was committed while that lock was waited for.

Counts have a row of their own, one a session, and each change of them takes the next `n`. The row
in `sessions` is the mutex: who changes counts holds it, which writes no version of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import SessionNotFoundError
from shared.models import Channel, Outcome, SessionStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """One lookup's outcome before and after; None is pending."""

    lookup_id: int
    before: Outcome | None
    after: Outcome | None


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """A session's counts after a change."""

    session_id: UUID
    total: int
    enriched: int
    not_found: int
    failed: int

    @property
    def ended(self) -> int:
        """Movies that have an outcome."""
        return self.enriched + self.not_found + self.failed

    @property
    def status(self) -> SessionStatus:
        """Whether any movie has no outcome yet."""
        return SessionStatus.COMPLETED if self.ended == self.total else SessionStatus.ENRICHING


def counts_of(row: asyncpg.Record) -> SessionCounts:
    """Return the counts in a row of `session_counts`."""
    return SessionCounts(
        row["session_id"], row["total"], row["enriched"], row["not_found"], row["failed"]
    )


async def move_counts(
    connection: Connection, changes: Sequence[OutcomeChange]
) -> list[SessionCounts]:
    """Move every session that lists these lookups from the old outcomes to the new ones.

    Sends `session_progress` for each. Locks the sessions in id order.
    """
    if not changes:
        return []
    ids = [change.lookup_id for change in changes]
    # A plan for any number of lookups may else read all counts, dead versions too, to move a few.
    await connection.execute("set local enable_seqscan = off")
    await connection.execute(
        """
        select 1
        from sessions
        where id in (select session_id from movies where lookup_id = any($1::bigint[]))
        order by id
        for no key update
        """,
        ids,
    )
    rows = await connection.fetch(
        """
        with change as (
          select *
          from unnest($1::bigint[], $2::text[], $3::text[]) as c (lookup_id, before, after)
        ),
        moved as (
          select
            session_id,
            count(*) filter (where after = 'found')
              - count(*) filter (where before = 'found') as enriched,
            count(*) filter (where after = 'not_found')
              - count(*) filter (where before = 'not_found') as not_found,
            count(*) filter (where after = 'failed')
              - count(*) filter (where before = 'failed') as failed
          from change
          join movies using (lookup_id)
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
        ids,
        [change.before for change in changes],
        [change.after for change in changes],
        Channel.SESSION_PROGRESS,
    )
    return [counts_of(row) for row in rows]


async def recount(connection: Connection, session_id: UUID) -> SessionCounts:
    """Set a session's counts to what a join says, holding the session first.

    Raises:
        SessionNotFoundError: it is gone.

    A completion that is under way holds its lookups and waits for the session; it moves the
    counts from what it read, the old outcome, which is also what is counted here.
    """
    await connection.execute(
        "select 1 from sessions where id = $1 for no key update",
        session_id,
    )
    row = await connection.fetchrow(
        """
        with counted as (
          select
            count(*) as total,
            count(*) filter (where outcome = 'found') as enriched,
            count(*) filter (where outcome = 'not_found') as not_found,
            count(*) filter (where outcome = 'failed') as failed
          from movies
          join lookups on lookups.id = movies.lookup_id
          where session_id = $1
        )
        update session_counts c
        set
          n = c.n + 1,
          total = counted.total,
          enriched = counted.enriched,
          not_found = counted.not_found,
          failed = counted.failed
        from counted
        where c.ctid = (select version from current_counts($1))
        returning c.session_id, c.total, c.enriched, c.not_found, c.failed
        """,
        session_id,
    )
    if row is None:
        raise SessionNotFoundError("It was deleted meanwhile.")
    return counts_of(row)
