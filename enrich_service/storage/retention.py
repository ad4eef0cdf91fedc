"""What is no longer needed goes: unread sessions, lookups that nobody lists, unused records."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.unlisted import delete_unlisted

if TYPE_CHECKING:
    from shared.database import Connection, Database

SWEEP_LOOKUPS = 500
"""Lookups that are looked at in one go, or deleted in one transaction."""


class RetentionStorage:
    """Deletes in small batches, and gives way to whoever is at work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._swept_to = 0
        """The last lookup that the sweep through all of them has looked at."""

    async def forget_unread(self, days: int) -> bool:
        """Delete the session that nobody has read for longest; whether there was one.

        Args:
            days: for which it must have been unread.

        Its lookups that nobody else lists go with it, whatever their outcome. Should that be cut
        short, the sweep finds them.
        """

        async def work(connection: Connection) -> list[int] | None:
            session_id = await connection.fetchval(
                """
                select id
                from sessions
                where read_at < clock_timestamp() - $1::interval
                order by read_at
                limit 1
                for update skip locked
                """,
                timedelta(days=days),
            )
            if session_id is None:
                return None
            rows = await connection.fetch(
                "select distinct lookup_id from movies where session_id = $1", session_id
            )
            await connection.execute("delete from sessions where id = $1", session_id)
            return [row["lookup_id"] for row in rows]

        lookup_ids = await self._database.transact(work)
        if lookup_ids is None:
            return False
        for start in range(0, len(lookup_ids), SWEEP_LOOKUPS):
            await delete_unlisted(self._database, lookup_ids[start : start + SWEEP_LOOKUPS])
        return True

    async def sweep_queue(self) -> int:
        """Delete lookups near the head of the queue that no session lists any more.

        Deleting a session takes its own lookups away; this finds what it had to leave because an
        upload was in progress. How many it deleted.
        """
        unlisted = await self._database.fetch(
            """
            select id
            from (
              select id
              from lookups
              where due_at is not null and outcome is null and not kept
              order by turn, id
              limit $1
            ) as head
            where not exists (select from movies where lookup_id = head.id)
            """,
            SWEEP_LOOKUPS,
        )
        return await self._delete([row["id"] for row in unlisted])

    async def sweep_answers(self, days: int) -> int:
        """Delete old answers that no session lists any more, among the next few of all lookups.

        Until then they are kept, because a film that somebody had is likely to be asked for again.
        Goes round and round; how many it deleted this time.

        Args:
            days: for which an answer is kept at least.
        """
        rows = await self._database.fetch(
            """
            select
              id,
              answered_at < clock_timestamp() - $3::interval
                and not kept
                and not exists (select from movies where lookup_id = portion.id) as unlisted
            from (
              select id, answered_at, kept
              from lookups
              where id > $1
              order by id
              limit $2
            ) as portion
            """,
            self._swept_to,
            SWEEP_LOOKUPS,
            timedelta(days=days),
        )
        self._swept_to = max((row["id"] for row in rows), default=0)
        return await self._delete([row["id"] for row in rows if row["unlisted"]])

    async def drop_records(self, days: int) -> int:
        """Delete a few records that are older than `days` and that no lookup refers to."""
        return len(
            await self._database.fetch(
                """
                delete from catalogue
                where tmdb_id in (
                  select tmdb_id
                  from catalogue
                  where fetched_at < clock_timestamp() - $1::interval
                    and not exists (select from lookups where tmdb_id = catalogue.tmdb_id)
                  order by fetched_at
                  limit $2
                  for update skip locked
                )
                returning tmdb_id
                """,
                timedelta(days=days),
                SWEEP_LOOKUPS,
            )
        )

    async def _delete(self, lookup_ids: list[int]) -> int:
        return await delete_unlisted(self._database, lookup_ids) if lookup_ids else 0
