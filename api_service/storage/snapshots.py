"""Snapshots and transactions that keep vacuum from removing this database's dead rows.

PostgreSQL shows every role which transaction a snapshot holds on to, but only a role that may read
everybody's queries when it began; a standby and a replication slot have no such time at all. So the
age of a snapshot is the time for which this process has seen it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.postgres.database import Database


class SnapshotStorage:
    """Reads what holds vacuum back, and remembers when each snapshot was first seen."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[int, float] = {}

    async def oldest_age(self) -> float:
        """Return the seconds since the oldest snapshot was first seen; 0 where there is none."""
        held = await self.held()
        now = time.monotonic()
        self._seen = {xid: self._seen.get(xid, now) for xid in held}
        return now - min(self._seen.values(), default=now)

    async def held(self) -> frozenset[int]:
        """Return the transaction ids from which on dead rows are kept.

        Vacuum's own snapshots hold nothing back, nor does one that no transaction has followed.
        A logical slot's `catalog_xmin` keeps rows of PostgreSQL's catalogues only.
        """
        rows = await self._database.fetch(
            """
            select distinct held::text::bigint as held
            from (
              select unnest(array[backend_xid, backend_xmin])
              from pg_stat_activity
              where pid <> pg_backend_pid()
                and (datname = current_database() or datname is null) -- standbys have no database
                and pid not in (select pid from pg_stat_progress_vacuum)
              union all
              select transaction from pg_prepared_xacts where database = current_database()
              union all
              select xmin from pg_replication_slots
            ) as holders (held)
            where age(held) > 0
            """
        )
        return frozenset(row["held"] for row in rows)
