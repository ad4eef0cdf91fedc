"""Sessions: status in two indexed rows, the report, forcing and deleting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.models import UPLOADS_LOCK, Channel, SessionStatus
from shared.sql.requeue import reopen_session
from shared.sql.turn_grants import free_turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from shared.postgres.database import Connection, Database

NOTE_READ_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it is stored. Counts are movies; `read_at` is written down at most daily.

    `has_client` says whether somebody is known whose sessions share four places in the queue,
    `held` whether the operator holds it.
    """

    id: UUID
    total: int
    enriched: int
    not_found: int
    failed: int
    created_at: datetime
    completed_at: datetime | None
    read_at: datetime
    has_client: bool = False
    held: bool = False

    @property
    def remaining(self) -> int:
        """Movies that have no outcome yet."""
        return self.total - self.enriched - self.not_found - self.failed

    @property
    def status(self) -> SessionStatus:
        """Whether any movie has no outcome yet."""
        return SessionStatus.ENRICHING if self.remaining else SessionStatus.COMPLETED


class SessionStorage:
    """Reads and ends sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, session_id: UUID) -> SessionRow | None:
        """One session, by its row and that of its counts; reading it keeps it from expiring."""
        row = await self._database.fetchrow(
            """
            select
              id, total, enriched, not_found, failed, created_at, completed_at, read_at,
              client is not null as has_client, held_at is not null as held,
              read_at < clock_timestamp() - $2::interval as long_unread
            from sessions
            cross join lateral current_counts(sessions.id)
            where id = $1
            """,
            session_id,
            NOTE_READ_AFTER,
        )
        if row is None:
            return None
        if row["long_unread"]:
            await self._note_read(session_id)
        return session_row(row)

    async def get_many(
        self, session_ids: Sequence[UUID]
    ) -> tuple[datetime | None, dict[UUID, SessionRow]]:
        """Those sessions that are there, in one statement, and when that was by the database.

        Reading them keeps them from expiring. Where none is there, nobody says when that was.
        """
        rows = await self._database.fetch(
            """
            select
              id, total, enriched, not_found, failed, created_at, completed_at, read_at,
              client is not null as has_client, held_at is not null as held,
              read_at < clock_timestamp() - $2::interval as long_unread,
              statement_timestamp() as now
            from sessions
            cross join lateral current_counts(sessions.id)
            where id = any($1::uuid[])
            """,
            list(session_ids),
            NOTE_READ_AFTER,
        )
        for row in rows:
            if row["long_unread"]:
                await self._note_read(row["id"])
        return rows[0]["now"] if rows else None, {row["id"]: session_row(row) for row in rows}

    async def _note_read(self, session_id: UUID) -> None:
        await self._database.fetchval(
            "update sessions set read_at = clock_timestamp() where id = $1", session_id
        )

    async def reports(
        self, session_id: UUID, most_bytes: int
    ) -> tuple[int, list[tuple[datetime, str]]]:
        """How many uploads there were, and how they were read and when, the first one first.

        Each report is megabytes of JSON text at most, and they are read one at a time.

        Args:
            session_id: which session.
            most_bytes: of reports, beyond which only the first is read.
        """
        uploads = await self._database.fetch(
            """
            select upload_id, uploaded_at
            from upload_reports
            where session_id = $1
            order by uploaded_at, upload_id
            """,
            session_id,
        )
        reports: list[tuple[datetime, str]] = []
        size = 0
        for upload in uploads:
            report: str | None = await self._database.fetchval(
                "select report from upload_reports where session_id = $1 and upload_id = $2",
                session_id,
                upload["upload_id"],
            )
            if report is None:  # the session was deleted meanwhile
                return 0, []
            size += len(report.encode())
            if reports and size > most_bytes:
                break
            reports.append((upload["uploaded_at"], report))
        return len(uploads), reports

    async def force(self, session_id: UUID, traceparent: str) -> int:
        """Queue again what was not found or failed; how many lookups that were."""
        return await reopen_session(self._database, session_id, traceparent)

    async def delete(self, session_id: UUID) -> bool:
        """Delete a session with all that was uploaded; whether there was one.

        Its lookups without an outcome that nobody else lists leave the queue in the same
        transaction. While an upload is in progress, which may be about to list them, they stay,
        and the daemon's tick takes them out.
        """
        seen = False

        async def work(connection: Connection) -> bool:
            nonlocal seen
            alone = await connection.fetchval("select pg_try_advisory_xact_lock($1)", UPLOADS_LOCK)
            pending = (
                await connection.fetch(
                    """
                    select id
                    from lookups
                    where outcome is null
                      and id in (select lookup_id from movies where session_id = $1)
                    order by id
                    for update skip locked
                    """,
                    session_id,
                )
                if alone
                else []
            )
            grants = await connection.fetch(
                "select id from queue_grants where session_id = $1", session_id
            )
            deleted = await connection.fetchval(
                "delete from sessions where id = $1 returning true", session_id
            )
            if pending:
                # A statement of its own, so that it sees who else lists them by now.
                unqueued = await connection.fetch(
                    """
                    delete from lookups
                    where id = any($1::bigint[])
                      and not exists (select from movies where lookup_id = lookups.id)
                    returning turn
                    """,
                    [row["id"] for row in pending],
                )
                await free_turns(
                    connection,
                    [row["id"] for row in grants],
                    [row["turn"] for row in unqueued if row["turn"] is not None],
                )
            await connection.execute(
                "select pg_notify($1, $2)", Channel.SESSION_PROGRESS, str(session_id)
            )
            # Of a second try, after the answer to the first COMMIT was lost, it is gone already.
            seen = seen or bool(deleted)
            return seen

        return await self._database.transact(work)


def session_row(row: asyncpg.Record) -> SessionRow:
    """Return a session from the columns that its fields are named after."""
    return SessionRow(
        id=row["id"],
        total=row["total"],
        enriched=row["enriched"],
        not_found=row["not_found"],
        failed=row["failed"],
        created_at=row["created_at"],
        completed_at=row["completed_at"],
        read_at=row["read_at"],
        has_client=row["has_client"],
        held=row["held"],
    )
