"""The queue, which is `lookups` itself: what is due, claims in turn, giving back, retries."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from enrich_service.lookups import Claim, KnownFilm
from enrich_service.storage.queue_floor import BEGINNING, QueueFloor
from enrich_service.storage.queue_view import QueueView
from shared.models import BACKGROUND_TURN, HELD_TURN, Channel, Outcome, TMDBState
from shared.tracing.context import TraceContext

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Database

    TokenAt = tuple[int, UUID]
    """A lookup's id and the token of one claim of it."""

HELD_PAUSE_SECONDS = 0.1


class QueueStorage:
    """Claims lookups and gives them back.

    Looks and claims begin at `floor`, but for those of one session.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.floor = QueueFloor()

    async def view(self, room: int, session_id: UUID | None = None) -> QueueView:
        """Look at the queue without touching it.

        Args:
            room: how many lookups the caller could claim.
            session_id: count only this session's.
        """
        if session_id is None:
            self.floor.begin_look()
        turn, first_id = self.floor.place if session_id is None else BEGINNING
        row = await self._database.fetchrow(
            """
            select
              statement_timestamp() as looked_at,
              paused_since is not null as paused,
              tmdb_state,
              extract(epoch from tmdb_probe_at - clock_timestamp())::float8 as next_probe,
              claimable.due,
              claimable.turns[1] as first_turn,
              claimable.ids[1] as first_id,
              (select max(turn) from virtual_times) as virtual_time,
              (
                select due_at
                from lookups
                where $2::uuid is null
                  and turn = 9223372036854775807  -- BACKGROUND_TURN, as the index says it
                  and due_at >= $6
                  and due_at <= clock_timestamp()
                  and claimed_by is null
                order by due_at, id
                limit 1
              ) as background_since,
              (
                select next_at <= clock_timestamp()
                from background_shares
                order by n desc
                limit 1
              ) as background_due,
              extract(epoch from backing_off.due_at - clock_timestamp())::float8 as next_due,
              backing_off.turn as next_due_turn
            from fleet
            cross join lateral (
              select count(*) as due, array_agg(turn) as turns, array_agg(id) as ids
              from (
                select turn, id
                from lookups
                where due_at is not null
                  and (turn, id) >= ($4, $5)
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
              ) as found
            ) as claimable
            left join lateral (
              select due_at, turn
              from lookups
              where due_at > statement_timestamp() and claimed_by is null
              order by due_at
              limit 1
            ) as backing_off on true
            """,
            room,
            session_id,
            HELD_TURN,
            turn,
            first_id,
            self.floor.due_since,
        )
        if row is None:
            raise RuntimeError("fleet has lost its row")
        view = QueueView(
            looked_at=row["looked_at"],
            paused=row["paused"],
            tmdb_state=TMDBState(row["tmdb_state"]),
            due=row["due"],
            first=(row["first_turn"], row["first_id"]) if row["due"] else None,
            virtual_time=row["virtual_time"],
            background_since=row["background_since"],
            background_due=bool(row["background_due"]),
            next_due=row["next_due"],
            next_due_turn=row["next_due_turn"] or 0,
            next_probe=row["next_probe"],
        )
        if session_id is None:
            self.floor.end_look(view, counted=room > 0)
        return view

    async def claim(
        self, worker_id: UUID, token: UUID, wanted: int, session_id: UUID | None = None
    ) -> list[Claim]:
        """Claim up to `wanted` lookups in the order of their turns, and advance the clock V.

        One session's lookups alone may be far ahead of the others' turns. V stays then, lest
        uploads to come queue behind all that waits, and the claims get V as their turn.

        `FOR NO KEY UPDATE` and not `FOR UPDATE`, which would skip what an upload's foreign keys
        hold. Only `claimed_by` and `claim_token` change, which no index mentions, and turns where
        one session is worked on alone.
        """
        turn, first_id = self.floor.place if session_id is None else BEGINNING
        rows = await self._database.fetch(
            """
            with next as (
              select id, turn
              from lookups
              where due_at is not null
                and (turn, id) >= ($5, $6)
                and turn < $7
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
            ),
            clock as (
              insert into virtual_times (turn)
              select max(turn)
              from next
              where $4::uuid is null
              having max(turn) > (select max(turn) from virtual_times)
              on conflict (turn) do nothing
            )
            update lookups
            set
              claimed_by = $1,
              claim_token = $2,
              turn = case
                when $4::uuid is null then lookups.turn
                else least(lookups.turn, (select max(turn) from virtual_times))
              end
            from next
            where lookups.id = next.id
            returning
              lookups.id, key, title, attempts, next.turn, outcome, tmdb_id, reason, confidence,
              kept, traceparent
            """,
            worker_id,
            token,
            wanted,
            session_id,
            turn,
            first_id,
            HELD_TURN,
        )
        rows.sort(key=lambda row: (row["turn"], row["id"]))
        return [claim_of(row, token) for row in rows]

    async def release(self, claim: Claim, *, pause_seconds: float = 0.0) -> None:
        """Put a claim back, due after the pause, its attempts as they were, at a retry's turn."""
        await self.retry(claim, attempts=claim.attempts, backoff_seconds=pause_seconds)

    async def retry(self, claim: Claim, *, attempts: int, backoff_seconds: float) -> None:
        """Queue a lookup again after a backoff, attempts counted; nothing if it is no longer ours.

        All retries together queue like one list: each gets the turn after the clock's time or
        after the latest retry's. So an outage, which gives a whole fleet's films back at once,
        lets nobody wait behind all of them.

        While others hold the lookup it is looked at again and again: a statement that waited for it
        would keep a connection.
        """
        backoff = timedelta(seconds=backoff_seconds)
        while (turn := await self._retry(claim, attempts, backoff)) is None:  # noqa: ASYNC110  # another process lets go
            await asyncio.sleep(HELD_PAUSE_SECONDS)
        if turn:
            self.floor.note_backoff(turn, backoff_seconds)

    async def _retry(self, claim: Claim, attempts: int, backoff: timedelta) -> int | None:
        """Queue a lookup again: its turn, 0 if it is no longer ours, None if somebody holds it.

        Nor is it queued where another retry takes the same turn at the same moment. What is due at
        once is told of, because whoever gives it back may be about to leave.
        """
        row = await self._database.fetchrow(
            """
            with mine as (
              select id, turn
              from lookups
              where id = $1 and claim_token = $2
              for no key update skip locked
            ),
            next as (
              insert into retry_turns (turn)
              select
                greatest(
                  (select max(turn) from retry_turns), (select max(turn) from virtual_times)
                ) + 1
              from mine
              where turn <> $5
              on conflict (turn) do nothing
              returning turn
            ),
            queued as (
              update lookups
              set
                claimed_by = null,
                claim_token = null,
                attempts = $3,
                due_at = clock_timestamp() + $4,
                turn = coalesce(next.turn, $5)
              from mine
              left join next on true
              where lookups.id = mine.id and (next.turn is not null or mine.turn = $5)
              returning lookups.turn
            )
            select
              (select turn from queued) as turn,
              (
                select pg_notify($6, turn::text) from queued where $4::interval = interval '0'
              ) as told,
              exists (select from lookups where id = $1 and claim_token = $2) as is_ours
            """,
            claim.lookup_id,
            claim.token,
            attempts,
            backoff,
            BACKGROUND_TURN,
            Channel.NEW_WORK,
        )
        if row is None:
            raise RuntimeError("a select without a table has a row")
        if row["turn"] is not None or row["is_ours"]:
            return cast("int | None", row["turn"])
        return 0


def claim_of(row: asyncpg.Record, token: UUID) -> Claim:
    """The claim of a row that a claim with this token has returned."""
    return Claim(
        lookup_id=row["id"],
        key=row["key"],
        title=row["title"],
        attempts=row["attempts"],
        token=token,
        refreshes=_known_film(row),
        kept=row["kept"],
        trace=TraceContext.parse(row["traceparent"]),
    )


def _known_film(row: asyncpg.Record) -> KnownFilm | None:
    if row["outcome"] != Outcome.FOUND:
        return None
    return KnownFilm(row["tmdb_id"], row["reason"], row["confidence"])
