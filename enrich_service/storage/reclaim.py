"""Orphaned claims: those of silent workers, and those whose answer a worker never got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.models import BACKGROUND_TURN, Channel

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from enrich_service.lookups import TokenAt
    from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Reclaim:
    """What reclaiming found.

    Attributes:
        freed: claims of silent workers that were released.
        own: the claims in our own name, as they stood then.
    """

    freed: int
    own: frozenset[TokenAt]


class ReclaimStorage:
    """Gives claims back. They keep their turns, which had come, and `new_work` tells the lowest.

    It tells that of what somebody waits for, and the background's.

    What is claimed has a turn of at most V, the clock's time, or is one of the few that are queued
    for the background, so only these parts of the queue are read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reclaim_silent(self, worker_id: UUID, worker_timeout: float) -> Reclaim:
        """Release the claims of workers without a heartbeat for `worker_timeout` seconds."""
        row = await self._database.fetchrow(
            """
            with orphaned as (
              select id
              from lookups
              where due_at is not null
                and (turn <= (select max(turn) from virtual_times) or turn = $3)
                and claimed_by <> $1
                and not exists (
                  select
                  from workers
                  where workers.id = claimed_by
                    and heartbeat_at > clock_timestamp() - $2::interval
                )
              order by id
              for no key update skip locked
            ),
            freed as (
              update lookups
              set claimed_by = null, claim_token = null
              from orphaned
              where lookups.id = orphaned.id
              returning turn
            )
            select
              (select count(*) from freed) as freed,
              (
                select count(pg_notify($4, lowest::text))
                from (select min(turn) as lowest from freed group by turn = $3) as parts
              ) as told,
              coalesce(array_agg(id), '{}') as own_ids,
              coalesce(array_agg(claim_token), '{}') as own_tokens
            from lookups
            where due_at is not null
              and (turn <= (select max(turn) from virtual_times) or turn = $3)
              and claimed_by = $1
            """,
            worker_id,
            timedelta(seconds=worker_timeout),
            BACKGROUND_TURN,
            Channel.NEW_WORK,
        )
        if row is None:
            raise RuntimeError("a select without a table has a row")
        return Reclaim(row["freed"], frozenset(zip(row["own_ids"], row["own_tokens"], strict=True)))

    async def release_lost(self, claims: Collection[TokenAt]) -> None:
        """Release claims that no worker holds any more."""
        await self._database.fetchval(
            """
            with lost as (
              select lookups.id
              from lookups
              join unnest($1::bigint[], $2::uuid[]) as mine (id, token)
                on lookups.id = mine.id and claim_token = mine.token
              order by lookups.id
              for no key update of lookups skip locked
            ),
            freed as (
              update lookups
              set claimed_by = null, claim_token = null
              from lost
              where lookups.id = lost.id
              returning turn
            )
            select pg_notify($3, min(turn)::text) from freed group by turn = $4
            """,
            [lookup_id for lookup_id, _ in claims],
            [token for _, token in claims],
            Channel.NEW_WORK,
            BACKGROUND_TURN,
        )

    async def release_all(self, worker_id: UUID) -> int:
        """Release every claim in this worker's name, known to it or not; return their number."""
        return int(
            await self._database.fetchval(
                """
                with held as (
                  select id
                  from lookups
                  where due_at is not null
                    and (turn <= (select max(turn) from virtual_times) or turn = $2)
                    and claimed_by = $1
                  order by id
                  for no key update
                ),
                freed as (
                  update lookups
                  set claimed_by = null, claim_token = null
                  from held
                  where lookups.id = held.id
                  returning turn
                )
                select
                  count(*),
                  (
                    select count(pg_notify($3, lowest::text))
                    from (select min(turn) as lowest from freed group by turn = $2) as parts
                  ) as told
                from freed
                """,
                worker_id,
                BACKGROUND_TURN,
                Channel.NEW_WORK,
            )
        )
