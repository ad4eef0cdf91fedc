"""An upload that stays open for as long as a test likes, over a connection of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg

from shared.sql.counts import recount
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from typing import Self


class OpenUpload:
    """An upload as the API stores it, from its first lock to its commit."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._transaction = connection.transaction()
        self.session_id = uuid4()

    @classmethod
    @asynccontextmanager
    async def over(cls, dsn: str) -> AsyncIterator[Self]:
        """Open a connection; what was begun and not committed is rolled back at the end."""
        connection = await asyncpg.connect(dsn)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def list_keys(self, keys: Iterable[str]) -> None:
        """List these lookups in a session of its own; its foreign keys hold them from now on."""
        keys = list(keys)
        await self._transaction.start()
        await self._connection.execute(ADD_SESSION, self.session_id, len(keys))
        await self._connection.execute(
            """
            insert into movies (
              session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked,
              tags, in_watchlist, lists
            )
            select $1, place, lookups.id, 'listed', 1999, true, '{}', 0, false, '{}', false, '{}'
            from unnest($2::text[]) with ordinality as asked (key, place)
            join lookups using (key)
            """,
            self.session_id,
            keys,
        )
        await self._connection.execute(
            "update sessions set positions = $2 where id = $1", self.session_id, len(keys)
        )
        await self._connection.execute(
            "insert into upload_reports (session_id, upload_id, report) values ($1, $1, '{}')",
            self.session_id,
        )

    async def commit(self) -> None:
        """Count, in a statement after those that locked, and commit."""
        await recount(self._connection, self.session_id)
        await self._transaction.commit()
