"""The queue's clocks: tables that are appended to, read at their young end, and pruned here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.postgres.database import Database


class ClockStorage:
    """Prunes what the clocks have passed.

    Each time from where the last time ended, for what was deleted before stays in the index as long
    as anybody's snapshot needs it. The few that are appended below that go after a restart.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pruned = {"virtual_times": 0, "retry_turns": 0, "background_shares": 0}

    async def prune(self) -> int:
        """Delete all but the newest of each; how many."""
        row = await self._database.fetchrow(
            """
            with passed_times as (
              delete from virtual_times
              where turn >= $1 and turn < (select max(turn) from virtual_times)
              returning turn
            ),
            passed_retries as (
              delete from retry_turns
              where turn >= $2 and turn < (select max(turn) from retry_turns)
              returning turn
            ),
            passed_shares as (
              delete from background_shares
              where n >= $3 and n < (select max(n) from background_shares)
              returning n
            )
            select
              (select coalesce(max(turn), $1) from passed_times) as virtual_times,
              (select coalesce(max(turn), $2) from passed_retries) as retry_turns,
              (select coalesce(max(n), $3) from passed_shares) as background_shares,
              (select count(*) from passed_times)
                + (select count(*) from passed_retries)
                + (select count(*) from passed_shares) as pruned
            """,
            *self._pruned.values(),
        )
        if row is None:
            raise RuntimeError("a select without a table has a row")
        self._pruned = {table: row[table] for table in self._pruned}
        return int(row["pruned"])
