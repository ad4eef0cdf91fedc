"""Idempotency keys, by which a client may repeat an upload safely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from api_service.errors import IdempotencyKeyReusedError, UploadInProgressError

if TYPE_CHECKING:
    from uuid import UUID

    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection

KEY_LIFETIME = timedelta(hours=24)
PRUNED_KEYS = 100
"""Expired keys that one upload deletes at most."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's Idempotency-Key, and a digest of what it stands for."""

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class KeyedUpload:
    """The upload that an idempotency key has made."""

    session_id: UUID
    upload_id: UUID | None
    body_sha256: bytes

    def check(self, body_sha256: bytes) -> None:
        """Refuse another body.

        Raises:
            IdempotencyKeyReusedError: it is another.
        """
        if body_sha256 != self.body_sha256:
            raise IdempotencyKeyReusedError(
                "Send a new Idempotency-Key with a new upload; this one belongs to another body."
            )


class UploadRepeatedError(Exception):
    """The same upload has been stored before, with the same key.

    Attributes:
        upload: that one.
    """

    def __init__(self, upload: KeyedUpload) -> None:
        super().__init__(f"the key belongs to an upload of session {upload.session_id}")
        self.upload = upload


async def find_key(reader: Database | Connection, key: str) -> KeyedUpload | None:
    """Return the upload that was stored with this key in the last 24 hours."""
    row = await reader.fetchrow(
        """
        select session_id, upload_id, body_sha256
        from idempotency_keys
        where key = $1 and created_at > clock_timestamp() - $2::interval
        """,
        key,
        KEY_LIFETIME,
    )
    return KeyedUpload(**row) if row else None


async def hold_key(connection: Connection, idempotency: IdempotencyKey) -> None:
    """Reserve a key until the transaction ends.

    Raises:
        UploadInProgressError: another request does.
        UploadRepeatedError: one has, since this request looked for the key.
        IdempotencyKeyReusedError: one has stored another body.
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
    if upload := await find_key(connection, idempotency.key):
        upload.check(idempotency.body_sha256)
        raise UploadRepeatedError(upload)


async def prune_keys(database: Database) -> None:
    """Delete expired keys that are not locked, in a transaction of its own.

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
