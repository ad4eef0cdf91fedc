"""Shares: what lets others read a session, each with an id of its own that tells nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import asyncpg

from api_service.storage.sessions import SessionRow, session_row
from shared.errors import TooManySharesError

if TYPE_CHECKING:
    from datetime import datetime

    from shared.postgres.database import Database

MOST_SHARES: Final = 20
"""Shares that a session may have at once; expired ones are none."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it is stored: what it shows beside the films, and until when."""

    id: UUID
    with_reviews: bool
    with_tags: bool
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SharedSession:
    """A share that holds, and the session that it shows."""

    share: Share
    session: SessionRow


class ShareStorage:
    """Makes, reads and ends shares. A share is never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, session_id: UUID, *, with_reviews: bool, with_tags: bool, days: int | None
    ) -> Share | None:
        """Share a session; None where there is no such session.

        Args:
            session_id: which session.
            with_reviews: whether its reviews are shown.
            with_tags: whether its tags are shown.
            days: after which the share expires; None is never.

        Raises:
            TooManySharesError: the session has `MOST_SHARES` that have not expired.
        """
        share_id = uuid4()
        await self._database.fetch(
            "delete from shares where session_id = $1 and expires_at <= clock_timestamp()",
            session_id,
        )
        try:
            # Two requests at once that choose the same number collide, and the later one is run
            # again; chosen at random, they seldom do. One whose answer was lost is found by its id.
            await self._database.fetch(
                """
                insert into shares (
                  id, session_id, number, with_reviews, with_tags, expires_at
                )
                select $1, $2, free.number, $3, $4, clock_timestamp() + make_interval(days => $5)
                from generate_series(1, $6::integer) as free (number)
                where not exists (
                  select from shares where session_id = $2 and shares.number = free.number
                )
                order by random()
                limit 1
                on conflict (id) do nothing
                """,
                share_id,
                session_id,
                with_reviews,
                with_tags,
                days,
                MOST_SHARES,
            )
        except asyncpg.ForeignKeyViolationError:
            return None
        row = await self._database.fetchrow(
            """
            select id, with_reviews, with_tags, created_at, expires_at
            from shares
            where id = $1
            """,
            share_id,
        )
        if row is None:
            raise TooManySharesError(
                f"A list may have {MOST_SHARES} shares. End one of them first."
            )
        return Share(**row)

    async def of_session(self, session_id: UUID) -> list[Share]:
        """Return the shares of a session that have not expired, the newest first."""
        rows = await self._database.fetch(
            """
            select id, with_reviews, with_tags, created_at, expires_at
            from shares
            where session_id = $1 and (expires_at is null or expires_at > clock_timestamp())
            order by created_at desc, id
            """,
            session_id,
        )
        return [Share(**row) for row in rows]

    async def revoke(self, session_id: UUID, share_id: UUID) -> bool:
        """End a share of a session; whether it had such a one."""
        revoked = await self._database.fetchval(
            "delete from shares where session_id = $1 and id = $2 returning true",
            session_id,
            share_id,
        )
        return bool(revoked)

    async def get(self, share_id: UUID) -> SharedSession | None:
        """Return a share that has not expired, with its session.

        Unlike reading the session by its own id, this does not keep it from expiring.
        """
        row = await self._database.fetchrow(
            """
            select
              shares.id as share_id, with_reviews, with_tags, shares.created_at as shared_at,
              expires_at,
              sessions.id, total, enriched, not_found, failed, sessions.created_at, completed_at,
              read_at, client is not null as has_client, held_at is not null as held
            from shares
            join sessions on sessions.id = shares.session_id
            cross join lateral current_counts(sessions.id)
            where shares.id = $1 and (expires_at is null or expires_at > clock_timestamp())
            """,
            share_id,
        )
        if row is None:
            return None
        share = Share(
            row["share_id"],
            row["with_reviews"],
            row["with_tags"],
            row["shared_at"],
            row["expires_at"],
        )
        return SharedSession(share, session_row(row))
