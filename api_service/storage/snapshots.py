"""The snapshots and transactions that keep vacuum from removing dead rows of this database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.postgres.database import Database


class SnapshotStorage:
    """Reads who holds vacuum back, as every role may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self) -> frozenset[int]:
        """Return the transaction ids from which on somebody keeps dead rows.

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
