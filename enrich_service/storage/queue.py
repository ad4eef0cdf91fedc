"""The queue, which is `lookups` itself: what is due, claims in turn, giving back, retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from shared.database import Connection, Database

    TokenAt = tuple[int, UUID]
    """A lookup's id and the token of one claim of it."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """What the dispatcher needs to know before it asks for slots.

    Attributes:
        paused: the fleet is paused.
        tmdb_state: the fleet's view of TMDB.
        due: lookups that could be claimed now, counted up to the room asked for.
        next_due: seconds until the next backoff ends, None when nothing is backing off.
        next_probe: seconds until TMDB may be probed, None while it is up.
    """

    paused: bool
    tmdb_state: TMDBState
    due: int
    next_due: float | None
    next_probe: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """One lookup in our hands, with the fencing token that its result must carry."""

    lookup_id: int
    key: str
    title: str | None
    attempts: int
    token: UUID

    @property
    def token_at(self) -> TokenAt:
        """What tells this claim from every other, also from another of the same lookup."""
        return self.lookup_id, self.token


@dataclass(frozen=True, slots=True)
class Rescue:
    """What a rescue found.

    Attributes:
        freed: claims of silent workers that were given back.
        own: the claims in our own name, as they stood then.
    """

    freed: int
    own: frozenset[TokenAt]


class QueueStorage:
    """Claims lookups and gives them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, room: int, session_id: UUID | None = None) -> QueueView:
        """Look at the queue without touching it.

        What is claimed or backing off has a turn of at most V, the clock's time, so the search for
        the next retry reads only that part of the queue.
        """
        row = await self._database.fetchrow(
            """
            select
              paused_since is not null as paused,
              tmdb_state,
              extract(epoch from tmdb_probe_at - clock_timestamp())::float8 as next_probe,
              (
                select count(*)
                from (
                  select 1
                  from lookups
                  where due_at is not null
                    and claimed_by is null
                    and due_at <= clock_timestamp()
                    and (
                      $2::uuid is null
                      or exists (
                        select from movies where session_id = $2 and lookup_id = lookups.id
                      )
                    )
                  order by turn, id
                  limit $1
                ) as claimable
              ) as due,
              (
                select extract(epoch from min(due_at) - clock_timestamp())::float8
                from lookups
                where due_at is not null
                  and turn <= (select virtual_time from queue_clock)
                  and claimed_by is null
                  and due_at > clock_timestamp()
              ) as next_due
            from fleet
            """,
            room,
            session_id,
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return QueueView(
            paused=row["paused"],
            tmdb_state=TMDBState(row["tmdb_state"]),
            due=row["due"],
            next_due=row["next_due"],
            next_probe=row["next_probe"],
        )

    async def claim(
        self, worker_id: UUID, token: UUID, wanted: int, session_id: UUID | None = None
    ) -> list[Claim]:
        """Claim up to `wanted` lookups in the order of their turns, and advance the clock V.

        `FOR NO KEY UPDATE` and not `FOR UPDATE`, which would skip what an upload's foreign keys
        hold. Only `claimed_by` and `claim_token` change, which no index mentions.
        """

        async def work(connection: Connection) -> list[Claim]:
            rows = await connection.fetch(
                """
                with next as (
                  select id
                  from lookups
                  where due_at is not null
                    and claimed_by is null
                    and due_at <= clock_timestamp()
                    and (
                      $4::uuid is null
                      or exists (
                        select from movies where session_id = $4 and lookup_id = lookups.id
                      )
                    )
                  order by turn, id
                  limit $3
                  for no key update skip locked
                )
                update lookups
                set claimed_by = $1, claim_token = $2
                from next
                where lookups.id = next.id
                returning lookups.id, key, title, attempts, turn
                """,
                worker_id,
                token,
                wanted,
                session_id,
            )
            if rows:
                await connection.execute(
                    """
                    update queue_clock
                    set virtual_time = $1
                    where virtual_time < $1
                    """,
                    max(row["turn"] for row in rows),
                )
            rows.sort(key=lambda row: (row["turn"], row["id"]))
            return [
                Claim(row["id"], row["key"], row["title"], row["attempts"], token) for row in rows
            ]

        return await self._database.transact(work)

    async def give_back(self, claims: Sequence[Claim], *, pause_seconds: float = 0.0) -> None:
        """Put claims back untouched: due after the pause, their attempts as they were."""
        await self._database.fetchval(
            """
            with given as (
              select lookups.id
              from lookups
              join unnest($1::bigint[], $2::uuid[]) as mine (id, token)
                on lookups.id = mine.id and claim_token = mine.token
              order by lookups.id
              for no key update of lookups
            )
            update lookups
            set
              claimed_by = null,
              claim_token = null,
              due_at = clock_timestamp() + $3,
              turn = least(turn, (select virtual_time from queue_clock))
            from given
            where lookups.id = given.id
            """,
            [claim.lookup_id for claim in claims],
            [claim.token for claim in claims],
            timedelta(seconds=pause_seconds),
        )

    async def retry(self, claim: Claim, *, attempts: int, backoff_seconds: float) -> None:
        """Queue a lookup again after a backoff, at the clock's present turn, attempts counted."""
        await self._database.fetchval(
            """
            update lookups
            set
              claimed_by = null,
              claim_token = null,
              attempts = $3,
              due_at = clock_timestamp() + $4,
              turn = (select virtual_time from queue_clock)
            where id = $1 and claim_token = $2
            """,
            claim.lookup_id,
            claim.token,
            attempts,
            timedelta(seconds=backoff_seconds),
        )

    async def rescue_silent(self, worker_id: UUID, silent: float) -> Rescue:
        """Give back the claims of workers that were silent for `silent` seconds.

        Claims have a turn of at most V, so only that part of the queue is read.
        """
        row = await self._database.fetchrow(
            """
            with orphaned as (
              select id
              from lookups
              where due_at is not null
                and turn <= (select virtual_time from queue_clock)
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
              returning 1
            )
            select
              (select count(*) from freed) as freed,
              coalesce(array_agg(id), '{}') as own_ids,
              coalesce(array_agg(claim_token), '{}') as own_tokens
            from lookups
            where due_at is not null
              and turn <= (select virtual_time from queue_clock)
              and claimed_by = $1
            """,
            worker_id,
            timedelta(seconds=silent),
        )
        if row is None:
            raise RuntimeError("a select without a table has a row")
        return Rescue(row["freed"], frozenset(zip(row["own_ids"], row["own_tokens"], strict=True)))

    async def give_back_lost(self, claims: Collection[TokenAt]) -> None:
        """Give back claims that nobody works on."""
        await self._database.fetchval(
            """
            with lost as (
              select lookups.id
              from lookups
              join unnest($1::bigint[], $2::uuid[]) as mine (id, token)
                on lookups.id = mine.id and claim_token = mine.token
              order by lookups.id
              for no key update of lookups skip locked
            )
            update lookups
            set claimed_by = null, claim_token = null
            from lost
            where lookups.id = lost.id
            """,
            [lookup_id for lookup_id, _ in claims],
            [token for _, token in claims],
        )

    async def give_back_all(self, worker_id: UUID) -> int:
        """Give back every claim in this worker's name, known to it or not; how many they were."""
        return len(
            await self._database.fetch(
                """
                with held as (
                  select id
                  from lookups
                  where due_at is not null
                    and turn <= (select virtual_time from queue_clock)
                    and claimed_by = $1
                  order by id
                  for no key update
                )
                update lookups
                set claimed_by = null, claim_token = null
                from held
                where lookups.id = held.id
                returning lookups.id
                """,
                worker_id,
            )
        )
