"""Whether the database takes writes: a standby does not, nor one that was set to read only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.postgres.database import Database


async def is_read_only(database: Database) -> bool:
    """Return whether a transaction that begins now, or over a new connection, could not write.

    A default that somebody sets for the database or the role holds for new connections alone, so
    the catalogue is asked as well: of several, the most special one counts.

    Raises as `Database.fetchval` does.
    """
    return bool(
        await database.fetchval(
            """
            select pg_is_in_recovery()
              or current_setting('transaction_read_only')::boolean
              or coalesce(
                (
                  select split_part(setting, '=', 2)::boolean
                  from pg_db_role_setting, unnest(setconfig) as setting
                  where setting like 'default\\_transaction\\_read\\_only=%'
                    and setrole in (0, (select oid from pg_roles where rolname = session_user))
                    and setdatabase in (
                      0, (select oid from pg_database where datname = current_database())
                    )
                  order by setrole <> 0 desc, setdatabase <> 0 desc
                  limit 1
                ),
                false
              )
            """
        )
    )
