"""Storing an upload: one transaction, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.storage.clients import hold_within
from api_service.storage.staging import (
    KEY_LIFETIME,
    IdempotencyKey,
    StagedUpload,
    Stored,
    catch_up,
    hold_key,
    list_movies,
    note_upload,
    queue_lookups,
    stage,
    stored_as,
)
from shared.errors import IdempotencyKeyReusedError
from shared.models import UPLOADS_LOCK
from shared.sql.counts import recount
from shared.sql.turn_grants import granted_turns, settle_grant

if TYPE_CHECKING:
    from uuid import UUID

    from api_service.storage.heavy_reads import HeavyReads
    from shared.postgres.database import Connection, Database
    from shared.sql.turn_grants import Grant


class UploadStorage:
    """Writes sessions."""

    def __init__(self, database: Database, storing: HeavyReads) -> None:
        self._database = database
        self._storing = storing

    async def is_known(self, key: str) -> bool:
        """Whether some upload was stored with this key in the last 24 hours, whatever its body."""
        known: bool = await self._database.fetchval(
            """
            select exists (
              select
              from idempotency_keys
              where key = $1 and created_at > clock_timestamp() - $2::interval
            )
            """,
            key,
            KEY_LIFETIME,
        )
        return known

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

    async def report_of(self, idempotency: IdempotencyKey) -> str | None:
        """The report of the upload that this key made, as JSON text."""
        report: str | None = await self._database.fetchval(
            """
            select report
            from idempotency_keys
            join upload_reports using (session_id, upload_id)
            where key = $1
            """,
            idempotency.key,
        )
        return report

    async def store(self, upload: StagedUpload) -> UUID:
        """Store an upload and queue its lookups; the id of its session.

        That is `upload.session_id`, or that of the session which the same idempotency key made a
        moment ago.

        Raises:
            UploadInProgressError: the same key is being stored by another request.
            DatabaseBusyError: too many others are being stored.
            IdempotencyKeyReusedError: the key belongs to another body.
            ClientLimitError: its client would have too much.
        """
        if upload.idempotency and (known := await self.find(upload.idempotency)):
            return known
        async with (
            self._storing.turn(upload.total),
            granted_turns(self._database, upload.client, upload.total) as grant,
        ):
            stored = await self._database.transact(
                lambda connection: _store(connection, upload, grant)
            )
        await catch_up(self._database, stored, upload)
        return stored.session_id


async def _store(connection: Connection, upload: StagedUpload, grant: Grant | None) -> Stored:
    if await connection.fetchval("select true from sessions where id = $1", upload.session_id):
        # The first try was committed and only its answer was lost.
        return Stored(upload.session_id, pending=1, newly_queued=0, asked_in_vain=1)
    await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
    if upload.idempotency:
        await hold_key(connection, upload.idempotency)
    await stage(connection, upload, upload.total)
    queued = await queue_lookups(connection, upload.traceparent, grant)
    await connection.execute(
        """
        with session as (
          insert into sessions (id, positions, client) values ($1, $2, $3)
          returning id
        )
        insert into session_counts (session_id, total)
        select id, $2 from session
        """,
        upload.session_id,
        upload.total,
        upload.client,
    )
    await settle_grant(connection, grant, upload.session_id, queued.last_turn)
    await list_movies(connection, upload)
    # A statement after the one whose foreign keys locked the lookups, so that it sees what was
    # committed while those locks were waited for.
    counts = await recount(connection, upload.session_id)
    await note_upload(connection, upload, upload.session_id)
    await hold_within(connection, upload.client, upload.limits)
    return stored_as(counts, queued.count)
