"""Deleting lookups that no session lists, without harming an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.models import UPLOADS_LOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Connection, Database


async def delete_unlisted(database: Database, lookup_ids: Sequence[int]) -> int:
    """Delete those of these lookups that have no movie and are not kept; how many that were.

    Gives way to an upload in progress (it may be about to list them) by deleting nothing: the
    daemon's tick comes back to them. A lookup that somebody holds is somebody's, and skipped.
    """

    async def work(connection: Connection) -> int:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", UPLOADS_LOCK):
            return 0
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

    return await database.transact(work)
