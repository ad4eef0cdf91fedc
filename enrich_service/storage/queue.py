"""The queue, which is `lookups` itself: what is due, claims in turn, giving back, retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.models import BACKGROUND_TURN, Outcome, TMDBState
from shared.trace_context import TraceContext

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.database import Connection, Database

    TokenAt = tuple[int, UUID]
    """A lookup's id and the token of one claim of it."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """What the dispatcher needs to know before it asks for slots.

    Attributes:
        paused: the fleet is paused.
        tmdb_state: the fleet's view of TMDB.
        due: lookups that somebody waits for and that could be claimed now, counted up to the room
            asked for.
        background: whether there is anything that nobody waits for.
        next_due: seconds until the next backoff ends, None when nothing is backing off.
        next_probe: seconds until TMDB may be probed, None while it is up.
    """

    paused: bool
    tmdb_state: TMDBState
    due: int
    background: bool
    next_due: float | None
    next_probe: float | None


@dataclass(frozen=True, slots=True)
class KnownFilm:
    """What a lookup had found already, and why and how surely (percent) it was that."""

    tmdb_id: int
    reason: str | None
    confidence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One lookup in our hands, with the fencing token that its result must carry.

    Attributes:
        refreshes: the film whose record has grown old; None where the answer is still open.
        kept: it was asked for in advance, and stays though nobody lists it.
        trace: of the request that queued it.
    """

    lookup_id: int
    key: str
    title: str | None
    attempts: int
    token: UUID
    refreshes: KnownFilm | None = None
    kept: bool = False
    trace: TraceContext | None = None

    @property
    def token_at(self) -> TokenAt:
        """What tells this claim from every other, also from another of the same lookup."""
        return self.lookup_id, self.token

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for the answer."""
        return self.refreshes is None and not self.kept


class QueueStorage:
    """Claims lookups and gives them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, room: int, session_id: UUID | None = None) -> QueueView:
        """Look at the queue without touching it.

        Args:
            room: how many lookups the caller could claim.
            session_id: count only this session's.
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
                    and turn < $3
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
              exists (
                select
                from lookups
                where due_at is not null
                  and turn = $3
                  and claimed_by is null
                  and due_at <= clock_timestamp()
              ) as background,
              (
                select extract(epoch from due_at - clock_timestamp())::float8
                from lookups
                where due_at > statement_timestamp() and claimed_by is null
                order by due_at
                limit 1
              ) as next_due
            from fleet
            """,
            room,
            session_id,
            BACKGROUND_TURN,
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        return QueueView(
            paused=row["paused"],
            tmdb_state=TMDBState(row["tmdb_state"]),
            due=row["due"],
            background=row["background"],
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
                returning
                  lookups.id, key, title, attempts, turn, outcome, tmdb_id, reason, confidence,
                  kept, traceparent
                """,
                worker_id,
                token,
                wanted,
                session_id,
            )
            waited_for = [row["turn"] for row in rows if row["turn"] < BACKGROUND_TURN]
            if waited_for:
                await connection.execute(
                    """
                    update queue_clock
                    set virtual_time = $1
                    where virtual_time < $1
                    """,
                    max(waited_for),
                )
            rows.sort(key=lambda row: (row["turn"], row["id"]))
            return [
                Claim(
                    lookup_id=row["id"],
                    key=row["key"],
                    title=row["title"],
                    attempts=row["attempts"],
                    token=token,
                    refreshes=_known_film(row),
                    kept=row["kept"],
                    trace=TraceContext.parse(row["traceparent"]),
                )
                for row in rows
            ]

        return await self._database.transact(work)

    async def give_back(self, claim: Claim, *, pause_seconds: float = 0.0) -> None:
        """Put a claim back, due after the pause, its attempts as they were, at a retry's turn."""
        await self.retry(claim, attempts=claim.attempts, backoff_seconds=pause_seconds)

    async def retry(self, claim: Claim, *, attempts: int, backoff_seconds: float) -> None:
        """Queue a lookup again after a backoff, attempts counted.

        All retries together queue like one list: each gets the turn after the clock's time or
        after the latest retry's. So an outage, which gives a whole fleet's films back at once,
        lets nobody wait behind all of them.
        """
        await self._database.fetchval(
            """
            with clock as (
              update queue_clock
              set retry_turn = greatest(retry_turn, virtual_time) + 1
              returning retry_turn
            )
            update lookups
            set
              claimed_by = null,
              claim_token = null,
              attempts = $3,
              due_at = clock_timestamp() + $4,
              turn = case when turn = $5 then turn else retry_turn end
            from clock
            where id = $1 and claim_token = $2
            """,
            claim.lookup_id,
            claim.token,
            attempts,
            timedelta(seconds=backoff_seconds),
            BACKGROUND_TURN,
        )


def _known_film(row: asyncpg.Record) -> KnownFilm | None:
    if row["outcome"] != Outcome.FOUND:
        return None
    return KnownFilm(row["tmdb_id"], row["reason"], row["confidence"])
