"""Storage of an upload: one transaction, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.storage.clients import hold_within
from api_service.storage.idempotency import find_key, hold_key
from api_service.storage.sessions import counted_row
from api_service.storage.staging import (
    Stored,
    catch_up,
    list_movies,
    queue_lookups,
    record_upload,
    stage,
    store_once,
)
from shared.models import UPLOADS_LOCK, SessionStatus
from shared.sql.counts import recount
from shared.sql.turn_grants import granted_turns, settle_grant

if TYPE_CHECKING:
    from api_service.storage.idempotency import KeyedUpload
    from api_service.storage.sessions import SessionRow
    from api_service.storage.size_limiter import SizeLimiter
    from api_service.storage.staging import StagedUpload
    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection
    from shared.sql.turn_grants import Grant


class UploadStorage:
    """Stores new sessions."""

    def __init__(self, database: Database, storing: SizeLimiter) -> None:
        self._database = database
        self._storing = storing

    async def find(self, key: str) -> KeyedUpload | None:
        """Return the upload that was stored with this key in the last 24 hours."""
        return await find_key(self._database, key)

    async def report_of(self, upload: KeyedUpload) -> str | None:
        """Return the report of an upload, as JSON text."""
        report: str | None = await self._database.fetchval(
            "select report from upload_reports where session_id = $1 and upload_id = $2",
            upload.session_id,
            upload.upload_id,
        )
        return report

    async def store(self, upload: StagedUpload) -> SessionRow:
        """Store an upload and queue its lookups.

        Raises:
            UploadInProgressError: another request is storing the same key.
            UploadRepeatedError: one has stored it since this request looked for it.
            IdempotencyKeyReusedError: it was another body.
            DatabaseBusyError: too many others are being stored.
            ClientLimitError: its client would have too much.
        """
        async with (
            self._storing.slot(upload.total),
            granted_turns(self._database, upload.client, upload.total) as grant,
        ):
            stored = await store_once(
                self._database,
                upload.session_id,
                upload.session_id,
                lambda connection: _store(connection, upload, grant),
            )
        return await catch_up(self._database, stored, upload)


async def _store(connection: Connection, upload: StagedUpload, grant: Grant | None) -> Stored:
    await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
    if upload.idempotency:
        await hold_key(connection, upload.idempotency)
    await stage(connection, upload, upload.total)
    queued = await queue_lookups(connection, upload.traceparent, grant)
    session = await connection.fetchrow(
        """
        with session as (
          insert into sessions (id, positions, client) values ($1, $2, $3)
          returning id, created_at, read_at
        ),
        counts as (
          insert into session_counts (session_id, total)
          select id, $2 from session
        )
        select created_at, read_at, $3::text is not null as has_client from session
        """,
        upload.session_id,
        upload.total,
        upload.client,
    )
    if session is None:
        raise RuntimeError("an inserted session has one row")
    await settle_grant(connection, grant, upload.session_id, queued.last_turn)
    await list_movies(connection, upload)
    # A statement after the one whose foreign keys locked the lookups, so that it sees what was
    # committed while those locks were waited for.
    counts = await recount(connection, upload.session_id)
    await record_upload(connection, upload, upload.session_id)
    await hold_within(connection, upload.client, upload.limits)
    completed_at = None
    if counts.status is SessionStatus.COMPLETED:  # all its films are known; a trigger has set it
        completed_at = await connection.fetchval(
            "select completed_at from sessions where id = $1", upload.session_id
        )
    return Stored(counted_row(counts, {**session, "completed_at": completed_at}), queued.count)
