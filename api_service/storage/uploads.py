"""Storing an upload: one transaction, whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from shared.database import CollisionError
from shared.errors import IdempotencyKeyReusedError, ProjectionistError, UploadInProgressError
from shared.models import UPLOADS_LOCK, Channel
from shared.reopening import bring_forward, reopen_session
from shared.session_counts import recount

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from shared.database import Connection, Database

log = structlog.get_logger(__name__)

ASK_AGAIN_AFTER = timedelta(days=7)
"""After which a film that was not found is asked for again by an upload."""
KEY_LIFETIME = timedelta(hours=24)
MOST_AT_ONCE = 4
"""Uploads that are stored at the same time by one process."""
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
        total: its rows.
        report: how the upload was read, as JSON text.
        idempotency: the client's key, if it sent one.
    """

    session_id: UUID
    movies: Path
    columns: tuple[str, ...]
    total: int
    report: str
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, slots=True)
class _Stored:
    session_id: UUID
    pending: int
    newly_queued: int
    asked_in_vain: int


class UploadStorage:
    """Writes sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # An upload may wait for another that queues the same films; those who only read must
        # still get a connection.
        self._storing = asyncio.Semaphore(MOST_AT_ONCE)

    async def find(self, idempotency: IdempotencyKey) -> UUID | None:
        """The session that this key made, if it made one in the last 24 hours.

        Raises:
            IdempotencyKeyReusedError: it was another body.
        """
        row = await self._database.fetchrow(
            """
            select session_id, body_sha256
            from idempotency_keys
            where key = $1 and created_at > clock_timestamp() - $2::interval
            """,
            idempotency.key,
            KEY_LIFETIME,
        )
        if row is None:
            return None
        if row["body_sha256"] != idempotency.body_sha256:
            raise IdempotencyKeyReusedError(
                "Send a new Idempotency-Key with a new upload; this one belongs to another body."
            )
        session_id: UUID = row["session_id"]
        return session_id

    async def store(self, upload: StagedUpload) -> UUID:
        """Store an upload and queue its lookups; the id of its session.

        That is `upload.session_id`, or that of the session which the same idempotency key made a
        moment ago.

        Raises:
            UploadInProgressError: the same key is being stored by another request.
            IdempotencyKeyReusedError: the key belongs to another body.
        """
        if upload.idempotency and (known := await self.find(upload.idempotency)):
            return known
        async with self._storing:
            stored = await self._database.transact(lambda connection: _store(connection, upload))
        try:
            await self._catch_up(stored)
        except ProjectionistError as error:
            # The upload is stored; a force does the same, and the tick mends the rest.
            log.warning("upload_not_caught_up", code=error.code, error=error.detail)
        return stored.session_id

    async def _catch_up(self, stored: _Stored) -> None:
        """Ask again what ended in vain, and bring forward what others queued with later turns.

        Both in transactions of their own: inside the upload they would deadlock with completions.
        """
        if stored.newly_queued >= WORTH_ANALYSING:
            # Until the planner knows of them, daemons read the whole table for each claim.
            await self._database.fetch("analyze (skip_locked) lookups")
        if stored.asked_in_vain:
            await reopen_session(self._database, stored.session_id, not_found_for=ASK_AGAIN_AFTER)
        if stored.pending > stored.newly_queued:
            await bring_forward(self._database, stored.session_id)


async def _store(connection: Connection, upload: StagedUpload) -> _Stored:
    if await connection.fetchval("select true from sessions where id = $1", upload.session_id):
        # The first try was committed and only its answer was lost.
        return _Stored(upload.session_id, pending=1, newly_queued=0, asked_in_vain=1)
    await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
    if upload.idempotency:
        await _hold_key(connection, upload.idempotency)
    await _stage(connection, upload)
    queued = await _queue_lookups(connection)
    await connection.execute(
        "insert into sessions (id, total) values ($1, $2)", upload.session_id, upload.total
    )
    if upload.total >= WORTH_ANALYSING:
        # A plan for the foreign key's check that was made while `lookups` was small reads all of
        # it for every movie.
        await connection.execute("discard plans")
    await _list_movies(connection, upload)
    # A statement after the one whose foreign keys locked the lookups, so that it sees what was
    # committed while those locks were waited for.
    counts = await recount(connection, upload.session_id)
    pending, in_vain = counts.total - counts.ended, counts.not_found + counts.failed
    await connection.execute(
        "insert into upload_reports (session_id, report) values ($1, $2)",
        upload.session_id,
        upload.report,
    )
    if upload.idempotency:
        await connection.execute(
            "insert into idempotency_keys (key, body_sha256, session_id) values ($1, $2, $3)",
            upload.idempotency.key,
            upload.idempotency.body_sha256,
            upload.session_id,
        )
    if pending:
        await connection.execute(
            "select pg_notify($1, $2)", Channel.NEW_WORK, str(upload.session_id)
        )
    return _Stored(upload.session_id, pending, queued, in_vain)


async def _hold_key(connection: Connection, idempotency: IdempotencyKey) -> None:
    if not await connection.fetchval(
        "select pg_try_advisory_xact_lock(hashtextextended($1, 0))", idempotency.key
    ):
        raise UploadInProgressError("Ask again in a moment with the same key.", retry_after=1)
    await connection.execute(
        """
        delete from idempotency_keys
        where created_at < clock_timestamp() - $1::interval
        """,
        KEY_LIFETIME,
    )
    if await connection.fetchval(
        "select true from idempotency_keys where key = $1", idempotency.key
    ):
        # It was stored after this request had looked for it; the client's next try finds it.
        raise UploadInProgressError("Ask again in a moment with the same key.", retry_after=1)


async def _stage(connection: Connection, upload: StagedUpload) -> None:
    await connection.execute(
        """
        create temporary table if not exists staged_movies (
          position     integer not null,
          lookup_key   text not null,
          title        text,
          year         integer,
          watched      boolean not null,
          rating       numeric(2, 1),
          watch_dates  date[] not null,
          rewatches    integer not null,
          liked        boolean not null,
          tags         text[] not null,
          review       text,
          in_watchlist boolean not null,
          lists        text[] not null,
          source_url   text
        ) on commit delete rows
        """
    )
    await connection.copy_to_table(
        "staged_movies", source=upload.movies, columns=upload.columns, format="csv"
    )
    if upload.total >= WORTH_ANALYSING:
        await connection.execute("analyze staged_movies (lookup_key, position)")


async def _queue_lookups(connection: Connection) -> int:
    """Queue the questions that nobody has asked yet, each at its fair turn; how many they are.

    In key order, so that two uploads of the same new films wait for each other and never deadlock.
    """
    status = await connection.execute(
        """
        insert into lookups (key, title, due_at, turn)
        select
          lookup_key,
          title,
          clock_timestamp(),
          (select virtual_time from queue_clock) + place
        from (
          select
            lookup_key,
            min(title) as title,
            row_number() over (order by min(position)) as place
          from staged_movies
          where not exists (select from lookups where key = lookup_key)
          group by lookup_key
        ) as unasked
        order by lookup_key collate "C"
        on conflict (key) do nothing
        """
    )
    return int(status.rpartition(" ")[2])


async def _list_movies(connection: Connection, upload: StagedUpload) -> None:
    """Insert the movies. Each takes KEY SHARE on its lookup, which holds outcomes still."""
    status = await connection.execute(
        """
        insert into movies (
          session_id, position, lookup_id, title, year, watched, rating, watch_dates, rewatches,
          liked, tags, review, in_watchlist, lists, source_url
        )
        select
          $1, position, lookups.id, staged_movies.title, year, watched, rating, watch_dates,
          rewatches, liked, tags, review, in_watchlist, lists, source_url
        from staged_movies
        join lookups on key = lookup_key
        order by position
        """,
        upload.session_id,
    )
    if int(status.rpartition(" ")[2]) != upload.total:
        raise CollisionError("a lookup was deleted between being read and being listed")
