"""What every upload does inside its transaction, to a new session or to one that is there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from api_service.storage.clients import StoredLimits
from shared.errors import ProjectionistError, UploadInProgressError
from shared.models import HELD_TURN, Channel
from shared.postgres.database import CollisionError
from shared.sql.requeue import bring_forward, reopen_session

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from shared.postgres.database import Connection, Database
    from shared.sql.counts import SessionCounts
    from shared.sql.turn_grants import Grant

log = structlog.get_logger(__name__)

ASK_AGAIN_AFTER = timedelta(days=7)
"""After which a film that was not found is asked for again by an upload."""
KEY_LIFETIME = timedelta(hours=24)
PRUNED_KEYS = 100
"""Expired keys that one upload deletes at most."""
NO_LIMITS = StoredLimits(films_queued=0, movies_stored=0)
WORTH_ANALYSING = 1000
"""Staged movies from which on the planner had better know how many there are."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a client sent to be able to repeat its upload safely."""

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class StagedUpload:
    """An upload as the parser left it.

    Attributes:
        session_id: chosen before, so that a repeated transaction finds what the first one did.
        movies: a CSV file with the columns of `columns`, in COPY's own form.
        columns: of that file.
        total: its rows of new movies.
        report: a file with how the upload was read, as JSON text. It is read while it is stored, so
            that no more of them are in memory than uploads have turns.
        idempotency: the client's key, if it sent one.
        traceparent: of the request, for the lookups that it queues.
        client: who uploads, the stored name of an address or a token; None where nobody knows.
        limits: what that client may have.
    """

    session_id: UUID
    movies: Path
    columns: tuple[str, ...]
    total: int
    report: Path
    idempotency: IdempotencyKey | None
    traceparent: str
    client: str | None = field(default=None, kw_only=True)
    limits: StoredLimits = field(default=NO_LIMITS, kw_only=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is left to be done for a session after an upload was committed; all are movies."""

    session_id: UUID
    pending: int
    newly_queued: int
    asked_in_vain: int


def stored_as(counts: SessionCounts, newly_queued: int) -> Stored:
    """What these counts leave to be done."""
    return Stored(
        counts.session_id,
        pending=counts.total - counts.ended,
        newly_queued=newly_queued,
        asked_in_vain=counts.not_found + counts.failed,
    )


async def hold_key(connection: Connection, idempotency: IdempotencyKey) -> None:
    """Let nobody else store with this key until the transaction ends.

    Raises:
        UploadInProgressError: somebody does, or has just done so.
    """
    if not await connection.fetchval(
        "select pg_try_advisory_xact_lock(hashtextextended($1, 0))", idempotency.key
    ):
        raise UploadInProgressError("Ask again in a moment with the same key.", retry_after=1)
    # Only this one: whatever else has expired may be another upload's, and `prune_keys` deletes it.
    await connection.execute(
        """
        delete from idempotency_keys
        where key = $1 and created_at < clock_timestamp() - $2::interval
        """,
        idempotency.key,
        KEY_LIFETIME,
    )
    if await connection.fetchval(
        "select true from idempotency_keys where key = $1", idempotency.key
    ):
        # It was stored after this request had looked for it; the client's next try finds it.
        raise UploadInProgressError("Ask again in a moment with the same key.", retry_after=1)


async def prune_keys(database: Database) -> None:
    """Delete expired keys, but for those that somebody holds, in a transaction of its own.

    Each upload with a key deletes more than the one that it adds, so they come to an end.
    """
    await database.fetch(
        """
        delete from idempotency_keys
        where key in (
          select key
          from idempotency_keys
          where created_at < clock_timestamp() - $1::interval
          order by created_at
          limit $2
          for update skip locked
        )
        """,
        KEY_LIFETIME,
        PRUNED_KEYS,
    )


async def stage(connection: Connection, upload: StagedUpload, rows: int) -> None:
    """Copy the parser's file, of so many rows, into a table of this connection's own."""
    # One of another release may have been left behind on a connection that a pooler shares out.
    await connection.execute("drop table if exists pg_temp.staged_movies")
    await connection.execute(
        """
        create temporary table staged_movies (
          position        integer not null,
          lookup_key      text,
          title           text,
          year            integer,
          watched         boolean not null,
          rating          numeric(2, 1),
          rating_original text,
          watch_dates     date[] not null,
          rewatches       integer not null,
          liked           boolean not null,
          tags            text[] not null,
          review          text,
          in_watchlist    boolean not null,
          lists           text[] not null,
          source_url      text,
          origins         json,
          former_key      text
        ) on commit drop
        """
    )
    await connection.copy_to_table(
        "staged_movies", source=upload.movies, columns=upload.columns, format="csv"
    )
    if rows >= WORTH_ANALYSING:
        await connection.execute("analyze staged_movies (lookup_key, position)")


@dataclass(frozen=True, slots=True)
class Queued:
    """How many questions an upload has queued, and the last of their turns."""

    count: int
    last_turn: int | None


async def queue_lookups(connection: Connection, traceparent: str, grant: Grant | None) -> Queued:
    """Queue the questions that nobody has asked yet, each at its fair turn.

    In key order, so that two uploads of the same new films wait for each other and never deadlock.
    Sends `new_work`.
    """
    row = await connection.fetchrow(
        """
        with queued as (
          insert into lookups (key, title, due_at, turn, traceparent)
          select
            lookup_key,
            title,
            clock_timestamp(),
            coalesce($3, (select max(turn) from virtual_times)) + place,
            $1
          from (
            select
              lookup_key,
              min(title) as title,
              row_number() over (order by min(position)) as place
            from staged_movies
            where lookup_key is not null
              and not exists (select from lookups where key = lookup_key)
            group by lookup_key
          ) as unasked
          order by lookup_key collate "C"
          on conflict (key) do nothing
          returning turn
        ),
        counted as (
          select count(*) as count, min(turn) as lowest, max(turn) as highest from queued
        )
        select count, highest, (select pg_notify($2, lowest::text) where count > 0) from counted
        """,
        traceparent,
        Channel.NEW_WORK,
        grant.base if grant else None,
    )
    if row is None:
        raise RuntimeError("a count has one row")
    return Queued(row["count"], row["highest"])


async def list_movies(connection: Connection, upload: StagedUpload, *, after: int = 0) -> None:
    """Insert the movies after a position.

    Each takes KEY SHARE on its lookup, which holds outcomes still.

    Raises:
        CollisionError: they are not as many as they should be.
    """
    if upload.total >= WORTH_ANALYSING:
        # A plan for the foreign key's check that was made while `lookups` was small reads all of
        # it for every movie.
        await connection.execute("discard plans")
    status = await connection.execute(
        """
        insert into movies (
          session_id, position, lookup_id, title, year, watched, rating, rating_original,
          watch_dates, rewatches, liked, tags, review, in_watchlist, lists, source_url, origins
        )
        select
          $1, position, lookups.id, staged_movies.title, year, watched, rating, rating_original,
          watch_dates, rewatches, liked, tags, review, in_watchlist, lists, source_url, origins
        from staged_movies
        join lookups on key = lookup_key
        where position > $2
        order by position
        """,
        upload.session_id,
        after,
    )
    if int(status.rpartition(" ")[2]) != upload.total:
        raise CollisionError("a lookup was deleted between being read and being listed")


async def note_upload(connection: Connection, upload: StagedUpload, upload_id: UUID) -> None:
    """Keep the report and the idempotency key of an upload."""
    report = await asyncio.to_thread(upload.report.read_text, "utf-8")
    await connection.execute(
        "insert into upload_reports (session_id, upload_id, report) values ($1, $2, $3)",
        upload.session_id,
        upload_id,
        report,
    )
    if upload.idempotency:
        await connection.execute(
            """
            insert into idempotency_keys (key, body_sha256, session_id, upload_id)
            values ($1, $2, $3, $4)
            """,
            upload.idempotency.key,
            upload.idempotency.body_sha256,
            upload.session_id,
            upload_id,
        )


async def note_turns(database: Database, session_id: UUID) -> None:
    """Note the first and the last turn of a session's films, some of which others have queued.

    The grants of those belong to other sessions. Where no client is known, nothing waits.
    """
    await database.fetch(
        """
        update sessions
        set first_turn = queued.first_turn, last_turn = queued.last_turn
        from (
          select min(turn) as first_turn, max(turn) as last_turn
          from movies
          join lookups on lookups.id = lookup_id
          where session_id = (select id from sessions where id = $1 and client is not null)
            and due_at is not null
            and turn < $2
        ) as queued
        where sessions.id = $1 and queued.last_turn is not null
        """,
        session_id,
        HELD_TURN,
    )


async def catch_up(database: Database, stored: Stored, upload: StagedUpload) -> None:
    """Ask again what ended in vain, and bring forward what others queued with later turns.

    All in transactions of their own: inside the upload they would deadlock with completions, or
    hold up other uploads.
    """
    try:
        if stored.newly_queued >= WORTH_ANALYSING:
            # Until the planner knows of them, daemons read the whole table for each claim.
            await database.fetchval("select analyze_lookups()")
        if stored.asked_in_vain:
            await reopen_session(
                database, stored.session_id, upload.traceparent, not_found_for=ASK_AGAIN_AFTER
            )
        if stored.pending > stored.newly_queued:
            await bring_forward(database, stored.session_id)
            await note_turns(database, stored.session_id)
        if upload.idempotency:
            await prune_keys(database)
    except (ProjectionistError, asyncpg.PostgresError) as error:
        # The upload is stored; a force does the same, and the tick mends the rest.
        code = error.code if isinstance(error, ProjectionistError) else type(error).__name__
        log.warning("upload_not_caught_up", code=code, error=str(error))
