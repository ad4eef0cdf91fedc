"""Deletion of orphaned lookups, safe while uploads are in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.models import UPLOADS_LOCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection


async def delete_orphans(database: Database, lookup_ids: Sequence[int]) -> int:
    """Delete the orphaned ones of these lookups; return how many.

    Orphaned is what has no movie and is not pinned. An upload in progress may be about to list
    them: then nothing is deleted, and the daemon's tick tries again. Locked lookups are skipped.
    """

    async def work(connection: Connection) -> int:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", UPLOADS_LOCK):
            return 0
        return await _delete(connection, lookup_ids)

    return await database.transact(work)


async def delete_orphans_within(
    connection: Connection, lookup_ids: Sequence[int], patience: timedelta
) -> int:
    """Delete as `delete_orphans` does, but wait so long for uploads in progress to end.

    Without waiting it would never succeed while uploads overlap. Uploads that begin meanwhile
    queue behind it, so its patience is also the longest delay of any of them.

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
