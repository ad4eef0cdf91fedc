"""Records of TMDB's that are old, or count as old: refreshed in the background turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection


class RecordStorage:
    """Keeps the catalogue fresh."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue_refreshes(self, days: int, most: int) -> int:
        """Queue the oldest records of films that somebody lists, or that are kept; how many.

        A lookup that has the record asks for it again and keeps its outcome meanwhile; one of them
        is enough for all that share the record. It is due from the day on which the record was old,
        so that what would expire soonest comes first.

        Args:
            days: from which age on a record is old.
            most: how many may be due at the same time, so that what is claimed in the background
                is found among a few; what else is queued there takes no place of theirs.
        """
        return len(
            await self._database.fetch(
                """
                with room as (
                  select greatest($2 - count(*), 0) as places
                  from lookups
                  where due_at is not null
                    and turn = $3
                    and due_at <= clock_timestamp()
                    and outcome = 'found'
                ),
                old as (
                  select asker.id
                  from catalogue
                  cross join lateral (
                    select
                      count(due_at) as queued,
                      min(id) filter (
                        where outcome = 'found'
                          and (kept or exists (select from movies where lookup_id = lookups.id))
                      ) as id
                    from lookups
                    where tmdb_id = catalogue.tmdb_id
                  ) as asker
                  where fetched_at < clock_timestamp() - $1::interval
                    and queued = 0
                    and asker.id is not null
                  order by fetched_at
                  limit (select places from room)
                ),
                held as (
                  select lookups.id, fetched_at + $1::interval as old_since
                  from lookups
                  join catalogue using (tmdb_id)
                  where lookups.id in (select id from old) and due_at is null and outcome = 'found'
                  order by lookups.id
                  for no key update of lookups skip locked
                )
                update lookups
                set due_at = old_since, turn = $3
                from held
                where lookups.id = held.id
                returning lookups.id
                """,
                timedelta(days=days),
                most,
                BACKGROUND_TURN,
            )
        )


async def let_be_old(
    fetcher: Database | Connection,
    tmdb_ids: Collection[int],
    old_days: int,
    *,
    fetched_before: datetime | None = None,
) -> int:
    """Set records back to the age from which on they are refreshed; how many were younger.

    Args:
        fetcher: the database, or a transaction's connection.
        tmdb_ids: of the films.
        old_days: that age, in days.
        fetched_before: a record that was fetched since is left; None leaves none.
    """
    return len(
        await fetcher.fetch(
            """
            with held as (
              select tmdb_id
              from catalogue
              where tmdb_id = any($1::integer[])
                and ($2::timestamptz is null or fetched_at < $2)
                and fetched_at > clock_timestamp() - $3::interval
              order by tmdb_id
              for no key update
            )
            update catalogue
            set fetched_at = clock_timestamp() - $3
            from held
            where catalogue.tmdb_id = held.tmdb_id
            returning catalogue.tmdb_id
            """,
            list(tmdb_ids),
            fetched_before,
            timedelta(days=old_days),
        )
    )
