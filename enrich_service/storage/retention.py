"""Pruning: unread sessions, orphaned lookups and unused records."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg

from shared.models import HELD_TURN
from shared.sql.orphans import delete_orphans, delete_orphans_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection

KEPT_SLOTS = 10_000
"""Slots that are kept beside as many as the limit.

So many that a taker whose statement stood still until its number was free again finds its slots
expired, too.
"""
FORGOTTEN_CLIENTS = 1_000
"""Sessions whose client is forgotten in one go."""
PRUNED_GRANTS = 10_000
"""Grants of turns that are deleted in one go."""
SWEEP_LOOKUPS = 500
"""Lookups that are looked at in one go, or deleted in one transaction."""
PATIENCE = timedelta(seconds=0.25)
"""For so long a sweep that has something to delete waits for uploads to end. Those that come
meanwhile wait no longer; and without any patience uploads that overlap would starve the sweep."""


class RetentionStorage:
    """Deletes in small batches, and gives way to whoever is at work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._left: list[int] = []
        """Lookups of a forgotten session that are still to be deleted if nobody else lists them."""
        self._held_to = 0
        """The last lookup of held lists that was looked at in this round of them."""
        self._grants_pruned_to = 0
        """The last turn of the last grant that was deleted; as with slots."""
        self._pruned_to = 0
        """Slots up to this one were deleted: what a snapshot keeps of them is not read again."""

    async def expire_unread(self, days: int) -> bool:
        """Delete the session that nobody has read for longest; whether there was one.

        Args:
            days: for which it must have been unread.

        Its lookups that nobody else lists go after it, a batch at a time, whatever their outcome.
        Where that was cut short, the next call goes on with it; where the daemon ended, the sweeps
        find them.
        """
        if not self._left:
            lookup_ids = await self._delete_unread(days)
            if lookup_ids is None:
                return False
            self._left = lookup_ids
        while self._left:
            await delete_orphans(self._database, self._left[:SWEEP_LOOKUPS])
            del self._left[:SWEEP_LOOKUPS]
        return True

    async def _delete_unread(self, days: int) -> list[int] | None:
        """Delete the session that nobody has read for longest: its lookups, None without one."""

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

        return await self._database.transact(work)

    async def prune_queue(self) -> int:
        """Delete lookups near the head of the queue that no session lists any more.

        Deleting a session takes its own lookups away; this finds what it had to leave because an
        upload was in progress. Those of held lists are gone through a part at a time, for they do
        not advance. How many it deleted.
        """
        looked_at = await self._database.fetch(
            """
            select
              id,
              is_held,
              not exists (select from movies where lookup_id = head.id) as is_orphan
            from (
              (
                select id, false as is_held
                from lookups
                where due_at is not null and outcome is null and not kept and turn <> $2
                order by turn, id
                limit $1
              )
              union all
              (
                select id, true
                from lookups
                where due_at is not null and outcome is null and turn = $2 and id > $3
                order by id
                limit $1
              )
            ) as head
            """,
            SWEEP_LOOKUPS,
            HELD_TURN,
            self._held_to,
        )
        held = [row["id"] for row in looked_at if row["is_held"]]
        self._held_to = max(held) if len(held) == SWEEP_LOOKUPS else 0
        unlisted = [row for row in looked_at if row["is_orphan"]]
        if not unlisted:
            return 0

        async def work(connection: Connection) -> int:
            if await _hold_position(connection) is None:
                return 0
            return await delete_orphans_within(
                connection, [row["id"] for row in unlisted], PATIENCE
            )

        return await self._giving_way(work)

    async def prune_answers(self, days: int) -> int:
        """Delete old answers that no session lists any more, among the next few of all lookups.

        Until then they are kept, because a film that somebody had is likely to be asked for again.
        Goes round and round, one daemon at a time, from where the last one came to; how many it
        deleted this time. Where uploads were in progress for too long it comes to the same again.

        Args:
            days: for which an answer is kept at least.
        """

        async def work(connection: Connection) -> int:
            swept_to = await _hold_position(connection)
            if swept_to is None:
                return 0
            rows = await connection.fetch(
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
                swept_to,
                SWEEP_LOOKUPS,
                timedelta(days=days),
            )
            unlisted = [row["id"] for row in rows if row["unlisted"]]
            deleted = await delete_orphans_within(connection, unlisted, PATIENCE)
            await connection.execute(
                "update orphan_sweep set swept_to = $1", max((row["id"] for row in rows), default=0)
            )
            return deleted

        return await self._giving_way(work)

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

    async def expire_clients(self, days: int) -> int:
        """Forget whose the sessions are that nothing was uploaded to since; how many these are.

        They stay as they are, but count for nobody. Grants go when the clock has passed them.

        Args:
            days: for which a session says whose it is.
        """
        return len(
            await self._database.fetch(
                """
                update sessions
                set client = null
                where id = any(array(
                  select id
                  from sessions
                  where client is not null
                    and created_at < clock_timestamp() - $1::interval
                    and not exists (
                      select
                      from upload_reports
                      where session_id = sessions.id
                        and uploaded_at >= clock_timestamp() - $1::interval
                    )
                  order by created_at
                  limit $2
                  for no key update skip locked
                ))
                returning id
                """,
                timedelta(days=days),
                FORGOTTEN_CLIENTS,
            )
        )

    async def prune_grants(self) -> None:
        """Delete grants of turns that the clock has passed; one that is being settled stays.

        What ends below the last one that was deleted, because it was held or cut since, goes after
        a restart.
        """
        self._grants_pruned_to = await self._database.fetchval(
            """
            with pruned as (
              delete from queue_grants
              where id = any(array(
                select id
                from queue_grants
                where last_turn >= $1 and last_turn <= (select max(turn) from virtual_times)
                order by last_turn
                limit $2
                for update skip locked
              ))
              returning last_turn
            )
            select coalesce(max(last_turn), $1) from pruned
            """,
            self._grants_pruned_to,
            PRUNED_GRANTS,
        )

    async def _giving_way(self, sweep: Callable[[Connection], Awaitable[int]]) -> int:
        """Run a sweep in a transaction; nothing is deleted where uploads did not end in time."""
        try:
            return await self._database.transact(sweep)
        except asyncpg.LockNotAvailableError:
            return 0

    async def prune_slots(self, limit: int) -> None:
        """Delete slots that are older than any which a window of this limit, or a larger, needs."""
        self._pruned_to = await self._database.fetchval(
            """
            with last as materialized (
              select coalesce(max(n), 0) - $2::bigint as n
              from request_slots
            ),
            pruned as (
              delete from request_slots
              where n > $1 and n <= (select n from last)
            )
            select n from last
            """,
            self._pruned_to,
            limit + KEPT_SLOTS,
        )


async def _hold_position(connection: Connection) -> int | None:
    """The last lookup that the sweep through all of them has looked at.

    Held until the transaction ends, so that one daemon sweeps at a time; None while another does.
    """
    position: int | None = await connection.fetchval(
        "select swept_to from orphan_sweep for no key update skip locked"
    )
    return position
