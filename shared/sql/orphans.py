"""Deleting lookups that no session lists, without harming an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.models import UPLOADS_LOCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from shared.postgres.database import Connection, Database


async def delete_unlisted(database: Database, lookup_ids: Sequence[int]) -> int:
    """Delete those of these lookups that have no movie and are not kept; how many that were.

    Gives way to an upload in progress (it may be about to list them) by deleting nothing: the
    daemon's tick comes back to them. A lookup that somebody holds is somebody's, and skipped.
    """

    async def work(connection: Connection) -> int:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", UPLOADS_LOCK):
            return 0
        return await _delete(connection, lookup_ids)

    return await database.transact(work)


async def delete_unlisted_within(
    connection: Connection, lookup_ids: Sequence[int], patience: timedelta
) -> int:
    """Delete as `delete_unlisted` does, but wait for uploads in progress to end, if only so long.

    Whoever only tries never succeeds while uploads overlap. Those that come meanwhile queue behind
    this one, so its patience is also the longest that any of them is held up.

    Args:
        connection: in a transaction, whose `lock_timeout` is the patience from here on.
        lookup_ids: which; without any nobody is waited for.
        patience: how long an upload may go on.

    Raises:
        LockNotAvailableError: uploads were in progress all the time.
    """
    if not lookup_ids:
        return 0
    await connection.execute("select set_config('lock_timeout', $1, true)", _milliseconds(patience))
    await connection.execute("select pg_advisory_xact_lock($1)", UPLOADS_LOCK)
    return await _delete(connection, lookup_ids)


async def _delete(connection: Connection, lookup_ids: Sequence[int]) -> int:
    held = await connection.fetch(
        """
        select id
        from lookups
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        lookup_ids,
    )
    # A statement of its own, so that it sees what was committed before the lock was ours.
    deleted = await connection.fetch(
        """
        delete from lookups
        where id = any($1::bigint[])
          and not kept
          and not exists (select from movies where lookup_id = lookups.id)
        returning id
        """,
        [row["id"] for row in held],
    )
    return len(deleted)


def _milliseconds(time: timedelta) -> str:
    return f"{time.total_seconds() * 1000:.0f}ms"
